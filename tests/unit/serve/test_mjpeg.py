"""The framing of live streams, read back by the standard library's MIME parser."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import HTTP

from hypothesis import given
from hypothesis import strategies as st

from bridge.serve import mjpeg


def test_each_part_says_its_length_type_and_time() -> None:
    part = mjpeg.part(b"\xff\xd8picture\xff\xd9", 1_800_000_000.1234)
    head, _, body = part.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"Content-Type: image/jpeg",
        b"Content-Length: 11",
        b"X-Timestamp: 1800000000.123",
    ]
    assert body.startswith(b"\xff\xd8picture\xff\xd9")


def test_a_part_ends_with_the_line_that_opens_the_next_so_that_no_viewer_is_a_frame_late() -> None:
    assert mjpeg.part(b"x", 0).endswith(b"x\r\n--frame\r\n")
    assert mjpeg.opening() == b"--frame\r\n"


@given(st.lists(st.binary(min_size=1).filter(lambda data: b"--frame" not in data), min_size=1, max_size=5))
def test_a_reader_that_goes_by_content_length_gets_every_picture_back(pictures: list[bytes]) -> None:
    stream = mjpeg.opening() + b"".join(mjpeg.part(picture, 1.0) for picture in pictures)
    seen = []
    while stream != b"--frame\r\n":
        head, _, rest = stream.removeprefix(b"--frame\r\n").partition(b"\r\n\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        seen.append(rest[:length])
        stream = rest[length:].removeprefix(b"\r\n")
    assert seen == pictures


def test_a_mime_parser_agrees() -> None:
    stream = mjpeg.opening() + mjpeg.part(b"one", 1.0) + mjpeg.part(b"two", 2.0)
    message = message_from_bytes(f"Content-Type: {mjpeg.CONTENT_TYPE}\r\n\r\n".encode() + stream, policy=HTTP)
    parts = list(message.iter_parts())[:2]
    assert [part.get_payload(decode=True) for part in parts] == [b"one", b"two"]
