"""Who may ask what: everything but health needs a token, where there is a file of tokens.

A route is protected unless it says otherwise, so that one that is forgotten is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from flask import Flask, g, request
from flask.typing import ResponseReturnValue

from edge_server.errors import Forbidden, Unauthorized
from edge_server.guard.tokens import TokenFile
from edge_server.logs import fields

_log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
_OPEN: Final = "_edge_open_to_all"
_OPERATORS: Final = "_edge_operators_only"


def open_to_all(view: View) -> View:
    """Marks a view that needs no token: health."""
    setattr(view, _OPEN, True)
    return view


def operators_only(view: View) -> View:
    """Marks a view that needs a token always: without a file of tokens nobody is let in."""
    setattr(view, _OPERATORS, True)
    return view


def is_open(app: Flask) -> bool:
    """Whether the request is for a view that is open to all."""
    return is_open_to_all(app.view_functions.get(request.endpoint or ""))


def is_open_to_all(view: object) -> bool:
    """Whether a view is marked so."""
    return bool(getattr(view, _OPEN, False))


def is_for_operators(view: object) -> bool:
    """Whether a view is marked so."""
    return bool(getattr(view, _OPERATORS, False))


def is_trusted() -> bool:
    """Whether this request may see everything; for views that are open to all."""
    return bool(g.get("trusted", True))


def require_token() -> None:
    """For views that are open to all in a part. Raises Unauthorized where a token is missing."""
    if is_trusted():
        return
    if _given() is not None:
        told = fields(client=request.remote_addr, path=quote(request.path))
        _log.warning("a wrong token was sent", extra=told)
        raise Unauthorized("The token is not one of this server's: see its token file.")
    raise Unauthorized(
        "This server asks for a token: send Authorization: Bearer TOKEN, "
        "or the token as the password of HTTP Basic."
    )


def protect(app: Flask, token_file: Path | None) -> None:
    """Ask every request for a token. Raises SettingError where the file is not fit for it."""
    tokens = TokenFile(token_file) if token_file is not None else None

    @app.before_request
    def check() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if tokens is None:
            if is_for_operators(view):
                raise Forbidden(
                    "Changing what is served needs a token: start the server with "
                    "--token-file FILE and send one of its tokens "
                    "(Authorization: Bearer TOKEN)."
                )
            return
        given = _given()
        g.trusted = given is not None and tokens.holds(given)
        if not is_open(app):
            require_token()


def _given() -> str | None:
    """The token that the request carries. Of HTTP Basic the user name does not matter."""
    sent = request.authorization
    if sent is None:
        return None
    return sent.password if sent.type == "basic" else sent.token if sent.type == "bearer" else None
