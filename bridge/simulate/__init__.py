"""Simulate: footage in, faithful ESP32-CAM twins out."""
