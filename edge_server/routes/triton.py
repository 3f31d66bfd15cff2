"""/v2: Triton's extensions of the Open Inference Protocol beside inference itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from edge_server import body, request_context
from edge_server.api.description import (
    BODY_ERRORS,
    JSON,
    MODEL_ERRORS,
    Content,
    Description,
    ModelPlace,
    Tag,
    described,
)
from edge_server.api.schema import about
from edge_server.errors import ModelNotFound, NotOffered
from edge_server.guard.access import operators_only
from edge_server.repository import VersionStatus
from edge_server.services import Services
from edge_server.wire import open_inference_model as wire
from edge_server.wire import open_inference_model_shapes as shapes

_NOT_OFFERED = (
    "/systemsharedmemory/<path:what>",
    "/cudasharedmemory/<path:what>",
    "/trace/<path:what>",
    "/models/<name>/trace/<path:what>",
    "/logging",
)

_INDEX = Description(
    Tag.OPEN_INFERENCE,
    "All versions of all models",
    body={JSON: Content(shapes.IndexBody, {"those that are ready": {"ready": True}})},
    body_required=False,
    answer=list[shapes.IndexEntry],
    errors=BODY_ERRORS,
)
_LOAD = Description(
    Tag.OPEN_INFERENCE,
    "Load a model, anew or again",
    "Needs a token always: without --token-file nobody may.",
    body={JSON: Content(shapes.LoadBody)},
    body_required=False,
    answer=shapes.Nothing,
    errors=(*MODEL_ERRORS, *BODY_ERRORS, NotOffered),
)
_UNLOAD = Description(
    Tag.OPEN_INFERENCE,
    "Let go of a model",
    """Requests that have begun are answered still. Needs a token always: without --token-file
    nobody may.""",
    answer=shapes.Nothing,
    errors=MODEL_ERRORS,
)
_STATISTICS = Description(
    Tag.OPEN_INFERENCE, "What models have done", answer=shapes.Statistics, errors=MODEL_ERRORS
)


class _OtherPlace(ModelPlace):
    what: Annotated[str, about("Whatever follows.", minLength=1, example="status")]


_REFUSED = Description(
    Tag.OPEN_INFERENCE,
    "Not offered",
    "Shared memory, tracing and logging are Triton's own.",
    path=_OtherPlace,
    errors=(NotOffered,),
    refuses=True,
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("triton", __name__, url_prefix="/v2")

    @routes.post("/repository/index")
    @described(_INDEX)
    def index() -> ResponseReturnValue:
        ready = wire.parse_index(body.read())
        return jsonify(wire.index(_all_versions(services), ready=ready))

    @routes.post("/repository/models/<name>/load")
    @operators_only
    @described(_LOAD)
    def load(name: str) -> ResponseReturnValue:
        wire.parse_load(body.read())
        request_context.let_go()  # others compute meanwhile
        services.models.load(name)
        return jsonify(shapes.Nothing())

    @routes.post("/repository/models/<name>/unload")
    @operators_only
    @described(_UNLOAD)
    def unload(name: str) -> ResponseReturnValue:
        services.models.unload(name)
        return jsonify(shapes.Nothing())

    @routes.get("/models/stats")
    @described(_STATISTICS)
    def all_statistics() -> ResponseReturnValue:
        return statistics(_all_versions(services))

    @routes.get("/models/<name>/stats")
    @routes.get("/models/<name>/versions/<version>/stats")
    @described(_STATISTICS)
    def model_statistics(name: str, version: str | None = None) -> ResponseReturnValue:
        versions = [v for v in services.models.versions(name) if version in (None, v.version)]
        if not versions:
            raise ModelNotFound(f"{name} has no version '{version}'.")
        return statistics(versions)

    def statistics(versions: Sequence[VersionStatus]) -> ResponseReturnValue:
        of = services.observations.of
        return jsonify(wire.statistics((v, of(v.name, v.version)) for v in versions))

    @described(_REFUSED)
    def not_offered(**_place: str) -> ResponseReturnValue:
        raise NotOffered(
            "Shared memory, tracing and logging are not offered here: GET /v2 lists what is."
        )

    for path in _NOT_OFFERED:
        routes.add_url_rule(path, view_func=not_offered, methods=["GET", "POST"])
    return routes


def _all_versions(services: Services) -> list[VersionStatus]:
    models = services.models
    return [version for name in models.names for version in models.versions(name)]
