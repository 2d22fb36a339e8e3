"""What every measurement needs: broker, bridge, cameras and viewers as processes, a real MQTT listener, and /proc.

Everything a ``Stage`` starts ends with it, also when the measurement fails. Ports are free ones of 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARED = ROOT.parent / "shared"
MODEL = SHARED / "models" / "yolo11n_int8_openvino_model"
FOOTAGE = SHARED / "footage" / "one-by-one-person.mp4"

_TICKS_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_READY_S = 60.0


class Missing(Exception):
    """Something that a measurement needs is not there; the text says how to get it."""


@dataclass(frozen=True)
class Options:
    """How thorough to be.

    Attributes:
        quick: everything within two minutes.
        soak_min: minutes of churn for the memory measurement; 0: as ``quick`` has it.
        say: tells the person who waits.
    """

    quick: bool = False
    soak_min: float = 0.0
    say: Callable[[str], None] = print

    def pick(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 3


# --- /proc ---------------------------------------------------------------------------------------------------------


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, user and system, ended threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def thread_cpu_s(pid: int) -> dict[int, float]:
    """CPU seconds of each thread that lives now, to the nanosecond."""
    threads = {}
    for folder in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile
            threads[int(folder.name)] = int((folder / "schedstat").read_text().split()[0]) / 1e9
    return threads


def rss_mb(pid: int) -> float:
    """Memory held, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6


