"""Demo: broker, cameras, bridge and page in one command."""
