"""HTTPS with real certificates."""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.errors import ListenError
from bridge.frames import codec
from bridge.serve.http import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Site, SiteFactory

trustme = pytest.importorskip("trustme")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> TlsFiles:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for chain in certificate.cert_chain_pems:
        chain.write_to_path(tmp_path / "cert.pem", append=True)
    return TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem")


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def secure(make_site: SiteFactory, files: TlsFiles) -> Site:
    return make_site(tls=files)


def _get(site: Site, trust: ssl.SSLContext, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("127.0.0.1", site.server.port, timeout=5, context=trust)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def test_pages_pictures_and_streams_go_over_tls(secure: Site, trust: ssl.SSLContext) -> None:
    assert secure.server.url.startswith("https://")
    assert _get(secure, trust, "/healthz") == (200, b"ok\n")
    secure.send()
    assert _get(secure, trust, "/cameras/door/snapshot.jpg")[0] == 200
    secure.feed(20)
    connection = http.client.HTTPSConnection("127.0.0.1", secure.server.port, timeout=5, context=trust)
    with contextlib.closing(connection):
        connection.request("GET", "/cameras/door/stream.mjpg")
        body = connection.getresponse().read(30000)
    assert body.count(b"--frame") > 2


def test_many_requests_go_over_one_tls_connection(secure: Site, trust: ssl.SSLContext) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", secure.server.port, timeout=5, context=trust)
    with contextlib.closing(connection):
        for _ in range(10):
            connection.request("GET", "/api/cameras")
            assert connection.getresponse().read()


@pytest.mark.parametrize(
    ("version", "accepted"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_older_than_1_2_is_refused(
    secure: Site, trust: ssl.SSLContext, version: ssl.TLSVersion, accepted: bool
) -> None:
    trust.minimum_version = trust.maximum_version = version
    trust.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse the old one by itself
    expected = contextlib.nullcontext() if accepted else pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION")
    with expected, socket.create_connection(("127.0.0.1", secure.server.port), 5) as plain:
        trust.wrap_socket(plain, server_hostname="127.0.0.1").close()


def test_plain_http_is_told_to_use_https(secure: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reply = secure.get("/")
    assert reply.status == 400
    assert b"https://" in reply.body
    assert caplog.text == ""


def test_nonsense_and_broken_handshakes_leave_no_traceback(
    secure: Site, trust: ssl.SSLContext, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    for nonsense in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 100, b""):
        with socket.create_connection(("127.0.0.1", secure.server.port), 5) as client:
            client.sendall(nonsense)
    distrust = ssl.create_default_context()
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", secure.server.port), 5) as client:
        distrust.wrap_socket(client, server_hostname="127.0.0.1")
    assert _get(secure, trust, "/healthz")[0] == 200
    assert caplog.text == ""
    assert capfd.readouterr().err == ""


def test_clients_that_connect_and_stay_silent_stop_nobody(secure: Site, trust: ssl.SSLContext) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(80):
            stack.enter_context(socket.create_connection(("127.0.0.1", secure.server.port), 5))
        began = time.perf_counter()
        assert _get(secure, trust, "/healthz")[0] == 200
        assert time.perf_counter() - began < 1


def test_clients_that_shake_hands_and_stay_silent_hold_no_thread(
    make_site: SiteFactory, files: TlsFiles, trust: ssl.SSLContext
) -> None:
    site = make_site(tls=files, max_viewers=1)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", site.server.port), 5))
            stack.enter_context(trust.wrap_socket(plain, server_hostname="127.0.0.1"))
        began = time.perf_counter()
        assert _get(site, trust, "/healthz")[0] == 200
        assert time.perf_counter() - began < 1


def test_it_stops_with_tls_streams_open(secure: Site, trust: ssl.SSLContext, wait_until: WaitUntil) -> None:
    secure.feed(10)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", secure.server.port), 5))
            client = stack.enter_context(trust.wrap_socket(plain, server_hostname="127.0.0.1"))
            client.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: secure.viewers() == 5)
        began = time.perf_counter()
        assert secure.server.stop()
        assert time.perf_counter() - began < 2


def test_a_slow_viewer_over_tls_gets_whole_pictures(secure: Site, trust: ssl.SSLContext) -> None:
    jpeg = codec.encode(np.random.default_rng(1).integers(0, 255, (800, 800, 3), np.uint8), 60)
    stop = threading.Event()

    def feed() -> None:
        while not stop.wait(0.02):
            secure.store.put("door", jpeg, 800, 800)

    threading.Thread(target=feed, daemon=True).start()
    secure._feeding.append(stop)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        plain.settimeout(5)
        plain.connect(("127.0.0.1", secure.server.port))
        with trust.wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET /cameras/door/stream.mjpg?raw=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            while data.count(b"--frame") < 7:
                data += client.recv(65536)
                time.sleep(0.005)
    parts = data.split(b"--frame\r\n")[1:-1]
    assert {part.split(b"\r\n\r\n", 1)[1] for part in parts} == {jpeg + b"\r\n"}, "every byte in its place"


def test_viewers_over_tls_are_forgotten_when_they_leave(
    secure: Site, trust: ssl.SSLContext, wait_until: WaitUntil
) -> None:
    secure.feed(10)
    with socket.create_connection(("127.0.0.1", secure.server.port), 5) as plain:
        client = trust.wrap_socket(plain, server_hostname="127.0.0.1")
        client.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: secure.viewers() == 1)
        client.close()
    wait_until(lambda: secure.viewers() == 0, timeout_s=2, what="the viewer forgotten")


@pytest.mark.parametrize("damage", ["missing", "garbage", "other key", "encrypted key"])
def test_files_that_cannot_be_used_are_one_clear_error(
    make_site: SiteFactory, files: TlsFiles, authority: trustme.CA, damage: str
) -> None:
    from cryptography.hazmat.primitives import serialization

    match damage:
        case "missing":
            files.key_file.unlink()
        case "garbage":
            files.cert_file.write_text("not a certificate")
        case "other key":
            authority.issue_cert("x").private_key_pem.write_to_path(files.key_file)
        case _:
            key = serialization.load_pem_private_key(files.key_file.read_bytes(), None)
            encryption = serialization.BestAvailableEncryption(b"secret")
            pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
            files.key_file.write_bytes(pem)
    with pytest.raises(ListenError, match=r"http\.tls"):
        make_site(tls=files)
