"""GET /: the kiosk page; for a client that wants JSON, that the server lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

from flask import Blueprint, jsonify, make_response, render_template, request
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from edge_server.api.description import JSON, Content, Description, Tag, described, mark
from edge_server.api.schema import Bytes, about
from edge_server.errors import EdgeError, ModelNotReady, Unauthorized
from edge_server.guard.access import open_to_all, require_token
from edge_server.inference.manifest import Manifest
from edge_server.page.edition import edition
from edge_server.routes import camera_programs, words
from edge_server.services import Services
from edge_server.wire.health import Alive

_DIGITS = tuple("0123456789")
_WAITING_SECONDS = 3


class FilePlace(TypedDict):
    """The part of an address that names a file."""

    filename: Annotated[str, about("Path of the file.", example="icon.svg")]


_KIOSK = Description(
    Tag.PAGES,
    "The kiosk page",
    """To a client that takes no HTML, such as KServe's health check, that the server lives. With
    ?action=snapshot and ?action=stream the camera, as mjpg-streamer has it.""",
    query=words.LanguageQuery,
    answers={"text/html": Content(str), JSON: Content(Alive)},
    errors=(ModelNotReady, Unauthorized),
    failures={503: {"text/html": Content(str)}},
)
_FILES = Description(
    Tag.PAGES,
    "Files of the pages",
    "Scripts, styles and pictures. They come from this server alone.",
    answers={"*/*": Content(Bytes)},
    path=FilePlace,
)


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of exactly the served file on photos held out of its making; fractions 0..1."""

    top1: float
    samples: int
    original_top1: float
    agreement: float


def accuracy(manifest: Manifest | None) -> Accuracy | None:
    """What the manifest's validation says; None where it had no labelled photos."""
    validation = manifest.validation if manifest else None
    if not validation or validation["candidate"]["top1"] is None:
        return None
    return Accuracy(
        top1=validation["candidate"]["top1"],
        samples=validation["samples"],
        original_top1=validation["original"]["top1"],
        agreement=validation["agreement"]["top1"],
    )


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("pages", __name__)

    routes.record_once(_describe_files)
    own_edition = edition(services.settings)

    @routes.get("/")
    @open_to_all
    @described(_KIOSK)
    def kiosk() -> ResponseReturnValue:
        if "action" in request.args:
            require_token()
            if (of_camera := camera_programs.action(services)) is not None:
                return of_camera
        if _wants_page():
            require_token()
        answer = make_response(_page() if _wants_page() else jsonify(Alive(status="alive")))
        answer.vary.add("Accept")
        return answer

    def _page() -> ResponseReturnValue:
        try:
            model = services.models.get()
        except EdgeError as error:
            title = services.settings.title or "Edge server"
            page = render_template(
                "waiting.html", title=title, reason=str(error), **words.context(services)
            )
            waiting = words.answer(page, 503)
            # A kiosk has nobody to reload it.
            waiting.headers["Refresh"] = str(_WAITING_SECONDS)
            waiting.headers["Retry-After"] = "1"
            return waiting
        page = render_template(
            "kiosk.html",
            title=services.settings.title or model.info.name.replace("_", " "),
            camera=services.camera is not None,
            drawing=model.info.labels == _DIGITS,
            model=model.info,
            accuracy=accuracy(model.classifier.bundle.manifest),
            edition=own_edition,
            min_confidence=services.settings.min_confidence,
            **words.context(services),
        )
        return words.answer(page)

    return routes


def _describe_files(state: BlueprintSetupState) -> None:
    # The view is Flask's own.
    mark(state.app.view_functions["static"], _FILES)


def _wants_page() -> bool:
    """Browsers name HTML. KServe's client, which asks the base address for health, takes all."""
    accepted = request.accept_mimetypes
    return not accepted or any(
        kind in ("text/html", "application/xhtml+xml") for kind, _ in accepted
    )
