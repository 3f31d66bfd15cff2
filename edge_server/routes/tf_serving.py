"""/v1/models: TensorFlow Serving's REST API, which KServe calls protocol v1."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, jsonify
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from edge_server import asking, body
from edge_server.api.description import (
    INFERENCE_ERRORS,
    JSON,
    MODEL_ERRORS,
    Content,
    Description,
    ModelPlace,
    Tag,
    described,
)
from edge_server.api.examples import PICTURE
from edge_server.errors import ImageError, ModelNotFound, NotOffered
from edge_server.routes import current
from edge_server.services import Services
from edge_server.wire import tf_serving as wire
from edge_server.wire import tf_serving_shapes as shapes

# A model by itself, or one version of it.
_PLACES = ("", "/versions/<plain:version>", "/labels/<plain:label>")

_PREDICT = Description(
    Tag.TF_SERVING,
    "Scores of pictures",
    """Rows (`instances`) or columns (`inputs`): encoded images as `{"b64": ...}`, which are
    preprocessed here, or the numbers that the original model took.""",
    body={
        JSON: Content(
            shapes.Rows | shapes.Columns,
            {
                "an image": {"instances": [{"b64": PICTURE}]},
                "columns": {"inputs": [{"b64": PICTURE}]},
            },
        )
    },
    answer=shapes.RowsAnswer | shapes.ColumnsAnswer,
    errors=INFERENCE_ERRORS,
)
_CLASSIFY = Description(
    Tag.TF_SERVING,
    "Labels and scores of pictures",
    body={
        JSON: Content(shapes.Examples, {"an image": {"examples": [{"image": {"b64": PICTURE}}]}})
    },
    answer=shapes.ClassesAnswer,
    errors=INFERENCE_ERRORS,
)
_STATUS = Description(
    Tag.TF_SERVING, "State of a model's versions", answer=shapes.ModelStatus, errors=MODEL_ERRORS
)
_METADATA = Description(
    Tag.TF_SERVING, "Signature of a model", answer=shapes.ServingMetadata, errors=MODEL_ERRORS
)
_NAMES = Description(Tag.TF_SERVING, "Names of the models", answer=shapes.Names)


class _OtherVerb(ModelPlace):
    verb: Literal["regress", "explain"]


_NOT_OFFERED = Description(
    Tag.TF_SERVING,
    "Not offered",
    "An image classifier has no regression and no explanation.",
    path=_OtherVerb,
    errors=(NotOffered,),
    refuses=True,
)


class _Plain(BaseConverter):
    """A name without the colon that a verb follows, as TensorFlow Serving has it."""

    regex = "[^/:]+"


def _teach_plain(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["plain"] = _Plain


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("tf_serving", __name__, url_prefix="/v1/models")
    routes.record_once(_teach_plain)

    @described(_PREDICT)
    def predict(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        model = services.models.get(name, version=version, label=label)
        document = body.read()
        asking.require_few_numbers(document, model, services.settings)
        asked = wire.parse_predict(document, model.classifier.signature.name)
        values = asking.outputs(model, asked.pictures, services.settings, current.deadline())
        return jsonify(wire.predictions(values, columns=asked.columns))

    @described(_CLASSIFY)
    def classify(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        model = services.models.get(name, version=version, label=label)
        classifier = model.classifier
        images = wire.parse_classify(body.read(), classifier.signature.name)
        asking.require_few(len(images), services.settings)
        try:
            results = classifier.classify_batch(
                images, top_k=classifier.classes, deadline=current.deadline()
            )
        except ImageError as error:
            raise asking.at_its_place(error, several=len(images) > 1) from error
        return jsonify(wire.classes(results))

    @described(_NOT_OFFERED)
    def not_offered(verb: str, **_place: str) -> ResponseReturnValue:
        raise NotOffered(
            f":{verb} is not offered here: an image classifier answers :predict and :classify."
        )

    @described(_STATUS)
    def status(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        if label is not None:
            version = services.models.get(name, label=label).info.version
        versions = [v for v in services.models.versions(name) if version in (None, v.version)]
        if not versions:
            raise ModelNotFound(f"Could not find version {version} of model {name}.")
        return jsonify(wire.status(name, versions))

    @described(_METADATA)
    def metadata(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        return jsonify(wire.metadata(services.models.get(name, version=version, label=label)))

    @routes.get("")
    @described(_NAMES)
    def names() -> ResponseReturnValue:
        return jsonify(shapes.Names(models=list(services.models.names)))

    for place in _PLACES:
        model = "/<plain:name>" + place
        routes.get(model)(status)
        routes.get(model + "/metadata")(metadata)
        routes.post(model + ":predict")(predict)
        routes.post(model + ":classify")(classify)
        routes.post(model + ":<any(regress, explain):verb>")(not_offered)
    return routes
