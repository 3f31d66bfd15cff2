"""Original against candidate on photos that neither has seen: figures, gate, verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convert import metrics
from convert.metrics import Classes, Scores


@dataclass(frozen=True)
class Gate:
    """What a candidate must reach: a fraction, and points of top-1 that it may lose."""

    min_agreement: float = 0.95
    max_drop: float = 1.0

    def agrees(self, agreement: float) -> bool:
        """Whether this fraction is enough."""
        return agreement >= self.min_agreement

    def keeps(self, drop: float) -> bool:
        """Whether so many points may be lost; a difference of equal counts by its rounding too."""
        return drop <= self.max_drop + 1e-9


@dataclass(frozen=True)
class Accuracy:
    """Fractions 0..1; None where the photos have no labels."""

    top1: float | None
    top5: float | None


@dataclass(frozen=True)
class Validation:
    """The comparison. `failures` holds a sentence for each part of the gate that was missed."""

    samples: int
    original: Accuracy
    candidate: Accuracy
    agreement: float
    interval: tuple[float, float]
    gate: Gate
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def verdict(self) -> str:
        return "passed" if self.passed else "failed"

    def to_json(self) -> dict[str, Any]:
        """The part that stands both in the report and in the model's manifest."""
        return {
            "verdict": self.verdict,
            "samples": self.samples,
            "original": {"top1": self.original.top1, "top5": self.original.top5},
            "candidate": {"top1": self.candidate.top1, "top5": self.candidate.top5},
            "agreement": {"top1": self.agreement, "interval": list(self.interval)},
        }


def compare(original: Scores, candidate: Scores, labels: Classes | None, gate: Gate) -> Validation:
    """Compare scores, both (n, classes) with 0 < n; `labels` (n,) where they are known."""
    agreement = metrics.top1_agreement(original, candidate)
    before, after = _accuracy(original, labels), _accuracy(candidate, labels)
    failures = []
    if not gate.agrees(agreement):
        failures.append(
            f"it agrees with the original on {agreement:.1%} of the photos, "
            f"below the {gate.min_agreement:.1%} that --min-agreement asks for"
        )
    if before.top1 is not None and after.top1 is not None:
        drop = 100 * (before.top1 - after.top1)
        if not gate.keeps(drop):
            failures.append(
                f"it loses {drop:.1f} points of top-1 accuracy, more than the "
                f"{gate.max_drop:g} that --max-drop allows"
            )
    return Validation(
        samples=len(original),
        original=before,
        candidate=after,
        agreement=agreement,
        interval=metrics.wilson_interval(agreement, len(original)),
        gate=gate,
        failures=tuple(failures),
    )


@dataclass(frozen=True)
class Choice:
    """Whether a changed file is taken in place of the stock one, and why, as a clause."""

    changed: bool
    why: str


def choose(original: Scores, stock: Scores, changed: Scores) -> Choice:
    """Whether the changed candidate is nearer to the original than the stock one.

    All (n, classes), of photos that none of them was fitted to, 0 < n. It is nearer where it gives
    the original's best class on no fewer photos, and its divergence is smaller by more than the
    standard error of the mean difference: a smaller gain may be chance.
    """
    before, after = (metrics.divergences(original, scores) for scores in (stock, changed))
    gain = before - after
    agree = [metrics.top1_agreement(original, scores) for scores in (stock, changed)]
    clear = gain.mean() > gain.std() / np.sqrt(len(gain))
    figures = (
        f"agreement {agree[0]:.1%} -> {agree[1]:.1%}, "
        f"divergence {before.mean():.4f} -> {after.mean():.4f}"
    )
    return Choice(bool(clear) and agree[1] >= agree[0], figures)


def _accuracy(scores: Scores, labels: Classes | None) -> Accuracy:
    if labels is None:
        return Accuracy(None, None)
    return Accuracy(*(metrics.top_k_accuracy(scores, labels, k) for k in (1, 5)))
