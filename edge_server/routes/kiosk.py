"""What the kiosk page asks for beside answers: words, looks, and whether it is up to date."""

from __future__ import annotations

import ipaddress
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, TypedDict

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server.api.description import Content, Description, Tag, described
from edge_server.api.schema import Bytes, about
from edge_server.errors import EdgeError, PageNotFound
from edge_server.page import colors, logo, texts
from edge_server.page.edition import edition
from edge_server.request_context import routine
from edge_server.routes.camera import NO_STORE, camera_json
from edge_server.services import Services
from edge_server.wire.kiosk import KioskJson


class TextsPlace(TypedDict):
    """The part of an address that names a language."""

    language: Annotated[str, about("Code of a language.", example="de")]


_KIOSK = Description(Tag.PAGES, "What the kiosk page follows", answer=KioskJson)
_TEXTS = Description(
    Tag.PAGES,
    "The words of the pages",
    "What a translation lacks is English.",
    answer=dict[str, str],
    path=TextsPlace,
)
_COLORS = Description(
    Tag.PAGES, "Colours of one's own", "Of --colors.", answers={"text/css": Content(str)}
)
_LOGO = Description(
    Tag.PAGES,
    "The logo",
    "Of --logo.",
    answers={"image/png": Content(Bytes), "image/svg+xml": Content(Bytes)},
    errors=(PageNotFound,),
)
# A drawing may style itself, and may do nothing else, where somebody opens it by its address.
_LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass
class KioskSeen:
    """When a kiosk page on this device asked last, Unix seconds; None where none did."""

    at: float | None = None


def blueprint(services: Services, seen: KioskSeen) -> Blueprint:
    """Raises SettingError where the logo is not fit for its use."""
    routes = Blueprint("kiosk", __name__)
    settings = services.settings
    shown = logo.read(settings.logo) if settings.logo is not None else None
    own_edition = edition(settings)

    @routes.get("/kiosk.json")
    @described(_KIOSK)
    def follow() -> ResponseReturnValue:
        routine()
        if _is_this_device(request.remote_addr):
            seen.at = time.time()
        document = KioskJson(
            edition=own_edition,
            model=None,
            camera=camera_json(services.camera) if services.camera else None,
        )
        with suppress(EdgeError):  # whoever asks for an answer is told why there is none
            document["model"] = services.models.get().info.to_json()
        return jsonify(document), 200, NO_STORE

    @routes.get("/texts/<language>.json")
    @described(_TEXTS)
    def words(language: str) -> ResponseReturnValue:
        known = texts.languages()
        return jsonify(known[language]) if language in known else abort(404)

    @routes.get("/colors.css")
    @described(_COLORS)
    def own_colors() -> ResponseReturnValue:
        return Response(colors.style_sheet(settings.colors), mimetype="text/css")

    @routes.get("/logo")
    @described(_LOGO)
    def own_logo() -> ResponseReturnValue:
        if shown is None:
            raise PageNotFound("There is no logo: start the server with --logo.")
        policy = {"Content-Security-Policy": _LOGO_POLICY}
        return Response(shown.data, mimetype=shown.media_type, headers=policy)

    return routes


def _is_this_device(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
