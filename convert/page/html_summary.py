"""report.json's document as the sections of report.html; what the document lacks is left out.

Pure: dictionaries in, small records for the templates out. Knows no photos and no markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from convert import metrics, speed
from convert.page import html_format, html_plots
from convert.page.html_comparison import Paired
from convert.page.html_plots import Strip
from edge_server.inference.labels import listed

Document = Mapping[str, Any]

# Layers and unreadable photos that are worth a line of their own.
_WORST_LAYERS: Final = 12
_NAMED: Final = 12
# A difference of equal counts must not miss the gate by a rounding error.
_ROUNDING: Final = 1e-9


def complete(document: Document) -> dict[str, Any]:
    """The document with every key that the page reads; those it lacks say "not measured"."""
    full: dict[str, Any] = {
        "name": PurePath(str(document["source"]["path"])).name,
        "curve": [],
        "selection": None,
        "better_int8": [],
        "labels": [],
        "layers": [],
        "checks": [],
        "preprocessing_trials": None,
        "target": None,
        "calibration": None,
        "cost": {
            "seconds": document.get("seconds"),
            "steps": [],
            "peak_memory_mb": None,
        },
        **document,
    }
    full["why"] = document.get("why") or _why(full)
    candidates = document.get("candidates") or [_only_candidate(full)]
    full["candidates"] = [{"xnnpack": None, **candidate} for candidate in candidates]
    return full


def _why(document: Document) -> str:
    if document["reasons"]:
        return "; ".join(map(str, document["reasons"]))
    share = html_format.percent(document["agreement"]["top1"])
    photos = html_format.count(document["samples"], "photo")
    return f"the candidate gives the original's answer on {share} of {photos}"


def _only_candidate(document: Document) -> dict[str, Any]:
    """The one candidate of a document that lists none."""
    return {
        "name": document["recipe"],
        "recipe": document["recipe"],
        "size_bytes": document["size_bytes"],
        "invoke_ms_median": document["candidate"].get("invoke_ms_median"),
        "xnnpack": document["candidate"].get("xnnpack"),
        "agreement": document["agreement"]["top1"],
        "interval": document["agreement"]["interval"],
        "top1": document["candidate"]["top1"],
        "top5": document["candidate"]["top5"],
        "verdict": document["verdict"],
        "reasons": document["reasons"],
        "chosen": True,
        "float_layers": 0,
    }


@dataclass(frozen=True)
class Demand:
    """A part of the gate: what was asked for, what was measured, and both on a line."""

    name: str
    asked: str
    measured: str
    interval: str
    met: bool | None  # None where it could not be measured
    strip: Strip | None
    note: str


def gate(document: Document, pairs: Paired | None) -> list[Demand]:
    """Each part of the gate; `pairs` where the photos have labels."""
    thresholds, agreement = document["thresholds"], document["agreement"]
    asked, allowed = float(thresholds["min_agreement"]), float(thresholds["max_drop"])
    share, bounds = float(agreement["top1"]), agreement["interval"]
    reach = ""
    if share >= asked > bounds[0]:
        reach = "The interval reaches below what is asked for: more photos would settle it."
    first = Demand(
        "Same answer as the original",
        f"at least {html_format.percent(asked)}",
        html_format.percent(share),
        html_format.interval(bounds),
        share >= asked,
        html_plots.share_strip(share, bounds, asked),
        reach,
    )
    name = "Top-1 accuracy against the original's"
    limit = f"at most {allowed:g} {'point' if allowed == 1 else 'points'} lost"
    top1 = document["original"]["top1"], document["candidate"]["top1"]
    if pairs is None or None in top1:
        note = "The photos have no labels, so this part of the gate was not judged."
        return [first, Demand(name, limit, html_format.UNKNOWN, "", None, None, note)]
    change, bounds = 100 * (top1[1] - top1[0]), pairs.change_interval()
    met = -change <= allowed + _ROUNDING
    reach = ""
    if met and bounds[0] < -allowed:
        reach = "The interval reaches past what is allowed: more photos would settle it."
    second = Demand(
        name,
        limit,
        html_format.points(change),
        html_format.points_interval(bounds),
        met,
        html_plots.change_strip(change, bounds, -allowed),
        reach,
    )
    return [first, second]


def selection(document: Document) -> str:
    """How far the choice among candidates flatters the one it took; empty without a choice."""
    found = document["selection"]
    if not found:
        return ""
    more = found["flattery"]
    figures = [("the same answer", document["agreement"]["top1"], max(0.0, more["agreement"]))]
    if more["top1"] is not None and document["candidate"]["top1"] is not None:
        figures.append(("top-1", document["candidate"]["top1"], max(0.0, more["top1"])))
    points = " and ".join(f"{100 * extra:.1f} points of {name}" for name, _, extra in figures)
    expected = " and ".join(
        f"{html_format.percent(share - extra)} {name}" for name, share, extra in figures
    )
    return (
        f"The candidate was chosen on the photos that judge it, which flatters it by about "
        f"{points}: on others expect about {expected}. Estimated from {found['resamples']:,} "
        f"resamples of the photos; {html_format.percent(found['chosen_again'])} of them choose "
        f"the same candidate."
    )


@dataclass(frozen=True)
class Bar:
    """A share 0..1 with its 95 % interval."""

    name: str
    who: str  # "original", "candidate" or "both"
    share: float
    interval: tuple[float, float]


def accuracies(document: Document, classes: int) -> list[Bar]:
    """Accuracies with intervals, as far as they are known and say something, and agreement."""
    samples = int(document["samples"])
    bars = [
        Bar(f"Top-{k}, {who}", who, share, metrics.wilson_interval(share, samples))
        for k in (1, 5)
        if k < classes
        for who in ("original", "candidate")
        if (share := document[who][f"top{k}"]) is not None
    ]
    low, high = document["agreement"]["interval"]
    return [*bars, Bar("Same answer", "both", document["agreement"]["top1"], (low, high))]


@dataclass(frozen=True)
class Layers:
    """The worst layers first, the others after them; `most` is the largest error of all."""

    worst: list[Mapping[str, Any]]
    others: list[Mapping[str, Any]]
    most: float


def layers(document: Document) -> Layers | None:
    """None where no layer was measured."""
    ranked = sorted(document["layers"], key=lambda layer: -float(layer["error"]))
    if not ranked:
        return None
    most = max(float(ranked[0]["error"]), 1e-9)
    return Layers(ranked[:_WORST_LAYERS], ranked[_WORST_LAYERS:], most)


def checks(document: Document) -> list[Mapping[str, Any]]:
    """Warnings first, otherwise in the order of the document."""
    return sorted(document["checks"], key=lambda check: check["status"] == "passed")


@dataclass(frozen=True)
class Unreadable:
    """Photos of one set that were left out, with the reason: a few by name."""

    origin: str
    named: list[tuple[str, str]]
    more: int


def unreadable(document: Document) -> list[Unreadable]:
    """The sets of which photos were left out."""
    sets = (document["validation"], document["calibration"])
    return [
        Unreadable(
            str(one["photos"]),
            [(PurePath(path).name, why) for path, why in list(one["unreadable"].items())[:_NAMED]],
            max(0, len(one["unreadable"]) - _NAMED),
        )
        for one in sets
        if one and one["unreadable"]
    ]


def pixel_values(preprocessing: Document) -> list[tuple[str, list[str]]]:
    """What a dark, a middle and a bright pixel become: a row for each channel that differs."""
    mean, std = preprocessing["mean"], preprocessing["std"]
    count = max(len(mean), len(std))
    order = str(preprocessing["color_order"])
    names = {"rgb": "RGB", "bgr": "BGR"}.get(order, "Y")
    rows = []
    for channel in range(count):
        m, s = mean[min(channel, len(mean) - 1)], std[min(channel, len(std) - 1)]
        name = "every channel" if count == 1 else f"channel {channel + 1} ({names[channel]})"
        rows.append((name, [html_format.number((pixel - m) / s) for pixel in (0, 128, 255)]))
    return rows


def versions(document: Document) -> list[tuple[str, str]]:
    """What made the file and what it was made from, by name."""
    source, target = document["source"], document["target"]
    operators: Sequence[Document] = document["operators"]
    rows = [
        ("File", str(document["file"])),
        ("Size", f"{int(document['size_bytes']):,} bytes"),
        ("SHA-256", str(document["sha256"])),
        ("Recipe", str(document["recipe"])),
        ("Output", str(document["output"])),
        ("Labels", listed(document["labels"]) if document["labels"] else html_format.UNKNOWN),
        ("Operators", ", ".join(f"{o['name']} v{o['version']}" for o in operators)),
        ("Golden samples", f"{document['golden_samples']} in the file"),
    ]
    if target:
        batch = "can be resized to a batch" if target["batch"] else "one photo at a time"
        rows += [
            ("Target", f"{target['name']} ({target['runtime']})"),
            ("Adapted to it", "; ".join(map(str, target["adaptations"])) or "nothing was needed"),
            ("Batch", batch),
        ]
    rows += [
        ("Measured on", str(document["candidate"].get("runtime", html_format.UNKNOWN))),
        ("XNNPACK", speed.share(document["candidate"].get("xnnpack"))),
        ("Original", f"{source['path']} ({source['format']}, {source['signature']})"),
        ("Its fingerprint", str(source["fingerprint"])),
        ("Validation", _photo_set(document["validation"])),
        ("Calibration", _photo_set(document["calibration"])),
    ]
    return rows + [(str(name), str(version)) for name, version in document["tools"].items()]


def _photo_set(one: Document | None) -> str:
    if not one:
        return "none: the recipe needs no photos"
    return f"{html_format.count(one['used'], 'photo')} of {one['photos']}"
