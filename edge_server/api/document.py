"""The OpenAPI document: the application's addresses, and what their views are described with.

Source: OpenAPI Specification 3.1.0, spec.openapis.org/oas/v3.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, get_type_hints

from flask import Flask
from werkzeug.routing import Rule

import edge_server
from edge_server.api.description import JSON, Content, Description, Tag, description_of
from edge_server.api.schema import Schema, Schemas
from edge_server.errors import EdgeError, Forbidden, PageNotFound, Unauthorized
from edge_server.guard import access
from edge_server.inference.served import ServedModel
from edge_server.wire.error import ErrorAnswer

# Given by the server to whoever asks, at each address.
_GENERAL_METHODS: Final = {"HEAD", "OPTIONS"}
# How a request may fail before a view sees it.
_BEFORE_VIEWS: Final = {
    400: "The request is not valid HTTP.",
    403: "The request comes from a page of another site (see --cors).",
    408: "The request did not come to its end in time.",
    413: "The request is over the limit.",
    414: "The address is too long.",
    417: "Of Expect, only 100-continue is understood.",
    421: "The request names a host that this server is not (see --allow-host).",
    431: "The headers are too long, or too many.",
    501: "Of Transfer-Encoding, only chunked is understood.",
    503: "The server is busy, or starting, or has no memory for more requests.",
}
_TEXT: Final = """\
One image classifier, or several, on this device. Every error is `{"error": "one sentence that says
what to do"}`.

