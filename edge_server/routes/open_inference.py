"""/v2: the Open Inference Protocol of KServe, Triton and MLServer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server import asking, body
from edge_server.access import open_to_all
from edge_server.deadline import Deadline
from edge_server.errors import ModelNotReady
from edge_server.routes import current
from edge_server.services import Services
from edge_server.wire import open_inference as wire
from edge_server.wire import open_inference_model as models

# A model by itself, or one version of it.
_PLACES = ("", "/versions/<version>")


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("open_inference", __name__, url_prefix="/v2")

    @routes.get("")
    def server() -> ResponseReturnValue:
        return jsonify(models.server())

    @routes.get("/health/live")
    @open_to_all
    def live() -> ResponseReturnValue:
        return jsonify(live=True)

    @routes.get("/health/ready")
    @open_to_all
    def ready() -> ResponseReturnValue:
        # The specification says `live` here; KServe's client reads `ready`.
        try:
            services.models.get()
        except ModelNotReady as error:
            return jsonify(live=True, ready=False, error=str(error)), error.status
        return jsonify(live=True, ready=True)

    @routes.get("/models")
    def names() -> ResponseReturnValue:
        return jsonify(models=services.models.names)

    def metadata(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(models.metadata(model, services.models.versions(name)))

    def model_ready(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(name=model.info.name, ready=True)

    def configuration(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(models.configuration(model, max_images=services.settings.max_images))

    def infer(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        length = request.headers.get(wire.LENGTH_HEADER)
        document = body.read()
        if length is None:
            asking.require_few_numbers(document, model, services.settings)
        asked = wire.parse_infer(document, length, model.classifier)
        values = asking.outputs(model, asked.pictures, services.settings, _deadline(asked.timeout))
        answer = wire.answer(values, asked, model)
        if answer.json_length is None:
            return Response(answer.body, mimetype="application/json")
        headers = {wire.LENGTH_HEADER: str(answer.json_length)}
        return Response(answer.body, mimetype="application/octet-stream", headers=headers)

    for place in _PLACES:
        model = "/models/<name>" + place
        routes.get(model)(metadata)
        routes.get(model + "/ready")(model_ready)
        routes.get(model + "/config")(configuration)
        routes.post(model + "/infer")(infer)
    return routes


def _deadline(seconds: float | None) -> Deadline:
    """The request's own, or the sooner one that it asks for."""
    whole = current.deadline()
    if seconds is None or seconds >= whole.remaining:
        return whole
    return Deadline(seconds, is_gone=whole.is_gone)
