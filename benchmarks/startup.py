"""How long until the bridge is ready, and what it holds in memory when nothing happens.

Starts ``espcam-bridge run`` with the model given to the tests and asks /readyz until it says 200. Prints one JSON
object: the median of the rounds.

    python benchmarks/startup.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def start_once(mqtt_port: int, config: Path) -> tuple[float, float]:
    """Seconds until ready, and MB held two seconds later."""
    http_port = free_port()
    config.write_text(
        f"mqtt: {{port: {mqtt_port}}}\ningest: {{host: 127.0.0.1, port: {free_port()}}}\n"
        f"http: {{host: 127.0.0.1, port: {http_port}}}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ESPCAM_BRIDGE_MODELS": str(MODELS)}
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "run", "-c", str(config)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while not is_ready(http_port):
            if process.poll() is not None or time.perf_counter() - started_s > 60:
                raise SystemExit("the bridge does not become ready")
            time.sleep(0.01)
        ready_s = time.perf_counter() - started_s
        time.sleep(2)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return ready_s, pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not MODELS.exists():
        raise SystemExit(f"no models at {MODELS}")
    with tempfile.TemporaryDirectory() as folder:
        mqtt_port = free_port()
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {mqtt_port} 127.0.0.1\nallow_anonymous true\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        broker = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
        try:
            rounds = [start_once(mqtt_port, Path(folder) / "bench.yaml") for _ in range(options.rounds)]
        finally:
            broker.terminate()
            broker.wait(10)
    ready_s, memory_mb = zip(*rounds, strict=True)
    print(
        json.dumps(
            {
                "ready_s": round(statistics.median(ready_s), 2),
                "ready_s_all": [round(value, 2) for value in ready_s],
                "rest_rss_mb": round(statistics.median(memory_mb)),
            }
        )
    )


if __name__ == "__main__":
    main()
