"""Publish: events and states to MQTT, with Home Assistant discovery."""
