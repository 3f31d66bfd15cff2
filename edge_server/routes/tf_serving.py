"""/v1/models: TensorFlow Serving's REST API, which KServe calls protocol v1."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from edge_server import asking, body
from edge_server.errors import ImageError, ModelNotFound, NotOffered
from edge_server.routes import current
from edge_server.services import Services
from edge_server.wire import tf_serving as wire

# A model by itself, or one version of it.
_PLACES = ("", "/versions/<version>", "/labels/<label>")


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("tf_serving", __name__, url_prefix="/v1/models")

    def predict(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        model = services.models.get(name, version=version, label=label)
        document = body.read()
        asking.require_few_numbers(document, model, services.settings)
        asked = wire.parse_predict(document, model.classifier.signature.name)
        values = asking.outputs(model, asked.pictures, services.settings, current.deadline())
        return jsonify(wire.predictions(values, columns=asked.columns))

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

    def not_offered(verb: str, **_place: str) -> ResponseReturnValue:
        raise NotOffered(
            f":{verb} is not offered here: an image classifier answers :predict and :classify."
        )

    def status(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        if label is not None:
            version = services.models.get(name, label=label).info.version
        versions = [v for v in services.models.versions(name) if version in (None, v.version)]
        if not versions:
            raise ModelNotFound(f"Could not find version {version} of model {name}.")
        return jsonify(wire.status(name, versions))

    def metadata(
        name: str, version: str | None = None, label: str | None = None
    ) -> ResponseReturnValue:
        return jsonify(wire.metadata(services.models.get(name, version=version, label=label)))

    @routes.get("")
    def names() -> ResponseReturnValue:
        return jsonify(models=services.models.names)

    for place in _PLACES:
        model = "/<name>" + place
        routes.get(model)(status)
        routes.get(model + "/metadata")(metadata)
        routes.post(model + ":predict")(predict)
        routes.post(model + ":classify")(classify)
        routes.post(model + ":<any(regress, explain):verb>")(not_offered)
    return routes