def machine_cpu_s() -> float:
    """CPU seconds that all processes used since the machine started, and those that its host took away (steal)."""
    user, nice, system, _, _, irq, softirq, steal = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / _TICKS_S


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """For processes that import the bridge or these scripts; compiled modules are kept, as Python does for users."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**own, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]), "PYTHONUNBUFFERED": "1"}


# --- processes -----------------------------------------------------------------------------------------------------


class Helper:
    """A script of this folder that answers a line with a line of JSON."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended")  # type: ignore[str-bytes-safe]
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            raise RuntimeError(answer["problem"])
        return answer

    def ask(self, question: object = None) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Raw(Helper):
    """The limit, see ``raw.py``."""

    def __init__(self) -> None:
        super().__init__("raw.py", str(MODEL))

    def throughput(self, shape: Sequence[int], seconds: float) -> dict[str, Any]:
        return self.ask({"do": "throughput", "shape": list(shape), "seconds": seconds})

    def latency_ms(self, shape: Sequence[int], seconds: float, interval_s: float) -> list[float]:
        answer = self.ask({"do": "latency", "shape": list(shape), "seconds": seconds, "interval_s": interval_s})
        return list(answer["ms"])

    def shape_for(self, picture: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the model's input that the bridge uses for pictures of this width and height."""
        height, width = self.ask({"do": "shape", "picture": list(picture)})["shape"]
        return height, width


@dataclass(frozen=True)
class Moment:
    """What the bridge had done and used at one moment."""

    mono_s: float
    cpu_s: float
    counters: dict[str, float]

    def since(self, earlier: Moment) -> Span:
        took = {name: value - earlier.counters.get(name, 0.0) for name, value in self.counters.items()}
        return Span(self.mono_s - earlier.mono_s, self.cpu_s - earlier.cpu_s, took)


@dataclass(frozen=True)
class Span:
    """What the bridge did and used between two moments; counters are summed over the cameras."""

    seconds: float
    cpu_s: float
    counters: dict[str, float]

    def per_s(self, counter: str) -> float:
        return self.counters.get(f"espcam_{counter}_total", 0.0) / self.seconds


class Stage:
    """Broker and bridge, ready; cameras and viewers come and go by ``cameras`` and ``viewers``.

    Args:
        defaults: the configuration's ``defaults``, what all cameras share.
        program: what runs the bridge.
    """

    def __init__(self, defaults: dict[str, Any] | None = None, program: Sequence[str] = ("-m", "bridge")) -> None:
        self._stack = contextlib.ExitStack()
        try:
            self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            self.mqtt_port, self.ingest_port, self.http_port = free_port(), free_port(), free_port()
            self.broker = self._start_broker()
            config = {
                "mqtt": {"port": self.mqtt_port},
                "ingest": {"host": "127.0.0.1", "port": self.ingest_port, "unknown_cameras": "accept"},
                "http": {"host": "127.0.0.1", "port": self.http_port, "max_viewers": 512},
                "detector": {"model": str(MODEL)},
                "history": {"url": f"sqlite:///{self.folder}/history.db", "media_dir": f"{self.folder}/media"},
                "state_file": f"{self.folder}/state.json",
                "defaults": defaults or {},
            }
            self.config = self.folder / "bench.yaml"
            self.config.write_text(json.dumps(config))  # JSON is YAML
            began_s = time.monotonic()
            self.bridge = self._start(sys.executable, *program, "run", "-c", str(self.config), log="bridge.log")
            self._wait_ready()
            self.ready_s = time.monotonic() - began_s
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- actors ----------------------------------------------------------------------------------------------------

    def cameras(self, count: int, fps: float, frames: Path, *, prefix: str = "load") -> Helper:
        """Cameras ``load_1`` ... that send until the helper is closed; ``ask`` tells what they sent."""
        url = f"ws://127.0.0.1:{self.ingest_port}/ws/{prefix}_{{}}"
        return cameras(url, count, fps, frames)

    def viewers(self, count: int, cameras: int, query: str = "") -> Helper:
        """Viewers of the cameras in turn."""
        return viewers(f"http://127.0.0.1:{self.http_port}/cameras/load_{{}}/stream.mjpg{query}", count, cameras)

    def listener(self, topic: str = "espcam/#") -> Listener:
        return self._stack.enter_context(Listener(self.mqtt_port, topic))

    # --- what the bridge says --------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[int, str]:
        if self.bridge.poll() is not None:
            raise RuntimeError(f"the bridge ended: {tail(self.folder / 'bridge.log')}")
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> Any:  # noqa: ANN401 - whatever the API says
        return json.loads(self.get(path)[1])

    def now(self) -> Moment:
        """Counters and CPU time of this moment."""
        counters: dict[str, float] = {}
        for name, value in re.findall(r"^(espcam_\w+)(?:\{.*\})? (\S+)$", self.get("/metrics")[1], re.MULTILINE):
            counters[name] = counters.get(name, 0.0) + float(value)
        return Moment(time.monotonic(), cpu_s(self.bridge.pid), counters)

    def watch(self, seconds: float) -> Span:
        """What the bridge does in this time."""
        before = self.now()
        time.sleep(seconds)
        return self.now().since(before)

    def rss_mb(self) -> float:
        return rss_mb(self.bridge.pid)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _start_broker(self) -> subprocess.Popen[bytes]:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        if not Path(program).exists():
            raise Missing("no mosquitto; on Debian: sudo apt-get install mosquitto")
        settings = self.folder / "mosquitto.conf"
        settings.write_text(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\n")
        return self._start(program, "-c", str(settings), log="broker.log")

    def _start(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        return start(self._stack, *command, log=self.folder / log)

    def _wait_ready(self) -> None:
        wait_for(lambda: self.get("/readyz")[0] == 200, self.bridge, self.folder / "bridge.log")


def start(stack: contextlib.ExitStack, *command: str, log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a process that ends with the stack."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    stack.callback(_end, process)
    return process


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it is ready; when that does not come, say what the log says."""
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if ready():
                return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args} does not become ready: {tail(log)}")  # type: ignore[str-bytes-safe]


def tail(log: Path) -> str:
    """The last line of a log that says something."""
    return next((line for line in reversed(log.read_text(errors="replace").splitlines()) if line.strip()), "no log")


def cameras(url: str, count: int, fps: float, frames: Path) -> Helper:
    """Cameras as a process; they are connected when this returns."""
    return _loaded("cameras", "--url", url, "--count", str(count), "--fps", str(fps), "--frames", str(frames))


def viewers(url: str, count: int, spread: int) -> Helper:
    """Viewers as a process; they are connected when this returns."""
    return _loaded("viewers", "--url", url, "--count", str(count), "--spread", str(spread))


def _loaded(*arguments: str) -> Helper:
    helper = Helper("load.py", *arguments)
    try:
        helper.read()
    except BaseException:
        helper.close()
        raise
    return helper


def seen_per_s(helper: Helper, seconds: float) -> list[float]:
    """Frames a second that each viewer sees during this time."""
    before = helper.ask()
    time.sleep(seconds)
    after = helper.ask()
    took_s = after["mono_s"] - before["mono_s"]
    return [(now - then) / took_s for then, now in zip(before["frames"], after["frames"], strict=True)]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Listener:
    """A real MQTT subscriber; keeps time, topic and payload of every message but pictures."""

    def __init__(self, port: int, topic: str) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[float, str, bytes]] = []
        subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=0)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self._keep(message.topic, message.payload)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not subscribed.wait(5):
            raise RuntimeError("the broker does not answer the listener")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def events(self) -> list[tuple[float, dict[str, Any]]]:
        """When each event message came (monotonic), and what it said."""
        return [
            (at_s, json.loads(payload)) for at_s, topic, payload in list(self.messages) if topic.endswith("/events")
        ]

    def _keep(self, topic: str, payload: bytes) -> None:
        now_s = time.monotonic()
        if not payload.startswith(b"\xff\xd8"):
            self.messages.append((now_s, topic, payload))
