"""POST /predict: the plain contract."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server import asking, body
from edge_server.api.description import INFERENCE_ERRORS, JSON, Content, Description, Tag, described
from edge_server.api.examples import PICTURE
from edge_server.api.schema import Bytes
from edge_server.errors import BadRequest, ImageError, UnsupportedMediaType
from edge_server.inference.classification import DEFAULT_TOP_K, Classification
from edge_server.inference.served import ServedModel
from edge_server.request_context import note
from edge_server.routes import current
from edge_server.services import Services
from edge_server.wire import predict as wire
from edge_server.wire.predict import ImageRequest

# What clients send that name no type: curl --data-binary says form-urlencoded.
_RAW_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded")

_PREDICT = Description(
    Tag.PREDICTION,
    "Classify one image, or several",
    """JSON with base64, a form with files, or the bytes of one image as the body. Several are
    answered in the order sent, all or nothing: an image that can't be read is named by its place.
    JPEG, PNG, WebP, BMP, GIF and TIFF are read; they are cropped and scaled here as the model was
    trained, so send them as they are. Without a Content-Type the body itself says what it is.""",
    query=wire.PredictQuery,
    body={
        JSON: Content(
            wire.JsonBody,
            {
                "one image": {"image": PICTURE},
                "several images": {"images": [PICTURE, PICTURE]},
                "a data URL": {"image": f"data:image/png;base64,{PICTURE}"},
            },
        ),
        "multipart/form-data": Content(wire.FormBody),
        "image/*": Content(Bytes),
        "application/octet-stream": Content(Bytes),
    },
    answer=wire.OneAnswer | wire.SeveralAnswers,
    errors=INFERENCE_ERRORS,
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("predict", __name__)

    @routes.post("/predict")
    @described(_PREDICT)
    def predict() -> ResponseReturnValue:
        asked = request.args if request.query_string else {}
        top_k, threshold = _top_k(asked), _threshold(asked)
        images = _images()
        asking.require_few(len(images.images), services.settings)
        model = services.models.get(asked.get("model"), version=asked.get("version"))
        note(model=model.info.name, version=model.info.version, images=len(images.images))
        results = _classify(model, images, top_k)
        total_ms = current.deadline().elapsed * 1e3
        if images.batch:
            return jsonify(wire.batch(results, model.info, total_ms, threshold))
        return jsonify(wire.single(results[0], model.info, total_ms, threshold))

    return routes


def _top_k(asked: Mapping[str, str]) -> int:
    text = asked.get("top_k")
    if text is None:
        return DEFAULT_TOP_K
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= wire.MAX_TOP_K:
        raise BadRequest(f"top_k is '{text[:20]}': use a whole number from 1.")
    return int(text)


def _threshold(asked: Mapping[str, str]) -> float:
    text = asked.get("threshold", "0")
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise BadRequest(f"threshold is '{text[:20]}': use a number from 0 to 1, for example 0.5.")
    return threshold


def _images() -> ImageRequest:
    """The images of the request, whatever its body is."""
    kind = request.mimetype
    if kind == "multipart/form-data":
        files = [(field, file.read()) for field, file in request.files.items(multi=True)]
        if not files:
            raise BadRequest("The form has no file: add one, for example -F image=@photo.jpg.")
        # A field called "images" asks for the batch's shape, even with one file in it.
        is_batch = len(files) > 1 or files[0][0].startswith("images")
        return ImageRequest(tuple(data for _, data in files), batch=is_batch)
    data = body.read()
    if not data:
        raise BadRequest(
            'The request has no body: send JSON {"image": "<base64>"}, a form with a file, '
            "or the bytes of an image."
        )
    if kind == "application/json" or (kind in _RAW_TYPES and data.lstrip()[:1] == b"{"):
        return wire.parse_json(data)
    if kind in _RAW_TYPES or kind.startswith("image/"):
        return ImageRequest((data,), batch=False)
    raise UnsupportedMediaType(
        f"Content-Type {kind} is not understood: send application/json, multipart/form-data, "
        "or image/jpeg with the bytes of an image."
    )


def _classify(model: ServedModel, request_: ImageRequest, top_k: int) -> list[Classification]:
    """All or nothing: a batch with one bad image is refused, naming the image."""
    try:
        return model.classifier.classify_batch(
            request_.images, top_k=top_k, deadline=current.deadline()
        )
    except ImageError as error:
        raise asking.at_its_place(error, several=request_.batch) from error
