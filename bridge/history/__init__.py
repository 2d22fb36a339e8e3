"""History: past events, their pictures, and the messages that wait for the broker, on the disk."""
