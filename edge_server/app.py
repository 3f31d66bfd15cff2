"""create_app: the routes, the one error handler, what every request passes."""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from camera.errors import CameraError, TooManyViewers
from edge_server.application import Application
from edge_server.errors import EdgeError
from edge_server.guard import access, pages_of_others
from edge_server.logs import fields
from edge_server.metrics.exposition import Metrics
from edge_server.routes import (
    camera,
    camera_programs,
    current,
    docs,
    health,
    kiosk,
    live,
    metrics,
    open_inference,
    pages,
    predict,
    status,
    tf_serving,
    triton,
)
from edge_server.services import Services
from edge_server.wire.error import ErrorAnswer

_log = logging.getLogger(__name__)

# Where the application keeps what counts its requests.
METRICS: Final = "edge_server.metrics"


def create_app(services: Services) -> Flask:
    """The WSGI application that serves `services`.

    Raises SettingError where a file that the settings name is not fit for its use.
    """
    app = Application("edge_server")
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body * 2**20
    # Files of a form count towards the body; its other fields are not used.
    app.config["MAX_FORM_PARTS"] = services.settings.max_images + 16
    counted = Metrics(services)
    app.extensions[METRICS] = counted
    app.register_blueprint(metrics.blueprint(counted))
    for module in (
        predict,
        tf_serving,
        open_inference,
        triton,
        camera,
        live,
        camera_programs,
        health,
        pages,
        docs,
    ):
        app.register_blueprint(module.blueprint(services))
    seen = kiosk.KioskSeen()
    app.register_blueprint(kiosk.blueprint(services, seen))
    app.register_blueprint(status.blueprint(services, counted, seen))

    current.follow(app, services.settings.timeout)
    settings = services.settings
    tokens = settings.token_file is not None
    pages_of_others.refuse(app, origins=settings.cors, hosts=settings.allow_host, tokens=tokens)
    access.protect(app, settings.token_file)

    @app.errorhandler(Exception)
    def render(error: Exception) -> ResponseReturnValue:
        return render_error(error, services)

    return app


def render_error(error: Exception, services: Services) -> ResponseReturnValue:
    """{"error": sentence} with the error's status; what nobody foresaw is logged with its trace."""
    if isinstance(error, EdgeError):
        answer = jsonify(ErrorAnswer(error=str(error)))
        answer.headers.extend(error.headers)
        return answer, error.status
    if isinstance(error, CameraError):
        headers = {"Retry-After": "1"}
        if not isinstance(error, TooManyViewers):
            headers["X-Camera-Online"] = "false"
        return jsonify(ErrorAnswer(error=str(error))), 503, headers
    if isinstance(error, HTTPException):
        response = error.get_response()
        headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
        return jsonify(ErrorAnswer(error=_sentence(error, services))), error.code or 500, headers
    _log.exception("the request failed", extra=fields(method=request.method, path=request.path))
    return jsonify(ErrorAnswer(error="The server made a mistake: its log says more.")), 500


def _sentence(error: HTTPException, services: Services) -> str:
    if error.code == 404:
        return f"There is nothing at {request.path}: see the list of addresses at /docs."
    if error.code == 405:
        return f"{request.method} is not offered at {request.path}: see the Allow header."
    if error.code == 413 and request.mimetype == "multipart/form-data" and _fits():
        return (
            f"The form has too many parts or too long a text field: send at most "
            f"{services.settings.max_images} images, as files."
        )
    if error.code == 413:
        return (
            f"The request is over the limit of {services.settings.max_body} MiB: "
            "send a smaller image or fewer of them."
        )
    return error.description or error.name


def _fits() -> bool:
    """Whether the request's length is within the limit, so that something else was too much."""
    return (request.content_length or 0) <= (request.max_content_length or 0)