Bodies may come compressed (`Content-Encoding: gzip` or `deflate`), and answers over 1 KiB are
compressed for who asks for it. `HEAD` is answered wherever `GET` is, and `OPTIONS` everywhere.
"""


def build(app: Flask, model: ServedModel | None, *, tokens: bool) -> dict[str, Any]:
    """The document. `model` is what the examples are about; `tokens`: whether they are asked for.

    Raises LookupError where a route is not described.
    """
    schemas = Schemas()
    writer = _Writer(schemas, model, tokens)
    paths: dict[str, dict[str, Any]] = {}
    for rule, description in sorted(_described(app), key=lambda found: _order(found[1])):
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - _GENERAL_METHODS):
            operation = writer.operation(rule, method, description, view)
            paths.setdefault(path_of(rule), {})[method.lower()] = operation
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Edge server",
            "version": edge_server.__version__,
            "description": _TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [{"name": tag.value, "description": tag.text} for tag in Tag],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {
                f"Http{status}": writer.error_response([text], _headers_of(status))
                for status, text in _BEFORE_VIEWS.items()
            },
        },
    }
    if tokens:
        document["security"] = [{"bearer": []}, {"basic": []}]
        document["components"] |= {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of the server's tokens.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user name, and one of the server's tokens as password.",
                },
            }
        }
    return document


def path_of(rule: Rule) -> str:
    """The address as OpenAPI writes it: {name} for <converter:name>."""
    return re.sub(r"<(?:[^:<>]*(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule)


def _described(app: Flask) -> Iterator[tuple[Rule, Description]]:
    for rule in app.url_map.iter_rules():
        description = description_of(app.view_functions[rule.endpoint])
        if description is None:
            raise LookupError(f"{rule.rule} ({rule.endpoint}) is not described.")
        yield rule, description


def _order(description: Description) -> int:
    return list(Tag).index(description.tag)


class _Writer:
    """Writes operations; what they share gathers in `schemas`."""

    def __init__(self, schemas: Schemas, model: ServedModel | None, tokens: bool) -> None:
        self._schemas, self._model, self._tokens = schemas, model, tokens

    def operation(
        self, rule: Rule, method: str, description: Description, view: object
    ) -> dict[str, Any]:
        """One operation of an address."""
        words = re.findall(r"\w+", path_of(rule))
        written: dict[str, Any] = {
            "tags": [description.tag.value],
            "summary": description.summary,
            "operationId": "_".join([method.lower(), *words]),
        }
        if description.text:
            written["description"] = " ".join(description.text.split())
        if parameters := list(self._parameters(rule, description)):
            written["parameters"] = parameters
        if description.body and method != "GET":
            written["requestBody"] = {
                "required": description.body_required,
                "content": self._contents(description.body),
            }
        errors = [e for e in description.errors if self._tokens or e is not Unauthorized]
        if rule.arguments:
            errors.append(PageNotFound)
        written["responses"] = self._responses(description, errors, view)
        if self._tokens and access.is_open_to_all(view):
            written["security"] = [{}, {"bearer": []}, {"basic": []}]
        return written

    def _parameters(self, rule: Rule, description: Description) -> Iterator[Schema]:
        known = {}
        if self._model is not None:
            known = {"name": self._model.info.name, "version": self._model.info.version}
        hints = get_type_hints(description.path, include_extras=True)
        for name in re.findall(r"\{(\w+)\}", path_of(rule)):
            parameter = self._parameter(name, "path", hints[name], required=True)
            yield parameter | ({"example": known[name]} if name in known else {})
        for where, shape in (("query", description.query), ("header", description.headers)):
            if shape is not None:
                for name, hint in get_type_hints(shape, include_extras=True).items():
                    required = name in shape.__required_keys__
                    yield self._parameter(name, where, hint, required=required)

    def _parameter(self, name: str, where: str, kind: Any, *, required: bool) -> Schema:
        schema = self._schemas.of(kind)
        text = schema.pop("description", "")
        return {
            "name": name,
            "in": where,
            "description": text,
            **({"required": True} if required else {}),
            "schema": schema,
        }

    def _contents(self, contents: Mapping[str, Content]) -> Schema:
        return {media: self._content(content) for media, content in contents.items()}

    def _content(self, content: Content) -> Schema:
        written: Schema = {"schema": self._schemas.of(content.kind)}
        if examples := dict(self._examples(content)):
            written["examples"] = examples
        return written

    def _examples(self, content: Content) -> Iterator[tuple[str, Schema]]:
        for name, value in content.examples.items():
            if not callable(value):
                yield name, {"value": value}
            elif self._model is not None:
                yield name, {"value": value(self._model)}

    def _responses(
        self, description: Description, errors: list[type[EdgeError]], view: object
    ) -> Schema:
        responses: Schema = {}
        if not description.refuses:
            responses["200"] = self._success(description)
        if self._tokens and not access.is_open_to_all(view):
            errors.append(Unauthorized)
        if not self._tokens and access.is_for_operators(view):
            errors.append(Forbidden)
        texts = {status: [text] for status, text in _BEFORE_VIEWS.items()}
        for error in errors:
            sentence = _sentence(error)
            found = texts.setdefault(error.status, [])
            if sentence not in found:
                found.append(sentence)
        for status in sorted(texts):
            if texts[status] == [_BEFORE_VIEWS.get(status)]:
                responses[str(status)] = {"$ref": f"#/components/responses/Http{status}"}
            else:
                responses[str(status)] = self.error_response(texts[status], _headers_of(status))
            if status in description.failures:
                responses[str(status)]["content"] = self._contents(description.failures[status])
        for error in errors:
            response = responses[str(error.status)]
            for name, schema in _ERROR_HEADERS.items():
                if name in dict(error().headers):
                    response.setdefault("headers", {})[name] = schema
        return responses

    def error_response(self, texts: Sequence[str], headers: Schema) -> Schema:
        """What is answered where something is wrong; each of `texts` says what may be."""
        return {
            "description": " ".join(texts),
            **({"headers": headers} if headers else {}),
            "content": {JSON: {"schema": self._schemas.of(ErrorAnswer)}},
        }

    def _success(self, description: Description) -> Schema:
        response: Schema = {"description": HTTPStatus.OK.phrase}
        if description.answer_headers is not None:
            response["headers"] = {
                name: {"schema": self._schemas.of(hint)}
                for name, hint in get_type_hints(
                    description.answer_headers, include_extras=True
                ).items()
            }
        if description.contents:
            response["content"] = self._contents(description.contents)
        return response


_ERROR_HEADERS: Final[dict[str, Schema]] = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to send a token: Bearer and Basic, a line each.",
        "required": True,
        "schema": {"type": "string"},
    },
}


def _headers_of(status: int) -> Schema:
    """Headers that every answer of this status has."""
    name = "Retry-After"
    return {name: _ERROR_HEADERS[name]} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _sentence(error: type[EdgeError]) -> str:
    """The first sentence that the error is documented with."""
    text = " ".join((error.__doc__ or "").split())
    return text.split(". ")[0].rstrip(".") + "."
