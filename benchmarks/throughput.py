"""Detections a second: the whole bridge against the model alone, in turns on the same machine.

The bridge is a process of its own, from WebSocket in to MQTT out, with four cameras that offer far more than it can
take. The limit is OpenVINO's asynchronous queue fed with a picture that is ready in memory, with nothing else running.
Prints one JSON object; the ratio is what counts.

    python benchmarks/throughput.py [--seconds 8] [--rounds 3] [--viewers 0]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
MODEL = SHARED / "models" / "yolo11n_int8_openvino_model"
FRAMES = SHARED / "frames"
CAMERAS = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def limit_per_s(seconds: float) -> float:
    """Frames a second of the bare model, two requests in flight or as many as OpenVINO likes."""
    code = f"""
import time, numpy as np, openvino as ov
core = ov.Core()
model = core.compile_model(r"{MODEL}/yolo11n.xml", "CPU", {{"PERFORMANCE_HINT": "THROUGHPUT"}})
queue = ov.AsyncInferQueue(model)
tensor = np.zeros(model.input(0).shape, np.float32)
for _ in range(20): queue.start_async([tensor])
queue.wait_all()
start, count = time.perf_counter(), 0
while time.perf_counter() - start < {seconds}:
    queue.start_async([tensor], share_inputs=True); count += 1
queue.wait_all()
print(count / (time.perf_counter() - start))
"""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


class BridgeUnderLoad:
    """Broker, bridge, cameras and viewers, as processes."""

    def __init__(self, folder: Path, viewers: int) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.http_port = free_port()
        mqtt_port, ingest_port = free_port(), free_port()
        broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        (folder / "mosquitto.conf").write_text(f"listener {mqtt_port} 127.0.0.1\nallow_anonymous true\n")
        self.start(broker, "-c", str(folder / "mosquitto.conf"))
        cameras = ", ".join(f"{{id: load_{number}}}" for number in range(1, CAMERAS + 1))
        config = folder / "bench.yaml"
        config.write_text(
            f"mqtt: {{port: {mqtt_port}}}\ningest: {{host: 127.0.0.1, port: {ingest_port}}}\n"
            f"http: {{host: 127.0.0.1, port: {self.http_port}}}\ndetector: {{model: {MODEL}}}\n"
            f"defaults: {{detect: {{max_fps: 60}}}}\ncameras: [{cameras}]\n"
        )
        self.bridge = self.start(sys.executable, "-m", "bridge", "run", "-c", str(config))
        self.wait_ready()
        pictures = folder / "pictures"
        pictures.mkdir()
        for name in ("person-vga.jpg", "empty-vga.jpg"):
            shutil.copy(FRAMES / name, pictures / name)
        url = f"ws://127.0.0.1:{ingest_port}/ws/load"
        self.start(
            sys.executable, "-m", "bridge", "simulate", "--url", url, "--source", str(pictures),
            "--fps", "25", "--cameras", str(CAMERAS),
        )  # fmt: skip
        for number in range(viewers):
            stream = f"http://127.0.0.1:{self.http_port}/cameras/load_{1 + number % CAMERAS}/stream.mjpg"
            self.start("curl", "-s", "-o", "/dev/null", stream)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit("the bridge does not become ready")

    def detected(self) -> float:
        counters = re.findall(r"^espcam_frames_detected_total\{.*\} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return sum(float(value) for value in counters)

    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self.bridge.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(10)


def bridge_per_s(seconds: float, viewers: int) -> tuple[float, float]:
    """Detections a second of the whole bridge, and its memory in MB."""
    with tempfile.TemporaryDirectory() as name:
        load = BridgeUnderLoad(Path(name), viewers)
        try:
            time.sleep(3)
            before, started = load.detected(), time.perf_counter()
            time.sleep(seconds)
            return (load.detected() - before) / (time.perf_counter() - started), load.rss_mb()
        finally:
            load.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--viewers", type=int, default=0)
    options = parser.parse_args()
    if not MODEL.exists():
        raise SystemExit(f"no model at {MODEL}")
    ratios, limits, bridges, memory_mb = [], [], [], 0.0
    for _ in range(options.rounds):
        limits.append(limit_per_s(options.seconds))
        rate, memory_mb = bridge_per_s(options.seconds, options.viewers)
        bridges.append(rate)
        ratios.append(rate / limits[-1])
    print(
        json.dumps(
            {
                "cameras": CAMERAS,
                "viewers": options.viewers,
                "ratio": round(statistics.median(ratios), 3),
                "bridge_per_s": [round(value, 1) for value in bridges],
                "limit_per_s": [round(value, 1) for value in limits],
                "bridge_rss_mb": round(memory_mb),
            }
        )
    )


if __name__ == "__main__":
    main()
