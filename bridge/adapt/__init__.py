"""The closed loop: what a camera sends follows what its link carries; at night its lamp helps."""
