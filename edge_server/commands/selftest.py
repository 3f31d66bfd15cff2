"""`edge-server selftest FILE`: does this device answer as the model did when it was converted?

Runs the golden samples that the file carries and shows each; loads nothing of the server.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from camera.command import program
from edge_server.configuration.command_line import Parser
from edge_server.errors import ModelRefused
from edge_server.inference import bundle, golden, tuning
from edge_server.inference.classifier import Classifier
from edge_server.inference.golden import GoldenResult
from edge_server.inference.manifest import Score
from edge_server.inference.runtime import runtime_info

# For the time of a run: a few pictures alone say little.
_ROUNDS: Final = 5
_LABEL_WIDTH: Final = 24
_HEADINGS: Final = (
    *("sample", "expected", "score", "got", "score"),
    *("difference", "allowed", "original", "score", ""),
)


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status, 1 where a sample is not reproduced.

    Raises ModelFileError where there is no such model, ModelRefused where it carries no samples.
    """
    chosen = _parser().parse_args(arguments)
    model = bundle.read(chosen.file)
    if model.manifest is None or not model.manifest.golden:
        raise ModelRefused(
            f"{chosen.file} carries no golden samples to test it by: make it with "
            "`python -m convert build` on the machine where you train."
        )
    # As the server would run it.
    way = tuning.choose(model.name, model.file.data)
    classifier = Classifier(model, threads=way.threads)
    rounds = [golden.run(classifier) for _ in range(_ROUNDS)]
    times = [result.timing.invoke for results in rounds for result in results]
    report = _report(classifier, golden.worst(rounds), statistics.median(times))
    if chosen.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        print(_text(report))
    return 0 if report["reproduced"] else 1


def _parser() -> Parser:
    parser = Parser(
        prog=f"{program('edge_server')} selftest",
        description="Run the samples that a model file carries, and show whether this device "
        "answers as it did when it was converted. Exit status: 0 all reproduced, 1 not, 2 no such "
        "file.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _report(
    classifier: Classifier, results: Sequence[GoldenResult], invoke_ms: float
) -> dict[str, Any]:
    def answer(score: Score | None) -> dict[str, Any] | None:
        if score is None:
            return None
        in_range = 0 <= score.index < classifier.classes
        label = classifier.labels[score.index] if in_range else str(score.index)
        return {"label": label, "index": score.index, "score": round(score.score, 6)}

    info, manifest = runtime_info(), classifier.bundle.manifest
    return {
        "model": classifier.bundle.name,
        "recipe": manifest.recipe if manifest else "unknown",
        "sha256": classifier.bundle.file.sha256,
        "runtime": info.name,
        "runtime_version": info.version,
        "threads": classifier.threads,
        "reproduced": all(result.reproduced for result in results),
        "invoke_ms_median": round(invoke_ms, 3),
        "samples": [
            {
                "file": result.file,
                "expected": answer(result.expected),
                "got": answer(result.got),
                "difference": round(result.difference, 6),
                "allowed": result.allowed,
                "original": answer(result.original),
                "reproduced": result.reproduced,
            }
            for result in results
        ],
    }


def _text(report: dict[str, Any]) -> str:
    """A table of the samples and, last, a line with the verdict."""
    samples = report["samples"]
    rows = [_HEADINGS, *(_row(sample) for sample in samples)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    wrong = sum(not sample["reproduced"] for sample in samples)
    verdict = f"{wrong} of {len(samples)} samples not reproduced" if wrong else ""
    verdict = verdict or f"all {len(samples)} samples reproduced"
    lines += [
        "",
        f"{report['model']}: {verdict} on {report['runtime']} {report['runtime_version']}, "
        f"median invoke {report['invoke_ms_median']:.2f} ms ({_threads(report['threads'])})",
    ]
    return "\n".join(lines)


def _row(sample: dict[str, Any]) -> tuple[str, ...]:
    return (
        sample["file"],
        *_cells(sample["expected"]),
        *_cells(sample["got"]),
        f"{sample['difference']:.4f}",
        f"{sample['allowed']:g}",
        *_cells(sample["original"]),
        "" if sample["reproduced"] else "not reproduced",
    )


def _cells(answer: dict[str, Any] | None) -> tuple[str, str]:
    """Label and score of an answer."""
    if answer is None:
        return "-", "-"
    label = answer["label"]
    if len(label) > _LABEL_WIDTH:
        label = label[: _LABEL_WIDTH - 1] + "…"
    return label, f"{answer['score']:.3f}"


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"
