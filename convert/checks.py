"""Warnings that matter, as checks: each has a threshold with a reason and says what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from convert import photo_contents
from convert.check import Check
from convert.layer_statistics import LayerStatistics
from convert.metrics import Scores
from convert.photo_contents import Contents
from convert.preprocessing import paired_test
from convert.validation import Gate, Validation

# Ten points of all answers moved into one class are no scatter of single mistakes.
_COLLAPSED: Final = 0.10
_SURE: Final = 0.001
# Of the scores that int8 softmax and sigmoid put out.
_STEP: Final = 1 / 256
# Measured on MobileNetV1 0.25 in int8: with 5 photos agreement was 4 to 10 points lower than with
# 100, with 10 up to 4, with 25 none; and twice that for models and photos of more variety.
MIN_CALIBRATION: Final = 50
# Up to here repeats cost only their time; beyond, they outweigh the other photos.
_REPEATED: Final = 0.10
# Measured on both MobileNets: calibrated on 25 photos or more no layer cut off over 0.02 % of its
# outputs; on far too dark or flat photos 0.03 to 5 %.
_SATURATED: Final = 0.001
_NAMED: Final = 3
_Z95: Final = 1.96


def _check(name: str, warned: bool, sentence: str, figures: dict[str, Any]) -> Check:
    return Check(name, "warned" if warned else "passed", sentence, figures)


def output_step(original: Scores, candidate: Scores) -> Check:
    """Whether the steps of an int8 output can tell the original's classes apart.

    Scores (photos, classes). int8 softmax and sigmoid put out multiples of 1/256.
    """
    best = np.sort(original, axis=1)[:, -2:]
    lead, highest = float(np.median(best[:, 1] - best[:, 0])), float(np.median(best[:, 1]))
    in_steps = bool(np.allclose(candidate / _STEP, np.rint(candidate / _STEP), atol=1e-3))
    warned = in_steps and lead < _STEP
    figures = {"step": _STEP, "median_lead": round(lead, 6), "median_best": round(highest, 6)}
    if not warned:
        sentence = "The steps of the output can say what sets the original's classes apart."
        return _check("output-step", False, sentence, figures)
    return _check(
        "output-step",
        True,
        f"On half of the photos the original's best class, of a score of {highest:.2g}, leads the "
        f"next by {lead:.2g} or less, and the output in int8 has steps of 1/256 = {_STEP:.2g}, "
        "which can't say that: other calibration photos do not help. Use --io float32, which "
        "computes the scores in float32 from int8 logits, or --recipe auto, or convert the model "
        "without its softmax, so that it puts out logits.",
        figures,
    )


def collapse(original: Scores, candidate: Scores) -> Check:
    """Whether the candidate gives one class far more often than the original does.

    Scores (photos, classes) of the same photos, 0 < photos.
    """
    before, after = original.argmax(axis=1), candidate.argmax(axis=1)
    classes = original.shape[1]
    grown = np.bincount(after, minlength=classes) - np.bincount(before, minlength=classes)
    worst = int(grown.argmax())
    share_before = float((before == worst).mean())
    share_after = float((after == worst).mean())
    p = paired_test.compare(after == worst, before == worst)
    warned = share_after - share_before >= _COLLAPSED and p < _SURE
    figures = {
        "class": worst,
        "original": round(share_before, 5),
        "candidate": round(share_after, 5),
        "answers_original": len(np.unique(before)),
        "answers_candidate": len(np.unique(after)),
    }
    if not warned:
        return _check(
            "prediction-collapse",
            False,
            f"The candidate gives {figures['answers_candidate']} different answers, the original "
            f"{figures['answers_original']}: no class swallows the others.",
            figures,
        )
    return _check(
        "prediction-collapse",
        True,
        f"The candidate answers class {worst} on {share_after:.0%} of the photos, the original on "
        f"{share_before:.0%}: quantization has wrecked it. Calibrate with photos like those of "
        "validation and the same --preprocessing, or try --recipe int16x8 or float16.",
        figures,
    )


def calibration_photos(calibration: Contents) -> Check:
    """Whether there are enough different photos to calibrate with."""
    count, different = len(calibration.files), photo_contents.distinct(calibration)
    repeated = count - different
    figures = {"photos": count, "different": different, "wanted": MIN_CALIBRATION}
    if different < MIN_CALIBRATION:
        instead = f", {repeated} of them repeat another" if repeated else ""
        return _check(
            "calibration-photos",
            True,
            f"There are only {different} different photos to calibrate with ({count} "
            f"files{instead}): collect a hundred or so like those the camera will see, at least "
            f"{MIN_CALIBRATION}.",
            figures,
        )
    if repeated > _REPEATED * count:
        return _check(
            "calibration-photos",
            True,
            f"{repeated} of {count} calibration photos repeat another, as they are, re-encoded, "
            "resized or mirrored: leave them out, or replace them by others of the camera's view.",
            figures,
        )
    return _check(
        "calibration-photos",
        False,
        f"{count} calibration photos, {different} of them different.",
        figures,
    )


def overlap(calibration: Contents, validation: Contents) -> Check:
    """Whether the same picture is in both sets: as it is, re-encoded, resized or mirrored.

    One is enough to warn: a figure is only as good as the claim that the photos were unseen.
    """
    found = list(photo_contents.pairs(calibration, validation))
    shared = list(dict.fromkeys(first for first, _ in found))
    examples = [
        [str(calibration.files[first]), str(validation.files[second])]
        for first, second in found[:_NAMED]
    ]
    figures = {
        "calibration": len(calibration.files),
        "validation": len(validation.files),
        "shared": len(shared),
        "examples": examples,
    }
    if not found:
        return _check(
            "calibration-validation-overlap",
            False,
            "No validation photo is among the calibration photos, not even re-encoded.",
            figures,
        )
    count = (
        "1 calibration photo is" if len(shared) == 1 else f"{len(shared)} calibration photos are"
    )
    return _check(
        "calibration-validation-overlap",
        True,
        f"{count} among the validation photos too, the first as {examples[0][0]} and "
        f"{examples[0][1]}: take them out of one set, or the comparison is better than the truth.",
        figures,
    )


def saturated_activations(layers: Sequence[LayerStatistics]) -> Check:
    """Whether the calibrated ranges cut off what layers put out on other photos."""
    cut = sorted((x for x in layers if x.saturated > _SATURATED), key=lambda x: -x.saturated)
    figures = {
        "layers": len(layers),
        "saturated": [{"name": x.name, "saturated": round(x.saturated, 6)} for x in cut],
        "threshold": _SATURATED,
    }
    if not cut:
        most = max((x.saturated for x in layers), default=0.0)
        return _check(
            "saturated-activations",
            False,
            f"No layer cuts off more than {_SATURATED:.1%} of its outputs (at most {most:.2%}).",
            figures,
        )
    count = "1 layer cuts" if len(cut) == 1 else f"{len(cut)} layers cut"
    return _check(
        "saturated-activations",
        True,
        f"{count} off more than {_SATURATED:.1%} of the outputs, {cut[0].name} "
        f"{cut[0].saturated:.1%}: the calibration photos do not cover what validation shows; add "
        "photos of other scenes and light to --calibration.",
        figures,
    )


def validation_size(validation: Validation, gate: Gate) -> Check:
    """Whether so many photos can bear out what the gate claims, at the best of results.

    One photo must not be more than --max-drop, and if all photos agreed, the Wilson interval
    (see metrics.wilson_interval) must reach up to --min-agreement.
    """
    photos = validation.samples
    agreement, drop = gate.min_agreement, gate.max_drop
    labelled = validation.original.top1 is not None
    # Nothing is ever proven to be perfect, so that 1.0 and 0 ask for no number of photos.
    needed = math.ceil(_Z95**2 * agreement / (1 - agreement)) if agreement < 1 else 0
    if labelled and drop > 0:
        needed = max(needed, math.ceil(100 / drop))
    low, high = validation.interval
    # Of paired answers only those that differ count: their share bounds the drop's variance.
    points = 100 * _Z95 * math.sqrt(max(1 - validation.agreement, 1 / photos) / photos)
    figures = {
        "photos": photos,
        "needed": needed,
        "agreement_interval": [low, high],
        "drop_margin_points": round(points, 2) if labelled else None,
    }
    known = f"{photos} photos: agreement is known to be between {low:.1%} and {high:.1%}"
    if labelled:
        known += f", the change in top-1 to within {points:.1f} points either way"
    if photos >= needed:
        return _check("validation-size", False, f"{known}.", figures)
    claim = f"agreement of {agreement:.1%}"
    if labelled:
        claim += f" and a drop of {drop:g} points"
    return _check(
        "validation-size",
        True,
        f"{known}; even a perfect result on so few would not bear out {claim}: "
        f"validate with at least {needed} photos.",
        figures,
    )


def golden_samples(count: int) -> Check:
    """Whether the file proves itself on the device. One clear sample catches a runtime that
    answers zeros or noise."""
    if count:
        many = "1 golden sample" if count == 1 else f"{count} golden samples"
        sentence = f"The file carries {many}, so that every device proves its answers at load."
    else:
        sentence = (
            "The file carries no golden sample, since on none of the clearest photos the "
            "candidate's best score leads the next by 0.1, so a device can't prove its answers. "
            "Validate with clearer photos, if there are any of which the original is so sure."
        )
    return _check("golden-samples", not count, sentence, {"count": count})
