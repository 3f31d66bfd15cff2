"""/v2: Triton's extensions of the Open Inference Protocol beside inference itself."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from edge_server import body
from edge_server.access import operators_only
from edge_server.errors import ModelNotFound, NotOffered
from edge_server.repository import VersionStatus
from edge_server.services import Services
from edge_server.wire import open_inference_model as wire

_NOT_OFFERED = (
    "/systemsharedmemory/<path:what>",
    "/cudasharedmemory/<path:what>",
    "/trace/<path:what>",
    "/models/<name>/trace/<path:what>",
    "/logging",
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("triton", __name__, url_prefix="/v2")

    @routes.post("/repository/index")
    def index() -> ResponseReturnValue:
        ready = wire.parse_index(body.read())
        return jsonify(wire.index(_all_versions(services), ready=ready))

    @routes.post("/repository/models/<name>/load")
    @operators_only
    def load(name: str) -> ResponseReturnValue:
        wire.parse_load(body.read())
        services.models.load(name)
        return jsonify({})

    @routes.post("/repository/models/<name>/unload")
    @operators_only
    def unload(name: str) -> ResponseReturnValue:
        services.models.unload(name)
        return jsonify({})

    @routes.get("/models/stats")
    def all_statistics() -> ResponseReturnValue:
        return statistics(_all_versions(services))

    @routes.get("/models/<name>/stats")
    @routes.get("/models/<name>/versions/<version>/stats")
    def model_statistics(name: str, version: str | None = None) -> ResponseReturnValue:
        versions = [v for v in services.models.versions(name) if version in (None, v.version)]
        if not versions:
            raise ModelNotFound(f"{name} has no version '{version}'.")
        return statistics(versions)

    def statistics(versions: Sequence[VersionStatus]) -> ResponseReturnValue:
        of = services.observations.of
        return jsonify(wire.statistics((v, of(v.name, v.version)) for v in versions))

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
