"""What web pages of other sites may ask in a visitor's browser: nothing, unless they are named.

A browser sends a page's requests wherever the page likes; it only keeps the answers from it. So
what changes something is refused here, and answers are opened to named origins alone (CORS,
https://fetch.spec.whatwg.org/#http-cors-protocol). A page whose own name leads to this machine
(DNS rebinding) counts as ours for the browser; it is known by the name that it asks for.
"""

from __future__ import annotations

import re
from typing import Final

from flask import Flask, Response, request

from edge_server.errors import Forbidden, Misdirected
from edge_server.guard import access
from edge_server.guard.origins import host_name, is_local_name, names

_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9, _-]{1,1000}")
# What a script may read of an answer beside its body.
_EXPOSED: Final = (
    "X-Request-ID, Retry-After, X-Frame-Number, X-Timestamp, Inference-Header-Content-Length"
)
_PREFLIGHT_SECONDS: Final = 600


def refuse(app: Flask, *, origins: tuple[str, ...], hosts: tuple[str, ...], tokens: bool) -> None:
    """Refuse what pages of other sites ask, but for those of `origins`.

    hosts   names under which the server is reached as well
    tokens  whether it asks for a token, which a page that rebinds its name does not have
    """
    known = {host.lower() for host in hosts}

    @app.before_request
    def check() -> Response | None:
        environ = request.environ
        host = environ.get("HTTP_HOST", "")
        name = host_name(host)
        if not (tokens or is_local_name(name) or name in known or access.is_open(app)):
            raise Misdirected(
                f"This server does not go by the name {name[:100]}: start it with "
                f"--allow-host {name[:100]}, or ask for tokens with --token-file."
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or names(origins, origin):
            return _preflight() if origin is not None else None
        if request.method not in _SAFE_METHODS and _is_foreign(origin, host):
            raise Forbidden(
                f"Pages of {origin[:100]} may not ask this server: start it with "
                f"--cors {origin[:100]} to let them."
            )
        return None

    def open_answer(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is not None and names(origins, origin):
            response.headers["Access-Control-Allow-Origin"] = "*" if "*" in origins else origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response

    if origins:
        app.after_request(open_answer)


def _preflight() -> Response | None:
    """The answer to a browser that asks beforehand; it sends no token with that."""
    asked = request.headers.get("Access-Control-Request-Method")
    if request.method != "OPTIONS" or asked is None:
        return None
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST"
    answer.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    headers = request.headers.get("Access-Control-Request-Headers", "")
    if _HEADER_NAMES.fullmatch(headers):
        answer.headers["Access-Control-Allow-Headers"] = headers
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        answer.headers["Access-Control-Allow-Private-Network"] = "true"
    return answer


def _is_foreign(origin: str, host: str) -> bool:
    """Whether a page of another site asks; as net/http's CrossOriginProtection of Go 1.25."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:  # not sent to addresses that are plain http, but for this machine's own
        return site not in ("same-origin", "none")
    return origin.partition("://")[2].lower() != host.lower()
