from __future__ import annotations

from bridge.runtime.metrics import Metrics


def test_metrics_carry_the_names_of_the_contract() -> None:
    metrics = Metrics()
    for counter in (metrics.frames_received, metrics.frames_detected, metrics.frames_dropped):
        counter.labels("door").inc()
    metrics.frames_rejected.labels("door", "truncated").inc()
    metrics.events.labels("door", "person", "new").inc(2)
    metrics.inference_seconds.observe(0.04)
    metrics.event_latency_seconds.observe(0.2)
    metrics.camera_online.labels("door").set(1)
    metrics.viewers.labels("door").set(3)
    metrics.camera_rssi_dbm.labels("door").set(-61)
    metrics.outbox_messages.set(7)
    metrics.mqtt_connected.set(1)

    lines = set(metrics.render().decode().splitlines())

    assert {
        'espcam_frames_received_total{camera="door"} 1.0',
        'espcam_frames_detected_total{camera="door"} 1.0',
        'espcam_frames_dropped_total{camera="door"} 1.0',
        'espcam_frames_rejected_total{camera="door",reason="truncated"} 1.0',
        'espcam_events_total{camera="door",label="person",type="new"} 2.0',
        "espcam_inference_seconds_count 1.0",
        "espcam_event_latency_seconds_count 1.0",
        'espcam_camera_online{camera="door"} 1.0',
        'espcam_viewers{camera="door"} 3.0',
        'espcam_camera_rssi_dbm{camera="door"} -61.0',
        "espcam_outbox_messages 7.0",
        "espcam_mqtt_connected 1.0",
    } <= lines


def test_an_inference_lands_in_the_bucket_of_its_duration() -> None:
    metrics = Metrics()
    metrics.inference_seconds.observe(0.04)
    text = metrics.render().decode()
    assert 'espcam_inference_seconds_bucket{le="0.03"} 0.0' in text
    assert 'espcam_inference_seconds_bucket{le="0.05"} 1.0' in text


def test_two_bridges_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.frames_received.labels("door").inc()
    assert 'espcam_frames_received_total{camera="door"}' in one.render().decode()
    assert 'espcam_frames_received_total{camera="door"}' not in other.render().decode()


def test_prometheus_is_told_the_format() -> None:
    assert Metrics.content_type.startswith("text/plain; version=")
