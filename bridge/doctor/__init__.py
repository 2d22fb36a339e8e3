"""Looks for what keeps the bridge from working, and says the mend; changes nothing unless told to."""
