"""Downloading and exporting a model, against a stand-in for the internet on 127.0.0.1."""

from __future__ import annotations

import importlib.util
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from bridge.detect.fetch import fetch
from bridge.detect.load import load_detector
from bridge.detect.models import ModelKind
from bridge.detect.port import DetectorSettings
from bridge.errors import DependencyMissing, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

needs_ultralytics = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None, reason="ultralytics is not installed: make test-yolo"
)


class Internet:
    """An HTTPS proxy that plays every server itself: it serves ``files`` by their last name, else 404."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        authority = trustme.CA()
        self.authority_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(self.authority_file)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("github.com", "api.github.com").configure_cert(self._tls)
        internet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.connection = internet._tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
                self._host = self.path.split(":")[0]
                self.close_connection = False  # CONNECT is HTTP/1.0, what follows is not

            def do_GET(self) -> None:
                internet.asked.append(f"{self._host}{self.path}")
                body = internet.files.get(self.path.rsplit("/", maxsplit=1)[-1])
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")
                self.wfile.flush()

            def finish(self) -> None:
                super().finish()
                self.connection.close()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, name="internet", daemon=True).start()

    @property
    def environ(self) -> dict[str, str]:
        """What makes programs go through it and believe it."""
        proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(self.authority_file)}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    server = Internet(tmp_path)
    yield server
    server.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "ESPCAM_BRIDGE_MODELS": str(tmp_path / "none"),
        "PYTHONWARNINGS": "ignore",
    }


@needs_ultralytics
@pytest.mark.yolo
@pytest.mark.model
@pytest.mark.timeout(240)  # PyTorch loads twice
def test_a_model_that_is_nowhere_is_downloaded_exported_and_run_without_pytorch(
    internet: Internet, environ: dict[str, str], tmp_path: Path
) -> None:
    make = "from bridge.detect.ultralytics import _library as u; import sys; u.YOLO('yolo11n.yaml').save(sys.argv[1])"
    weights = tmp_path / "made.pt"
    subprocess.run([sys.executable, "-c", make, str(weights)], check=True, env=environ, timeout=100)
    internet.files["yolo11n.pt"] = weights.read_bytes()
    told: list[str] = []
    settings = DetectorSettings(image_size=320, workers=1)
    detector = load_detector(settings, environ | internet.environ, told.append)
    assert (detector.info.runtime, detector.info.model, detector.info.input_width_px) == ("openvino", "yolo11n", 320)
    assert len(detector.info.labels) == 80
    assert [url for url in internet.asked if "/yolo11n.pt" in url] == internet.asked  # nothing else was asked for
    assert re.match(r"github\.com/ultralytics/assets/releases/download/v[\d.]+/yolo11n\.pt$", internet.asked[0])
    assert "downloading yolo11n" in told[0]
    # From now on it is there.
    internet.asked.clear()
    assert load_detector(settings, environ).info.model == "yolo11n"
    assert internet.asked == []
    left = sorted(path.name for path in (tmp_path / "cache/espcam-bridge/models").iterdir())
    assert left == ["yolo11n.pt", "yolo11n_openvino_model"]


@needs_ultralytics
@pytest.mark.yolo
@pytest.mark.timeout(120)
def test_a_download_that_fails_says_why_and_what_to_do_without_long_retries(
    internet: Internet, environ: dict[str, str]
) -> None:
    started_s = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        load_detector(DetectorSettings(model="yolo11n"), environ | internet.environ)
    assert "there is no model yolo11n on this machine and it cannot be fetched" in caught.value.reason
    assert "Download failure" in caught.value.reason
    assert "internet connection" in caught.value.mend
    assert "detector.model" in caught.value.mend
    assert "\n" not in str(caught.value)
    assert len(internet.asked) == 1
    assert time.monotonic() - started_s < 60


# --- what can go wrong with the child (small programs take its place) -------------------------------------------------


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import os, sys, time\nname, folder = sys.argv[1:]\n{code}")


def failure(environ: dict[str, str], code: str, timeout_s: float = 30.0) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        fetch("yolo11n", environ, lambda _: None, child=child(code), timeout_s=timeout_s)
    return caught.value.reason


def test_the_childs_one_line_is_the_reason(environ: dict[str, str]) -> None:
    assert failure(environ, "print('no such host'); sys.exit(1)").endswith("cannot be fetched: no such host")


def test_a_child_that_is_killed_is_said_so(environ: dict[str, str]) -> None:
    assert "ended by signal 9 (out of memory?)" in failure(environ, "os.kill(os.getpid(), 9)")


def test_a_child_that_fails_without_a_word_is_said_so(environ: dict[str, str]) -> None:
    assert "ended with status 3" in failure(environ, "sys.exit(3)")
    assert "nothing came" in failure(environ, "pass")


def test_a_child_that_hangs_is_ended(environ: dict[str, str]) -> None:
    started_s = time.monotonic()
    assert "took longer than 1 s" in failure(environ, "time.sleep(50)", timeout_s=1.0)
    assert time.monotonic() - started_s < 10


def test_weights_whose_export_failed_are_used_as_they_are(environ: dict[str, str]) -> None:
    told: list[str] = []
    code = "os.makedirs(folder); open(f'{folder}/{name}.pt', 'w').close(); print('no disk'); sys.exit(1)"
    files = fetch("auto", environ, told.append, child=child(code))
    assert (files.name, files.kind) == ("yolo11n", ModelKind.PYTORCH)
    assert told[-1] == "yolo11n is used as it came: no disk"


def test_the_child_does_not_outlive_the_bridge(environ: dict[str, str], tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    waits = f"open({str(mark)!r}, 'w').write(str(os.getpid())); sys.stdin.read(); open({str(mark)!r}, 'w').write('end')"
    parent = (
        "import os\nfrom bridge.detect.fetch import fetch\n"
        f"fetch('yolo11n', dict(os.environ), print, child={child(waits)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], env=environ, stdout=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 20
    while not (mark.exists() and mark.read_text().isdigit()) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    process.kill()
    process.wait()
    while mark.read_text() != "end" and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert mark.read_text() == "end"


@needs_ultralytics
@pytest.mark.yolo
@pytest.mark.timeout(120)
def test_auto_goes_on_with_the_model_in_the_box_when_the_download_fails(
    internet: Internet, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    detector = load_detector(DetectorSettings(), environ | internet.environ)
    assert detector.info.model == "starter_int8"
    assert "cannot be fetched" in caplog.text
    assert "see to the internet connection" in caplog.text


def test_without_ultralytics_one_line_says_how_to_get_it(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)  # as if it were not installed
    with pytest.raises(ModelUnavailable, match=r"pip install 'espcam-bridge\[yolo\]'") as caught:
        load_detector(DetectorSettings(model="yolo11n"), environ)
    assert "\n" not in str(caught.value)


def test_weights_without_ultralytics_say_what_to_install(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_VERBOSE", "YOLO_CONFIG_DIR"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    monkeypatch.delitem(sys.modules, "bridge.detect.ultralytics", raising=False)
    (tmp_path / "best.pt").touch()
    with pytest.raises(
        DependencyMissing, match=r"ultralytics is not installed; run: pip install 'espcam-bridge\[yolo\]'"
    ):
        load_detector(DetectorSettings(model=str(tmp_path / "best.pt")), environ)
