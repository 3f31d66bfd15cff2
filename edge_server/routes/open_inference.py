"""/v2: the Open Inference Protocol of KServe, Triton and MLServer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server import asking, body
from edge_server.api.description import (
    INFERENCE_ERRORS,
    JSON,
    MODEL_ERRORS,
    Content,
    Description,
    Tag,
    described,
)
from edge_server.api.examples import PICTURE
from edge_server.api.schema import Bytes
from edge_server.deadline import Deadline
from edge_server.errors import ModelNotReady, NotOffered
from edge_server.guard.access import open_to_all
from edge_server.inference.served import ServedModel
from edge_server.routes import current
from edge_server.services import Services
from edge_server.wire import open_inference as wire
from edge_server.wire import open_inference_model as models
from edge_server.wire import open_inference_model_shapes as told
from edge_server.wire import open_inference_shapes as shapes

# A model by itself, or one version of it.
_PLACES = ("", "/versions/<version>")
_BINARY = "application/octet-stream"


def _example(model: ServedModel) -> shapes.InferenceBody:
    signature = model.classifier.signature
    return {
        "inputs": [{"name": signature.input, "datatype": "BYTES", "shape": [1], "data": [PICTURE]}],
        "outputs": [{"name": signature.output, "parameters": {"classification": 3}}],
    }


_SERVER = Description(Tag.OPEN_INFERENCE, "What the server offers", answer=told.ServerMetadata)
_LIVE = Description(
    Tag.OPEN_INFERENCE, "The process lives", "Needs no token.", answer=told.ServerLive
)
_READY = Description(
    Tag.OPEN_INFERENCE,
    "Predictions are answered",
    "Needs no token.",
    answer=told.ServerReady,
    errors=(ModelNotReady,),
)
_NAMES = Description(Tag.OPEN_INFERENCE, "Names of the models", answer=told.ModelNames)
_METADATA = Description(
    Tag.OPEN_INFERENCE, "Inputs and outputs", answer=told.ModelMetadata, errors=MODEL_ERRORS
)
_MODEL_READY = Description(
    Tag.OPEN_INFERENCE, "The model can answer", answer=told.ModelReady, errors=MODEL_ERRORS
)
_CONFIGURATION = Description(
    Tag.OPEN_INFERENCE,
    "Configuration, as Triton's",
    answer=told.ModelConfiguration,
    errors=MODEL_ERRORS,
)
_INFER = Description(
    Tag.OPEN_INFERENCE,
    "Infer",
    """Numbers or encoded images in, scores or classes out, in JSON; or as bytes after the JSON
    (the binary extension): then a header says how long the JSON is, and each tensor's
    `binary_data_size` how long its bytes are, little-endian, row by row; of BYTES each element
    comes after its length in 4 bytes.""",
    headers=shapes.LengthHeader,
    body={
        JSON: Content(shapes.InferenceBody, {"an image": _example}),
        _BINARY: Content(Bytes),
    },
    answers={JSON: Content(shapes.InferenceAnswer), _BINARY: Content(Bytes)},
    answer_headers=shapes.LengthHeader,
    errors=(*INFERENCE_ERRORS, NotOffered),
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("open_inference", __name__, url_prefix="/v2")

    @routes.get("")
    @described(_SERVER)
    def server() -> ResponseReturnValue:
        return jsonify(models.server())

    @routes.get("/health/live")
    @open_to_all
    @described(_LIVE)
    def live() -> ResponseReturnValue:
        return jsonify(told.ServerLive(live=True))

    @routes.get("/health/ready")
    @open_to_all
    @described(_READY)
    def ready() -> ResponseReturnValue:
        # The specification says `live` here; KServe's client reads `ready`.
        try:
            services.models.get()
        except ModelNotReady as error:
            return jsonify(live=True, ready=False, error=str(error)), error.status
        return jsonify(told.ServerReady(live=True, ready=True))

    @routes.get("/models")
    @described(_NAMES)
    def names() -> ResponseReturnValue:
        return jsonify(told.ModelNames(models=list(services.models.names)))

    @described(_METADATA)
    def metadata(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(models.metadata(model, services.models.versions(name)))

    @described(_MODEL_READY)
    def model_ready(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(told.ModelReady(name=model.info.name, ready=True))

    @described(_CONFIGURATION)
    def configuration(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        return jsonify(models.configuration(model, max_images=services.settings.max_images))

    @described(_INFER)
    def infer(name: str, version: str | None = None) -> ResponseReturnValue:
        model = services.models.get(name, version=version)
        length = request.headers.get(shapes.LENGTH_HEADER)
        document = body.read()
        if length is None:
            asking.require_few_numbers(document, model, services.settings)
        asked = wire.parse_infer(document, length, model.classifier)
        values = asking.outputs(model, asked.pictures, services.settings, _deadline(asked.timeout))
        answer = wire.answer(values, asked, model)
        if answer.json_length is None:
            return Response(answer.body, mimetype="application/json")
        headers = {shapes.LENGTH_HEADER: str(answer.json_length)}
        return Response(answer.body, mimetype=_BINARY, headers=headers)

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
