"""The fastest or smallest candidate inside the accuracy budget.

The recipes are tried first. Where int8 is outside the budget, the operators that it harms most
are kept in float, as many of them as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from convert import bias_correction, metrics, mixed_precision, model_inputs, recipes, selection
from convert.bench import THREADS, Bench
from convert.conversion_checks import NoSuchForm
from convert.device import candidate
from convert.errors import BuildError
from convert.file import tflite_schema
from convert.graph_pair import GraphPair, twins
from convert.interpreter import run_each
from convert.metrics import Scores
from convert.options import Prefer
from convert.selection import Entry, Flattery
from convert.trial import Draft, Trial
from edge_server.inference.classification import to_scores
from edge_server.inference.decoding import Pixels

# Turns of each candidate in the measurement of time.
_ROUNDS: Final = 60
# Photos that tell which operators int8 harms, and that biases are corrected on.
_PHOTOS: Final = 32
# Shares of the operators that are kept in float, one candidate each.
_SHARES: Final = (0.06, 0.12, 0.2, 0.3, 0.45, 0.65)

Validate = Callable[[Draft], Trial]


@dataclass(frozen=True)
class Found:
    """All candidates, which one won, why, as a clause, and how much the choice flatters it."""

    trials: tuple[Trial, ...]
    winner: Trial
    why: str
    skipped: tuple[str, ...]
    flattery: Flattery | None = None


def search(bench: Bench, validate: Validate) -> Found:
    """Try recipes, then mixtures where int8 alone is outside the budget.

    `validate` runs a draft on the target's runtime. Raises BuildError where no recipe converts.
    """
    trials: list[Trial] = []
    skipped: list[str] = []

    def attempt(make: Callable[[], Draft], name: str) -> Trial | None:
        try:
            trial = validate(make())
        except BuildError as error:
            skipped.append(f"{name}: {error.reason if isinstance(error, NoSuchForm) else error}")
            return None
        trials.append(trial)
        return trial

    names = ["float32", "float16", "dynamic"]
    int8 = None
    if bench.calibrated is not None:
        int8 = attempt(lambda: bench.convert(recipes.get("int8", bench.options.io)), "int8")
    for name in names:
        attempt(partial(bench.convert, recipes.get(name)), name)
    if bench.calibrated is not None and (int8 is None or not int8.judged.passed):
        attempt(lambda: bench.convert(recipes.get("int16x8")), "int16x8")
    if int8 is not None and not int8.judged.passed:
        for draft in _mixtures(bench, int8.draft, skipped):
            attempt(partial(replace, draft), draft.name)
    if not trials:
        raise BuildError("No recipe made a model that runs: " + "; ".join(skipped))
    timed = _with_times(bench, trials)
    winner, why = choose(timed, bench.options.prefer)
    return Found(tuple(timed), winner, why, tuple(skipped), _flattery(bench, timed))


def _with_times(bench: Bench, trials: list[Trial]) -> list[Trial]:
    with bench.console.step(f"measure the time of {len(trials)} candidates, turn by turn"):
        try:
            times = candidate.latency(
                [trial.file for trial in trials],
                rounds=_ROUNDS,
                threads=THREADS,
                console=bench.console,
                python=bench.python,
            )
        except BuildError:
            # A graph may refuse the made-up pictures; each has its time from the photos.
            return trials
    return [trial.with_time(time) for trial, time in zip(trials, times, strict=True)]


def choose(trials: list[Trial], prefer: Prefer) -> tuple[Trial, str]:
    """The best of those that pass, or the one that agrees most where none does; and why."""
    passed = [trial for trial in trials if trial.judged.passed]
    picked = selection.pick([_entry(trial) for trial in trials], prefer)
    best = trials[picked.index]
    if not passed:
        return best, (
            f"none of {len(trials)} candidates is inside the budget; {best.draft.name} agrees most"
        )
    others = f"of {len(passed)} of {len(trials)} candidates inside the budget"
    if prefer is Prefer.SMALLEST:
        return best, f"{best.draft.name} is the smallest {others} ({best.size / 1e6:.2f} MB)"
    also = " and the smallest of those as fast" if picked.as_fast > 1 else ""
    return best, f"{best.draft.name} is the fastest {others}{also} ({_time(best):.2f} ms a picture)"


def _flattery(bench: Bench, trials: list[Trial]) -> Flattery | None:
    """None where there was nothing to choose from."""
    if len(trials) < 2:
        return None
    return selection.flattery(
        [_entry(trial) for trial in trials],
        bench.options.prefer,
        bench.options.gate,
        bench.before.scores,
        [trial.scores for trial in trials],
        bench.before.labels(),
    )


def _entry(trial: Trial) -> Entry:
    judged = trial.judged
    return Entry(judged.agreement, judged.passed, trial.size, _time(trial))


def _time(trial: Trial) -> float:
    return trial.invoke_ms if trial.invoke_ms is not None else float("inf")


def _mixtures(bench: Bench, int8: Draft, skipped: list[str]) -> list[Draft]:
    """Drafts with more and more operators in float, those first that int8 harms most."""
    assert bench.calibrated is not None
    # Without what was put in front of it for other readers: that follows anew.
    int8 = replace(int8, graph=int8.bare_graph, spec=bench.spec, inner=None)
    pictures = list(bench.calibrated.pictures[:_PHOTOS])
    try:
        with bench.console.step("find the layers that int8 harms"):
            ranked = _ranked(bench, int8, pictures)
    except (RuntimeError, ValueError) as error:
        skipped.append(f"layers in float: the graph can't be taken apart ({error})")
        return []
    counts = sorted({max(1, round(share * len(ranked))) for share in _SHARES})
    chosen = ends(_twin(bench, int8), int8.graph)
    for count in counts:
        kept = _without_gaps(ranked[:count], ranked)
        chosen[_layers(len(kept))] = kept
    return [_in_float(bench, int8, what, kept, pictures) for what, kept in chosen.items()]


def _in_float(
    bench: Bench, int8: Draft, what: str, kept: list[int], pictures: list[Pixels]
) -> Draft:
    """The draft with the operators `kept`, which are called `what`, in float."""
    with bench.console.step(f"keep {what} in float"):
        graph = _mixture(bench, int8, kept, pictures)
    recipe = replace(
        int8.recipe,
        name="mixed",
        meaning=f"int8 with {what} in float32",
        activations="float32",
    )
    name = f"int8, {what} in float32"
    return replace(int8, name=name, recipe=recipe, graph=graph, float_layers=len(kept))


def ends(float_model: bytes, int8_model: bytes) -> dict[str, list[int]]:
    """Operators of the int8 graph, by what they are called: the head, and with it the first two
    layers, where small networks lose most by the rounding of activations.

    The head is the last layer with weights and all behind it: in 8 bits its scores tie. Empty for
    fewer than four layers.
    """
    pair = GraphPair(float_model, int8_model, stock=False)
    operators = sorted(twins(pair.float, pair.int8))
    layers = [layer.index for layer in pair.layers]
    if len(layers) < 4:
        return {}
    head = [operator for operator in operators if operator >= layers[-1]]
    first = [operator for operator in operators if operator <= layers[1]]
    return {"the head": head, "the head and the first two layers": [*first, *head]}


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _ranked(bench: Bench, int8: Draft, pictures: list[Pixels]) -> list[int]:
    """The operators that have a float twin, the most harmful first: alone in int8, with all others
    in float, they move the scores farthest."""
    original, quantized = map(tflite_schema.unpack, (_twin(bench, int8), int8.graph))
    operators = sorted(twins(original, quantized))
    before = _scores(bench, bench.float_model, pictures)
    harm = {}
    for alone in bench.console.bar(operators, len(operators), "trying layers", "layer"):
        kept = [operator for operator in operators if operator != alone]
        model = mixed_precision.keep_in_float(original, quantized, kept, bench.spec)
        harm[alone] = metrics.divergence(before, _scores(bench, model, pictures))
    return sorted(operators, key=lambda operator: -harm[operator])


def _without_gaps(kept: list[int], operators: list[int]) -> list[int]:
    """Also those between two kept ones: converting there and back costs more than they save."""
    order = sorted(operators)
    chosen = set(kept)
    for before, middle, after in zip(order, order[1:], order[2:], strict=False):
        if before in chosen and after in chosen:
            chosen.add(middle)
    return sorted(chosen)


def _mixture(bench: Bench, int8: Draft, kept: list[int], pictures: list[Pixels]) -> bytes:
    """The graph, its biases corrected anew, for what they made up for is gone in part."""
    twin = _twin(bench, int8)
    original, quantized = map(tflite_schema.unpack, (twin, int8.graph))
    model = mixed_precision.keep_in_float(original, quantized, kept, bench.spec)
    pair = GraphPair(twin, model, stock=False)
    before = _scores(bench, bench.float_model, pictures)
    means = bias_correction.float_means(
        pair, model_inputs.tensors(pair.float, pictures, bench.spec)
    )
    bias_correction.correct(pair, model_inputs.tensors(pair.int8, pictures, bench.spec), means)
    corrected = pair.pack()
    return min(
        (corrected, model),
        key=lambda graph: metrics.divergence(before, _scores(bench, graph, pictures)),
    )


def _twin(bench: Bench, int8: Draft) -> bytes:
    return int8.float_twin or bench.float_model


def _scores(bench: Bench, model: bytes, pictures: list[Pixels]) -> Scores:
    tree: Any = tflite_schema.unpack(model)
    inputs = model_inputs.tensors(tree, pictures, bench.spec)
    outputs = run_each(model, [[tensor] for tensor in inputs])
    raw = model_inputs.scores(tree, [own[0] for own in outputs])
    return np.stack([to_scores(row, bench.before.output) for row in raw])
