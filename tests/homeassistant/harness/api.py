"""Home Assistant's REST and WebSocket interfaces, as far as the tests need them.

A connection a call, so that a restart of Home Assistant is nothing special.
"""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

from websockets.sync.client import connect

# The mjpeg and generic forms fetch from the bridge, with a limit of 10 s of their own.
_PATIENCE_S = 30.0
_BAD = 400


class ApiError(Exception):
    """Home Assistant said no.

    Attributes:
        status: of HTTP; 0 for the WebSocket.
        detail: what it said.
    """

    def __init__(self, what: str, status: int, detail: object) -> None:
        super().__init__(f"{what}: {status} {detail}")
        self.status = status
        self.detail = detail


class Answer(NamedTuple):
    """What came over HTTP."""

    status: int
    content_type: str
    body: bytes


class Api:
    """One Home Assistant on 127.0.0.1.

    Args:
        port: of its page.
        token: a long-lived access token.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    def raw(self, path: str) -> Answer:
        """GET, whatever the status.

        Raises:
            OSError: it is not there.
        """
        return self._request("GET", path, None)

    def get(self, path: str) -> Any:  # noqa: ANN401 - that is what JSON is
        """GET and parse.

        Raises:
            ApiError: any status of 400 or more.
            OSError: it is not there.
        """
        return _parsed(path, self.raw(path))

    def post(self, path: str, content: object) -> Any:  # noqa: ANN401
        """POST as JSON; the answer parsed, or as text where it is no JSON.

        Raises:
            ApiError: any status of 400 or more.
        """
        return _parsed(path, self._request("POST", path, content))

    def delete(self, path: str) -> Any:  # noqa: ANN401
        """DELETE; the answer parsed.

        Raises:
            ApiError: any status of 400 or more.
        """
        return _parsed(path, self._request("DELETE", path, None))

    def read_stream(self, path: str, mark: bytes, count: int) -> None:
        """GET what never ends, until the mark came so often.

        Raises:
            ApiError: it ended before.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            response, seen, rest = connection.getresponse(), 0, b""
            while seen < count:
                data = response.read1()
                if not data:
                    raise ApiError(path, response.status, f"ended after {seen}")
                rest += data
                seen += rest.count(mark)
                rest = rest[-(len(mark) - 1) :]  # a mark may lie across two reads
        finally:
            connection.close()

    def ask(self, command: str, **fields: object) -> Any:  # noqa: ANN401
        """One command of the WebSocket interface, such as ``config/entity_registry/list``; its result.

        Raises:
            ApiError: it was refused.
        """
        with connect(f"ws://127.0.0.1:{self._port}/api/websocket", max_size=None) as socket:
            socket.recv(_PATIENCE_S)
            socket.send(json.dumps({"type": "auth", "access_token": self._token}))
            greeting = json.loads(socket.recv(_PATIENCE_S))
            if greeting["type"] != "auth_ok":
                raise ApiError("auth", 0, greeting)
            socket.send(json.dumps({"id": 1, "type": command, **fields}))
            answer = json.loads(socket.recv(_PATIENCE_S))
        if not answer["success"]:
            raise ApiError(command, 0, answer["error"])
        return answer["result"]

    def _request(self, method: str, path: str, content: object) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if content is None else json.dumps(content), headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get_content_type(), response.read())
        finally:
            connection.close()


def _parsed(path: str, answer: Answer) -> Any:  # noqa: ANN401
    text = answer.body.decode()
    if answer.status >= _BAD:
        raise ApiError(path, answer.status, text)
    return json.loads(text) if answer.content_type == "application/json" else text
