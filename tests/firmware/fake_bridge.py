"""A bridge that does as the test says: it speaks the link's messages, hands out images, and breaks the rules."""

from __future__ import annotations

import json
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, Any]


class FakeBridge:
    """Listens on a free port of 127.0.0.1; every connection says ``hello`` and is welcomed unless told otherwise.

    Attributes:
        welcomes: whether a ``hello`` is answered.
        files: what GET gives, by path; a missing one is 404.
        heard: the texts of all cameras, in order.
        pictures: the binary messages, in order.
        bearers: what each connection showed.
    """

    def __init__(self) -> None:
        self.welcomes = True
        self.greeting: Callable[[ServerConnection], None] = self._welcome
        self.files: dict[str, bytes] = {}
        self.heard: list[Message] = []
        self.pictures: list[bytes] = []
        self.bearers: list[str | None] = []
        self._newest: ServerConnection | None = None
        self._server = serve(self._talk, "127.0.0.1", 0, process_request=self._answer, compression=None)
        self._thread = threading.Thread(target=self._server.serve_forever, name="fake-bridge", daemon=True)
        self.port: int = self._server.socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)

    def url(self, path: str = "/ws/door") -> str:
        """Where cameras dial."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def send(self, kind: str, **fields: object) -> None:
        """A text to the camera that came last."""
        assert self._newest is not None, "no camera came yet"
        self._newest.send(json.dumps({"type": kind, **fields}))

    def of(self, kind: str) -> list[Message]:
        """What was heard of one kind."""
        return [message for message in list(self.heard) if message.get("type") == kind]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 15.0) -> Message:
        """Wait for the ``count``-th message of a kind."""
        deadline_s = time.monotonic() + timeout_s
        while len(self.of(kind)) < count:
            if time.monotonic() > deadline_s:
                pytest.fail(f"not {count} times {kind} within {timeout_s} s; heard: {self.heard[-10:]}")
            time.sleep(0.01)
        return self.of(kind)[count - 1]

    def _answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade"):
            self.bearers.append(request.headers.get("Authorization"))
            return None
        body = self.files.get(request.path)
        status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
        headers = Headers([("Content-Length", str(len(body or b""))), ("Connection", "close")])
        return Response(status.value, status.phrase, headers, body or b"")

    def _welcome(self, connection: ServerConnection) -> None:
        if self.welcomes:
            now_ms = int(time.time() * 1000)
            welcome = {"type": "welcome", "v": 1, "camera_id": "door", "server_time_ms": now_ms, "values": {}}
            connection.send(json.dumps(welcome))

    def _talk(self, connection: ServerConnection) -> None:
        self._newest = connection
        try:
            for message in connection:
                if isinstance(message, bytes):
                    self.pictures.append(message)
                    continue
                text: Message = json.loads(message)
                self.heard.append(text)
                if text["type"] == "hello":
                    self.greeting(connection)
        except ConnectionClosed:
            pass  # the camera was switched off, or its link was reset: that is what the tests do
