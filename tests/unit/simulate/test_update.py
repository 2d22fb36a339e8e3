from __future__ import annotations

import asyncio
import hashlib
import http.server
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.simulate.update import UpdateFailed, UpdateManner, UpdateOrder, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = b"\xe9" + bytes(9000) + b"ESPCAM-FIRMWARE;board=ai-thinker;version=1.1.0;\0" + bytes(9000)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/image":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def order() -> Iterator[UpdateOrder]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/image"
        yield UpdateOrder(7, url, hashlib.sha256(IMAGE).hexdigest().upper(), len(IMAGE), "1.1.0")
        server.shutdown()


def fetched(order: UpdateOrder, board: str = "ai-thinker", manner: UpdateManner = UpdateManner.WORKS) -> list[int]:
    async def run() -> list[int]:
        return [written async for written in fetch(order, board, manner)]

    return asyncio.run(run())


def test_a_right_image_is_written_whole(order: UpdateOrder) -> None:
    assert fetched(order)[-1] == len(IMAGE)
    assert fetched(order, manner=UpdateManner.ROLLS_BACK)[-1] == len(IMAGE)  # what comes of it shows after the restart


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sha256": "00" * 32}, "SHA-256 is not the one announced"),
        ({"size_bytes": len(IMAGE) + 1}, f"{len(IMAGE)} of {len(IMAGE) + 1} bytes came"),
        ({"size_bytes": 100}, "more bytes than the bridge announced"),
        ({"url": "http://127.0.0.1:1/image"}, "cannot be fetched"),
    ],
)
def test_a_wrong_one_is_refused_with_the_reason(order: UpdateOrder, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UpdateFailed, match=said):
        fetched(replace(order, **wrong))  # type: ignore[arg-type]


def test_an_image_for_another_board_or_a_flash_that_fails(order: UpdateOrder) -> None:
    with pytest.raises(UpdateFailed, match="the image is for ai-thinker, this is esp-eye"):
        fetched(order, "esp-eye")
    with pytest.raises(UpdateFailed, match="flash cannot be written"):
        fetched(order, manner=UpdateManner.FAILS)
    with pytest.raises(UpdateFailed, match="404"):
        fetched(replace(order, url=order.url + "s"))
