"""Starting and stopping the web server."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.errors import ListenError

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import SiteFactory, StreamFactory

pytestmark = pytest.mark.integration


def test_it_stops_within_a_second_with_thirty_streams_open(
    make_site: SiteFactory, watch: StreamFactory, wait_until: WaitUntil
) -> None:
    site = make_site()
    site.store.add_camera("silent")
    site.feed(10)
    viewers = [watch(site) for _ in range(20)] + [watch(site, "/cameras/silent/stream.mjpg") for _ in range(10)]
    ends: list[type[BaseException]] = []

    def follow(viewer: object) -> None:
        try:
            while True:
                viewer.read()  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - an end of any kind is what is waited for
            ends.append(type(error))

    threads = [threading.Thread(target=follow, args=(viewer,)) for viewer in viewers]
    for thread in threads:
        thread.start()
    wait_until(lambda: site.viewers() == 20)
    began = time.perf_counter()
    assert site.server.stop()
    took_s = time.perf_counter() - began
    for thread in threads:
        thread.join(2)
    assert took_s < 2.0, "0.5 s is usual"
    assert len(ends) == 30
    assert site.viewers() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.server.port), 1)


def test_it_stops_in_time_although_a_viewer_does_not_read(make_site: SiteFactory, wait_until: WaitUntil) -> None:
    site = make_site()
    site.feed(25)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", site.server.port))
        stalled.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: site.viewers() == 1)
        time.sleep(2)
        began = time.perf_counter()
        assert site.server.stop()
        assert time.perf_counter() - began < 2.0


def test_stopping_twice_and_without_a_start_is_harmless(make_site: SiteFactory) -> None:
    site = make_site()
    assert site.server.stop()
    assert site.server.stop()


def test_a_taken_port_is_one_clear_error(make_site: SiteFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError) as raised:
            make_site(port=port)
    assert f"127.0.0.1:{port}" in str(raised.value)
    assert "http.port" in str(raised.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_one_clear_error(make_site: SiteFactory, host: str) -> None:
    with pytest.raises(ListenError, match=r"http\.host"):
        make_site(host=host)


def test_a_port_is_free_again_after_the_stop(make_site: SiteFactory, watch: StreamFactory, free_port: int) -> None:
    first = make_site(port=free_port)
    watch(first).read()
    first.server.stop()
    assert make_site(port=free_port).get("/healthz").status == 200


def test_the_url_is_one_that_works_here_or_the_public_one(make_site: SiteFactory) -> None:
    site = make_site(host="0.0.0.0")  # noqa: S104 - what is tested
    assert site.server.url == f"http://127.0.0.1:{site.server.port}/"
    assert make_site(public_url="https://cameras.example/").server.url == "https://cameras.example/"


def test_it_listens_on_ipv6_where_there_is_any(make_site: SiteFactory) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    site = make_site(host="::")
    assert site.server.url == f"http://[::1]:{site.server.port}/" or "127.0.0.1" in site.server.url
    with socket.create_connection(("::1", site.server.port), 2):
        pass
    assert site.get("/healthz").status == 200, "and on IPv4 as well"


def test_nothing_goes_to_stderr_but_through_logging(
    make_site: SiteFactory, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    site = make_site()
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(b"\x00\x01\x02\r\n\r\n")
    site.feed(20)
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(100)
    time.sleep(0.5)
    site.server.stop()
    assert capfd.readouterr().err == ""
    assert caplog.text == "", "a viewer that leaves is nothing to warn of"


def test_a_process_that_forgets_to_stop_it_can_still_end() -> None:
    program = """
import sys
sys.path.insert(0, ".")
from bridge.frames.store import FrameStore
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve.fake import FakeAdoption, FakeBridge, FakeUpdates
from bridge.serve.http import HttpSettings, WebServer
clock, metrics = SystemClock(), Metrics()
server = WebServer(HttpSettings(host="127.0.0.1", port=0), FakeBridge(),
                   adoption=FakeAdoption(), updates=FakeUpdates(),
                   store=FrameStore(clock, metrics),
                   metrics=metrics, clock=clock, supervisor=Supervisor())
server.start()
print(server.port > 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n")
