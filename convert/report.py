"""report.json: what a build did and what it is worth, for people's tools."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from convert.calibration import Calibration
from convert.candidate import DeviceRun
from convert.options import Options
from convert.photos import Unreadable
from convert.validation import Validation
from convert.workshop import MODEL_NAME, REJECTED_NAME
from edge_server.inference.manifest import Manifest


def document(
    *,
    options: Options,
    judged: Validation,
    manifest: Manifest,
    model: bytes,
    run: DeviceRun,
    calibrated: Calibration | None,
    unreadable: Unreadable,
    seconds: float,
) -> dict[str, Any]:
    """The report. Accuracies and agreement are fractions 0..1, `max_drop` is in points."""
    figures = judged.to_json()
    figures["candidate"] |= {
        "runtime": f"{run.runtime} {run.runtime_version}",
        "invoke_ms_median": run.invoke_ms_median and round(run.invoke_ms_median, 3),
    }
    return {
        "verdict": figures.pop("verdict"),
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
        "golden_samples": len(manifest.golden),
        "validation": _photos(str(options.validation), judged.samples, unreadable),
        "calibration": calibrated
        and _photos(str(options.calibration), len(calibrated.pictures), calibrated.unreadable),
        "preprocessing": manifest.preprocessing.to_json(),
        "output": manifest.output.value,
        "source": {"path": str(options.saved_model), **manifest.source},
        "operators": list(manifest.operators),
        "tools": manifest.tools,
        "seconds": round(seconds, 1),
    }


def _photos(origin: str, used: int, unreadable: Unreadable) -> dict[str, Any]:
    return {"photos": origin, "used": used, "unreadable": unreadable.reasons}


def to_bytes(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
