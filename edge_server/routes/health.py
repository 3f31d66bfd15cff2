"""GET /healthz (the process lives) and /readyz (it can answer)."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from edge_server.api.description import JSON, Content, Description, Tag, described
from edge_server.errors import EdgeError, ModelNotReady
from edge_server.guard.access import is_trusted, open_to_all
from edge_server.inference.runtime import runtime_info
from edge_server.routes.camera import camera_json
from edge_server.services import Services
from edge_server.wire import health as wire

_ALIVE = Description(Tag.HEALTH, "The process lives", "Needs no token.", answer=wire.Alive)
_READY = Description(
    Tag.HEALTH,
    "What it serves",
    """Whether predictions are answered. Needs no token, but without one where one is set there is
    no more than that. A lost camera is said here and does not make the server unready.""",
    answer=wire.ReadyReport | wire.Ready,
    errors=(ModelNotReady,),
    failures={503: {JSON: Content(wire.NotReady)}},
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    @open_to_all
    @described(_ALIVE)
    def healthz() -> ResponseReturnValue:
        return jsonify(wire.Alive(status="alive"))

    @routes.get("/readyz")
    @open_to_all
    @described(_READY)
    def readyz() -> ResponseReturnValue:
        # What is served is loaded and proven. A lost camera is said here but does not take the
        # server out of service: uploads are still answered.
        try:
            model = services.models.get()
        except EdgeError as error:
            reason: wire.NotReady = {"ready": False}
            if is_trusted():
                reason["error"] = str(error)
            return jsonify(reason), 503, {"Retry-After": "1"}
        if not is_trusted():
            return jsonify(wire.Ready(ready=True))
        runtime = runtime_info()
        manifest = model.classifier.bundle.manifest
        report = wire.ReadyReport(
            ready=True,
            model=model.info.to_json(),
            runtime={"name": runtime.name, "version": runtime.version},
            delegate=model.delegation.to_json() if model.delegation else None,
            validation=manifest.validation if manifest else None,
            camera=camera_json(services.camera) if services.camera else None,
        )
        return jsonify(report)

    return routes
