"""GET /healthz (the process lives) and /readyz (it can answer)."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from edge_server.access import is_trusted, open_to_all
from edge_server.errors import EdgeError
from edge_server.inference.runtime import runtime_info
from edge_server.routes.camera import camera_json
from edge_server.services import Services


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    @open_to_all
    def healthz() -> ResponseReturnValue:
        return jsonify(status="alive")

    @routes.get("/readyz")
    @open_to_all
    def readyz() -> ResponseReturnValue:
        # What is served is loaded and proven. A lost camera is said here but does not take the
        # server out of service: uploads are still answered.
        try:
            model = services.models.get()
        except EdgeError as error:
            reason = {"error": str(error)} if is_trusted() else {}
            return jsonify(ready=False, **reason), 503, {"Retry-After": "1"}
        if not is_trusted():
            return jsonify(ready=True)
        runtime = runtime_info()
        manifest = model.classifier.bundle.manifest
        return jsonify(
            ready=True,
            model=model.info.to_json(),
            runtime={"name": runtime.name, "version": runtime.version},
            delegate=model.delegation.to_json() if model.delegation else None,
            validation=manifest.validation if manifest else None,
            camera=camera_json(services.camera) if services.camera else None,
        )

    return routes
