"""What cameras and the bridge agree on: the link's names, numbers and limits."""
