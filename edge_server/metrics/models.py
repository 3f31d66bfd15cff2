"""Models: their work, their queues, their states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from edge_server.errors import ModelNotFound
from edge_server.inference.runtime import runtime_info
from edge_server.inference.statistics import STAGES, Observations, Observed
from edge_server.metrics import catalogue
from edge_server.metrics.catalogue import Family
from edge_server.repository import Repository, State, VersionStatus

# The newest of a model's versions that are told; a directory may have collected any number.
MAX_VERSIONS = 16
_MAX_REASON = 200


def work(observations: Observations) -> Iterator[Family]:
    """The families of every version that answers, or did so a while ago."""
    known = observations.all()
    yield from _work(known)
    yield from _queues(known)


def states(models: Repository) -> Iterator[Family]:
    """The families of every version that is known, failed ones too."""
    versions: list[VersionStatus] = []
    for name in models.names:
        with suppress(ModelNotFound):  # it went just now
            versions += told(models.versions(name))
    yield catalogue.MODEL_STATE.values(
        *(((v.name, v.version, state.value), v.state is state) for v in versions for state in State)
    )
    yield catalogue.MODEL_FAILURE.values(
        *(((v.name, v.version, _short(v.reason)), 1) for v in versions if v.reason)
    )


def _key(seen: Observed) -> tuple[str, str]:
    return seen.info.name, seen.info.version


def _work(known: list[Observed]) -> Iterator[Family]:
    yield catalogue.REQUESTS.distributions(*((_key(o), o.statistics.requests) for o in known))
    yield catalogue.FAILED.values(*((_key(o), o.statistics.failed.count) for o in known))
    yield catalogue.SHED.values(*((_key(o), o.statistics.shed) for o in known))
    yield catalogue.TIMED_OUT.values(*((_key(o), o.statistics.timed_out) for o in known))
    yield catalogue.INFERENCE.distributions(
        *(((*_key(o), stage), o.statistics.stages[stage]) for o in known for stage in STAGES)
    )
    yield catalogue.IMAGES.values(*((_key(o), o.statistics.images) for o in known))
    yield catalogue.EXECUTIONS.values(*((_key(o), o.statistics.executions) for o in known))
    yield catalogue.PREDICTIONS.values(
        *(
            ((*_key(o), label), count)
            for o in known
            for label, count in _by_label(o.info.labels, o.statistics.predictions).items()
        )
    )


def _by_label(labels: tuple[str, ...], counts: tuple[int, ...]) -> dict[str, int]:
    """Two classes may have the same label; they are one series."""
    summed: dict[str, int] = {}
    if counts:
        for label, count in zip(labels, counts, strict=True):
            summed[label] = summed.get(label, 0) + count
    return summed


def _queues(known: list[Observed]) -> Iterator[Family]:
    loaded = [o for o in known if o.classifiers]
    # A version that was just loaded anew is there twice, until its last request is answered.
    uses = [[classifier.occupancy for classifier in o.classifiers] for o in loaded]
    counted = list(zip(map(_key, loaded), uses, strict=True))
    yield catalogue.WAITING.values(*((key, sum(u.waiting for u in use)) for key, use in counted))
    yield catalogue.LIMIT.values(*((key, use[-1].max_waiting) for key, use in counted))
    yield catalogue.INTERPRETERS.values(
        *(((*key, "busy"), sum(u.busy for u in use)) for key, use in counted),
        *(((*key, "free"), sum(u.free for u in use)) for key, use in counted),
    )
    runtime = runtime_info()
    named = f"{runtime.name}/{runtime.version}"
    yield catalogue.MODEL.values(
        *(((*_key(o), o.info.recipe, o.info.sha256, named, _delegate(o)), 1) for o in loaded)
    )
    yield catalogue.MODEL_BYTES.values(*((_key(o), o.info.size_bytes) for o in loaded))


def _delegate(seen: Observed) -> str:
    """The library of the accelerator that runs the version; none where the CPU does."""
    return seen.classifiers[-1].delegate or "none"


def told(versions: tuple[VersionStatus, ...]) -> list[VersionStatus]:
    """The newest first, but whatever is not over is told in any case."""
    return [
        status
        for place, status in enumerate(versions)
        if place < MAX_VERSIONS or status.state is not State.END
    ]


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _MAX_REASON else line[: _MAX_REASON - 1] + "…"
