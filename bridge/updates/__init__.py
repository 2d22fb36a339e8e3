"""Firmware for cameras: images in a folder, which of them is news to which camera, and how an update goes."""
