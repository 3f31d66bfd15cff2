"""Flask as this server needs it: no sessions, no coroutines, one host, and less work a request.

What differs is what Flask offers to be replaced: its classes of requests, answers and sessions,
how an address is bound to the map of routes, and what is done before and after each request: the
same for all routes, here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from json import JSONEncoder
from typing import Any, Final, cast

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wsgi import get_host

from edge_server import body
from edge_server.body import InflatingRequest

_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_SECURITY_FIELDS: Final = [(name.lower(), name, value) for name, value in _SECURITY_HEADERS.items()]
# Where werkzeug has something to mend.
_ADDRESSES: Final = frozenset({"location", "content-location"})
# Of the WSGI environment, what says which host is asked.
_NAMED_BY: Final = ("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT")


class Answer(Response):
    """An answer with the headers that every one carries, where it does not say otherwise, and
    compressed where its client likes that."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """As werkzeug."""
        body.compress(self, environ.get("HTTP_ACCEPT_ENCODING", ""))
        return super().__call__(environ, start_response)

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """As werkzeug."""
        said = {name.lower() for name, _ in self.headers}
        is_usual = self.status_code == 200 and "content-length" in said
        headers = self.headers
        if not is_usual or not said.isdisjoint(_ADDRESSES):
            headers = super().get_wsgi_headers(environ)
        for lower, name, value in _SECURITY_FIELDS:
            if lower not in said:
                headers.add(name, value)
        return headers


class _Json(DefaultJSONProvider):
    """As Flask's, in the order of the fields, with one encoder for all answers."""

    sort_keys = False

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self._encode = JSONEncoder(default=self.default, separators=(",", ":")).encode

    def response(self, *arguments: Any, **fields: Any) -> Answer:
        """As Flask's."""
        if fields or len(arguments) != 1:
            return cast(Answer, super().response(*arguments, **fields))
        data = f"{self._encode(arguments[0])}\n".encode()
        size = ("Content-Length", str(len(data)))
        return Answer([data], headers=[("Content-Type", self.mimetype), size])


class _NoSessions(SessionInterface):
    """Nobody logs in here: one empty session is every request's."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002
        return self._none


class _Context(RequestContext):
    """As Flask's; what was asked before is not looked for in the map of routes again."""

    app: Application

    def match_request(self) -> None:
        """As Flask's."""
        asked = self.request
        known = self.app.known.get((asked.path, asked.method))
        if known is not None:
            asked.url_rule, asked.view_args = known, {}
            return
        super().match_request()
        rule = asked.url_rule
        # Any number of addresses lead to a route with parts that vary, one to another.
        if rule is not None and not rule.arguments:
            self.app.known[asked.path, asked.method] = rule


class Application(Flask):
    """The WSGI application, until it is given its routes."""

    request_class = InflatingRequest
    response_class = Answer
    session_interface = _NoSessions()
    json_provider_class = _Json

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # Routes by path and method, once they were found.
        self.known: dict[tuple[str, str], Rule] = {}

    def request_context(self, environ: Any) -> RequestContext:
        """As Flask's."""
        return _Context(self, environ)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view here is a coroutine, which Flask would look for at every call."""
        return func

    def preprocess_request(self) -> ResponseReturnValue | None:
        """As Flask's, for what is done before every request, whichever blueprint answers it."""
        for function in self.before_request_funcs.get(None, ()):
            answer: Any = function()
            if answer is not None:
                return cast(ResponseReturnValue, answer)
        return None

    def process_response(self, response: Response) -> Response:
        """As Flask's, for what is done to every answer."""
        for function in reversed(self.after_request_funcs.get(None, ())):
            changed: Any = function(response)
            response = changed
        return response

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, for routes that are the same at every host. Raises BadRequest for a Host
        header that names none."""
        if request is None:  # nothing here is told of addresses outside of a request
            return None
        environ = request.environ
        request.host = host = _host(*map(environ.get, _NAMED_BY))
        return MapAdapter(
            self.url_map,
            host.lower(),
            environ.get("SCRIPT_NAME", ""),
            "",
            environ["wsgi.url_scheme"],
            request.path,
            request.method,
            environ.get("QUERY_STRING", ""),
        )


@lru_cache(maxsize=64)
def _host(*named: str | None) -> str:
    """What the client calls this server. Raises SecurityError, a BadRequest."""
    known = {key: value for key, value in zip(_NAMED_BY, named, strict=True) if value is not None}
    return get_host(known)
