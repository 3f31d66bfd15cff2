"""GET /openapi.json, the description of every address, and GET /docs, the same for people."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue

from edge_server.api import document
from edge_server.api.description import JSON, Content, Description, Tag, described
from edge_server.api.schema import about
from edge_server.errors import ModelNotReady
from edge_server.inference.served import ServedModel
from edge_server.services import Services

_OPENAPI = Description(
    Tag.PAGES,
    "This description, for programs",
    "OpenAPI 3.1. Its examples are about the model that is served.",
    answers={JSON: Content(Annotated[dict[str, Any], about(required=["openapi", "paths"])])},
)
_DOCS = Description(Tag.PAGES, "This description, for people", answers={"text/html": Content(str)})


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("docs", __name__)

    def describe() -> dict[str, Any]:
        # Made anew each time, in milliseconds: models come and go, and memory is dear.
        tokens = services.settings.token_file is not None
        return document.build(current_app, _model(services), tokens=tokens)

    @routes.get("/openapi.json")
    @described(_OPENAPI)
    def openapi() -> ResponseReturnValue:
        return jsonify(describe())

    @routes.get("/docs")
    @described(_DOCS)
    def docs() -> ResponseReturnValue:
        return render_template("docs.html", api=describe(), title=_title(services))

    return routes


def _model(services: Services) -> ServedModel | None:
    try:
        return services.models.get()
    except ModelNotReady:
        return None


def _title(services: Services) -> str:
    return services.settings.title or services.models.default_name.replace("_", " ")
