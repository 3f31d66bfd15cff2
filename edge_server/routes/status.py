"""GET /status and /status.json: the device, for its owner."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, cast

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from edge_server import __version__
from edge_server.api.description import Content, Description, Tag, described
from edge_server.board import Board
from edge_server.errors import ModelNotFound
from edge_server.inference.runtime import runtime_info
from edge_server.inference.statistics import BOUNDS, Distribution, Observed
from edge_server.metrics import models as model_metrics
from edge_server.metrics.exposition import Metrics
from edge_server.recent import RECENT, Trouble
from edge_server.repository import VersionStatus
from edge_server.request_context import routine
from edge_server.routes import words
from edge_server.routes.camera import NO_STORE, camera_json
from edge_server.routes.kiosk import KioskSeen
from edge_server.services import Services
from edge_server.wire import status as wire
from edge_server.wire.camera import utc

_log = logging.getLogger(__name__)


_PAGE = Description(
    Tag.PAGES,
    "The device, for its owner",
    "A page that keeps itself up to date.",
    query=words.LanguageQuery,
    answers={"text/html": Content(str)},
)
_JSON = Description(
    Tag.HEALTH,
    "The device, for its owner's programs",
    """Models, camera, counts, temperatures, and the newest warnings and errors of the log. For
    what happens over time there are the metrics.""",
    answer=wire.StatusJson,
)


def blueprint(services: Services, counted: Metrics, seen: KioskSeen) -> Blueprint:
    routes = Blueprint("status", __name__)
    started = time.time()
    began = time.monotonic()

    @routes.get("/status")
    @described(_PAGE)
    def page() -> ResponseReturnValue:
        title = services.settings.title or services.models.default_name.replace("_", " ")
        camera = services.camera is not None
        return words.answer(
            render_template("status.html", title=title, camera=camera, **words.context(services))
        )

    @routes.get("/status.json")
    @described(_JSON)
    def report() -> ResponseReturnValue:
        routine()
        runtime = runtime_info()
        by_status = counted.http.by_status()
        document = wire.StatusJson(
            time=utc(time.time()),
            server={
                "version": __version__,
                "started_at": utc(started),
                "uptime_seconds": round(time.monotonic() - began, 1),
                "runtime": {"name": runtime.name, "version": runtime.version},
                "memory_bytes": _resident_bytes(),
                "kiosk_seen_at": None if seen.at is None else utc(seen.at),
            },
            models=_models(services),
            camera=_camera(services),
            requests={"total": sum(by_status.values()), "by_status": by_status},
            board=_board(counted),
            troubles=[_trouble(trouble) for trouble in RECENT.newest()],
            troubles_total=RECENT.total,
        )
        return jsonify(document), 200, NO_STORE

    return routes


def median_ms(durations: Distribution) -> float | None:
    """The median of a histogram, linear within its bucket; None where it is empty."""
    below = 0
    edges = (0.0, *BOUNDS)
    for place, count in enumerate(durations.counts):
        if below + count > 0 and below + count >= durations.count / 2:
            if place == len(BOUNDS):  # above the last bound there is no telling
                return BOUNDS[-1] * 1e3
            share = (durations.count / 2 - below) / count
            return round((edges[place] + share * (edges[place + 1] - edges[place])) * 1e3, 3)
        below += count
    return None


def _models(services: Services) -> list[wire.ModelStatusJson]:
    observed = {(o.info.name, o.info.version): o for o in services.observations.all()}
    told: list[wire.ModelStatusJson] = []
    for name in services.models.names:
        with suppress(ModelNotFound):  # it went just now
            for status in model_metrics.told(services.models.versions(name)):
                told.append(_version(status, observed.get((status.name, status.version))))
    return told


def _version(status: VersionStatus, seen: Observed | None) -> wire.ModelStatusJson:
    work = seen.statistics if seen else None
    loaded = seen is not None and bool(seen.classifiers)
    return {
        "name": status.name,
        "version": status.version,
        "state": status.state.value,
        "since": utc(status.since),
        "default": status.default,
        "labels": list(status.labels),
        "reason": status.reason or None,
        "recipe": seen.info.recipe if seen else None,
        "size_bytes": seen.info.size_bytes if seen else None,
        "delegate": seen.classifiers[-1].delegate if seen and loaded else None,
        "answered": work.requests.count if work else 0,
        "failed": work.failed.count if work else 0,
        "images": work.images if work else 0,
        "invoke_p50_ms": median_ms(work.stages["invoke"]) if work else None,
        "request_p50_ms": median_ms(work.requests) if work else None,
    }


def _camera(services: Services) -> wire.CameraStatusJson | None:
    if services.camera is None:
        return None
    status = services.camera.grabber.status()
    return {
        **camera_json(services.camera),
        "reconnections": status.reconnections,
        "frames": status.frames,
    }


def _board(counted: Metrics) -> wire.BoardJson | None:
    try:
        board = counted.board.read()
    except Exception as error:
        _log.debug("the board can't be read", exc_info=error)
        return None
    total, available = board.memory or (None, None)
    return {
        "model": board.model,
        "temperatures": {zone: round(t, 1) for zone, t in board.temperatures.items()},
        "throttled": _throttled(board),
        "memory_total_bytes": total,
        "memory_available_bytes": available,
        "load_1min": board.load[0] if board.load else None,
        "processors": os.cpu_count() or 1,
        "uptime_seconds": board.uptime,
    }


def _throttled(board: Board) -> list[wire.ThrottledJson]:
    reasons = dict.fromkeys(reason for reason, _ in board.throttled)
    return [
        {
            "reason": reason,
            "now": board.throttled.get((reason, "now"), False),
            "earlier": board.throttled.get((reason, "earlier"), False),
        }
        for reason in reasons
    ]


def _trouble(trouble: Trouble) -> wire.TroubleJson:
    return {
        "first_at": utc(trouble.first_at),
        "last_at": utc(trouble.last_at),
        "level": cast(Literal["warning", "error", "critical"], trouble.level),
        "logger": trouble.logger,
        "message": trouble.message,
        "times": trouble.times,
    }


def _resident_bytes() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
