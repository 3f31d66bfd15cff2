"""report.json: what a build did and what it is worth, for people's tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from convert import converter_process
from convert.calibration import Calibration
from convert.check import Check
from convert.file import portability
from convert.layer_statistics import LayerStatistics
from convert.options import Options
from convert.original import OriginalRun
from convert.photos import Unreadable
from convert.preprocessing.preprocessing_trials import Trials
from convert.search import Found
from convert.trial import Trial
from convert.validation import Validation
from convert.workshop import MODEL_NAME, REJECTED_NAME
from edge_server.inference.manifest import Manifest


def document(
    *,
    options: Options,
    found: Found,
    manifest: Manifest,
    model: bytes,
    labels: Sequence[str],
    original: OriginalRun,
    calibrated: Calibration | None,
    layers: Sequence[LayerStatistics],
    checks: Sequence[Check],
    tried: Trials | None,
    steps: Sequence[tuple[str, float]],
) -> dict[str, Any]:
    """The report. Accuracies and agreement are fractions 0..1, `max_drop` is in points."""
    winner, judged = found.winner, found.winner.judged
    figures = judged.to_json()
    figures["candidate"] |= {
        "runtime": f"{winner.run.runtime} {winner.run.runtime_version}",
        "invoke_ms_median": _rounded(winner.invoke_ms),
        "xnnpack": winner.run.xnnpack,
    }
    return {
        "name": manifest.name,
        "verdict": figures.pop("verdict"),
        "why": found.why or _why(judged),
        "reasons": list(judged.failures),
        "recipe": manifest.recipe,
        "file": MODEL_NAME if judged.passed else REJECTED_NAME,
        "size_bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        **figures,
        "thresholds": {
            "min_agreement": judged.gate.min_agreement,
            "max_drop": judged.gate.max_drop,
        },
        "candidates": [_candidate(trial, trial is winner) for trial in found.trials],
        "selection": found.flattery and found.flattery.to_json(),
        "not_possible": list(found.skipped),
        "curve": _curve(found.trials),
        "better_int8": [step.to_json() for step in winner.draft.steps],
        "layers": [layer.to_json() for layer in layers],
        "checks": [check.to_json() for check in checks],
        "preprocessing_trials": tried.to_json() if tried is not None else None,
        "golden_samples": len(manifest.golden),
        "validation": _photos(str(options.validation), judged.samples, original.unreadable),
        "calibration": calibrated
        and _photos(str(options.calibration), len(calibrated.pictures), calibrated.unreadable),
        "preprocessing": manifest.preprocessing.to_json(),
        "output": manifest.output.value,
        "labels": list(labels),
        "source": {"path": str(options.saved_model), **manifest.source},
        "target": {
            "name": options.target.name,
            "runtime": f"{winner.run.runtime} {winner.run.runtime_version}",
            "adaptations": list(winner.draft.adaptations),
            "batch": manifest.resizable_batch,
            # What stands in the way of MediaPipe and its like; null where they can use the file.
            "other_readers": portability.obstacle(winner.draft.graph, winner.draft.spec),
        },
        "operators": list(manifest.operators),
        "tools": manifest.tools,
        "cost": {
            "seconds": round(sum(seconds for _, seconds in steps), 1),
            "steps": [{"step": step, "seconds": round(seconds, 2)} for step, seconds in steps],
            "peak_memory_mb": converter_process.peak_megabytes(),
        },
    }


def _why(judged: Validation) -> str:
    """The verdict's reason, as a clause without a full stop."""
    if judged.failures:
        return judged.failures[0]
    kept = f"it gives the original's answer on {judged.agreement:.1%} of {judged.samples} photos"
    if judged.original.top1 is None or judged.candidate.top1 is None:
        return kept
    points = 100 * (judged.candidate.top1 - judged.original.top1)
    if abs(points) < 0.05:
        return f"{kept} and is right as often"
    return f"{kept} and {'gains' if points > 0 else 'loses'} {abs(points):.1f} points of top-1"


def _candidate(trial: Trial, chosen: bool) -> dict[str, Any]:
    judged = trial.judged
    return {
        "name": trial.draft.name,
        "recipe": trial.draft.recipe.name,
        "size_bytes": trial.size,
        "invoke_ms_median": _rounded(trial.invoke_ms),
        "xnnpack": trial.run.xnnpack,
        "agreement": judged.agreement,
        "interval": list(judged.interval),
        "top1": judged.candidate.top1,
        "top5": judged.candidate.top5,
        "verdict": judged.verdict,
        "reasons": list(judged.failures),
        "chosen": chosen,
        "float_layers": trial.draft.float_layers,
    }


def _curve(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Agreement against time, the fastest first; empty for a single candidate."""
    if len(trials) < 2:
        return []
    ordered = sorted(trials, key=lambda trial: trial.invoke_ms or 0.0)
    return [
        {
            "name": trial.draft.name,
            "agreement": trial.judged.agreement,
            "invoke_ms_median": _rounded(trial.invoke_ms),
            "float_layers": trial.draft.float_layers,
        }
        for trial in ordered
    ]


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _photos(origin: str, used: int, unreadable: Unreadable) -> dict[str, Any]:
    return {"photos": origin, "used": used, "unreadable": unreadable.reasons}


def to_bytes(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
