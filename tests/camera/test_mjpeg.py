from __future__ import annotations

from email import message_from_bytes

from camera import mjpeg


def test_the_boundary_follows_the_picture():
    part = mjpeg.part(b"\xff\xd8picture\xff\xd9", 1.0)
    assert part.endswith(b"\xff\xd9\r\n--" + mjpeg.BOUNDARY.encode() + b"\r\n")


def test_the_headers_tell_type_length_and_time():
    head, _, rest = mjpeg.part(b"12345", 1763805600.25).partition(b"\r\n\r\n")
    headers = message_from_bytes(head)
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Content-Length"] == "5"
    assert headers["X-Timestamp"] == "1763805600.250000"
    assert rest.startswith(b"12345\r\n")


def test_a_stream_is_a_multipart_message():
    stream = mjpeg.preamble() + mjpeg.part(b"one", 1.0) + mjpeg.part(b"two", 2.0)
    message = message_from_bytes(f"Content-Type: {mjpeg.CONTENT_TYPE}\r\n\r\n".encode() + stream)
    bodies = [part.get_payload() for part in message.get_payload() if part["Content-Length"]]
    assert bodies == ["one", "two"]
