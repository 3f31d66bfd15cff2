"""Asks an RTSP camera why it gives no video, since FFmpeg keeps that to itself; opens no stream."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
from typing import Final

from camera.sources.address import Address, reason

PORTS: Final = {"rtsp": 554, "rtsps": 322}

_TIMEOUT: Final = 3.0
_MAX_ANSWER: Final = 64 * 1024


def why_no_video(address: Address) -> str:
    """One sentence on what is wrong, without credentials, by asking for the stream's description.

    The request is DESCRIBE (RFC 2326, 10.2), with Basic or Digest authentication (RFC 2617).
    """
    try:
        status, body = _describe(address)
    except (OSError, ValueError) as error:
        return (
            f"{address.shown} does not answer as an RTSP camera: {reason(error, _TIMEOUT)}; "
            "check the port of the address, or restart the camera."
        )
    if status in (401, 403):
        return (
            f"{address.shown} asks for another user or password: write them as "
            f"{address.scheme}://USER:PASSWORD@HOST/PATH, with special characters as %XX."
        )
    if status != 200:
        return f"{address.shown} answers with status {status}; check the path of the address."
    if not re.search(rb"^m=video", body, re.MULTILINE):
        return f"{address.shown} has no video; use the address of the camera's video stream."
    return (
        f"{address.shown} sends no pictures, or none that can be played here; "
        "restart the camera, or set it to H.264, H.265 or MJPEG."
    )


def _describe(address: Address) -> tuple[int, bytes]:
    where = (address.host, address.port or PORTS[address.scheme])
    with socket.create_connection(where, _TIMEOUT) as plain:
        connection = _encrypted(plain) if address.scheme == "rtsps" else plain
        with connection:
            status, fields, body = _ask(connection, address, 1, "")
            if status == 401 and address.user is not None:
                status, fields, body = _ask(connection, address, 2, _credentials(fields, address))
            return status, body


def _encrypted(plain: socket.socket) -> socket.socket:
    # As FFmpeg does: the certificates of cameras are their own.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _ask(
    connection: socket.socket, address: Address, number: int, credentials: str
) -> tuple[int, bytes, bytes]:
    """Status, header fields and body of the answer. Raises ValueError where it is no RTSP."""
    request = f"DESCRIBE {address.url} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\n"
    connection.sendall(f"{request}{credentials}\r\n".encode())
    with connection.makefile("rb") as answer:
        match = re.match(rb"RTSP/\d\.\d (\d{3})", answer.readline(_MAX_ANSWER))
        if match is None:
            raise ValueError("it speaks something else")
        fields = b""
        while (line := answer.readline(_MAX_ANSWER)).strip() and len(fields) < _MAX_ANSWER:
            fields += line
        length = re.search(rb"(?im)^content-length: *(\d{1,9})", fields)
        body = answer.read(min(_MAX_ANSWER, int(length[1]))) if length else b""
        return int(match[1]), fields, body


def _credentials(fields: bytes, address: Address) -> str:
    user, password = address.user or "", address.password or ""
    text = fields.decode("utf-8", "replace")
    if not re.search(r"(?im)^www-authenticate: *digest", text):
        both = base64.b64encode(f"{user}:{password}".encode()).decode()
        return f"Authorization: Basic {both}\r\n"
    known = dict(re.findall(r'(realm|nonce)="([^"]*)"', text))
    realm, nonce = known.get("realm", ""), known.get("nonce", "")
    who = _md5(f"{user}:{realm}:{password}")
    response = _md5(f"{who}:{nonce}:{_md5(f'DESCRIBE:{address.url}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", '
        f'uri="{address.url}", response="{response}"\r\n'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
