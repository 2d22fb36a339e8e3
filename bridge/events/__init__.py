"""Events: tracks become visits with one beginning and one end, and a picture of each."""
