"""Track: detections of one camera over time become objects with an identity."""
