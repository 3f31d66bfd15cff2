"""A better int8 model than the converter's, of the same operators: weight rounding, bias
correction, channel splitting, each kept only where photos that were held back from it agree.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from convert import (
    bias_correction,
    effort,
    metrics,
    model_inputs,
    patches,
    splitting_plan,
    weight_rounding,
)
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import first_line
from convert.file import tflite_schema
from convert.graph_pair import GraphPair, Layer
from convert.interpreter import Array, in_parts, run_each
from convert.metrics import Scores
from convert.operator_stream import OperatorStream
from edge_server.inference.classification import to_scores
from edge_server.inference.manifest import Output

# In this order: the second makes up for what the first leaves. The last one's gain is lost in the
# noise of the converter's weights and biases before.
STEPS: Final = ("weight rounding", "bias correction", "channel splitting")
SPLITS: Final = 3
_SEED: Final = 20220715


@dataclass(frozen=True)
class Split:
    """Figures of one random split, on the photos that were held back: fractions and divergences."""

    fitted: int
    held_back: int
    agreement_before: float
    agreement_after: float
    divergence_before: float
    divergence_after: float


@dataclass(frozen=True)
class Step:
    """One way to better the model, whether it was kept, and why."""

    name: str
    kept: bool
    why: str
    splits: tuple[Split, ...] = ()

    def to_json(self) -> dict[str, Any]:
        splits = [
            {key: round(value, 6) for key, value in vars(split).items()} for split in self.splits
        ]
        return {"step": self.name, "kept": self.kept, "why": self.why, "splits": splits}


@dataclass(frozen=True)
class Improved:
    """The model, the converter's own where no step was kept, and what was tried.

    `float_model` is its float twin, layer by layer: the one given, or where channels were split
    another of practically the same answers.
    """

    model: bytes
    steps: tuple[Step, ...]
    float_model: bytes


def improve(
    float_model: bytes,
    int8_model: bytes,
    calibration: Calibration,
    output: Output,
    console: Console,
    *,
    steps: Sequence[str] = STEPS,
) -> Improved:
    """Better the weights and biases of an int8 model; its operators and tensors stay as they are.

    Both models are the converter's, of the same source. `output` is what the scores are.
    A graph that can't be worked on stays as it is, and the steps say why. Of STEPS only those in
    `steps` are tried.
    """

    def unchanged(why: str) -> Improved:
        nothing = tuple(Step(name, False, why) for name in STEPS if name in steps)
        return Improved(int8_model, nothing, float_model)

    count = len(calibration.pictures)
    if count < effort.MIN_PHOTOS:
        return unchanged(f"it takes {effort.MIN_PHOTOS} calibration photos, and there are {count}")
    try:
        # Its matrices are small, and the work is divided here: BLAS threads would only spin.
        with threadpool_limits(1, user_api="blas"):
            work = _Improvement(float_model, int8_model, calibration, output, console)
            done = tuple(work.step(name) for name in STEPS if name in steps)
    except (RuntimeError, ValueError) as error:
        # A foreign operator that can't be run by itself is no reason to give nothing.
        return unchanged(f"the graph can't be worked on ({first_line(error)})")
    if not any(step.kept for step in done):
        return Improved(int8_model, done, float_model)
    return Improved(work.pack(), done, work.float_twin() or float_model)


class _Improvement:
    """The data that all steps share."""

    def __init__(
        self,
        float_model: bytes,
        int8_model: bytes,
        calibration: Calibration,
        output: Output,
        console: Console,
    ) -> None:
        self._console = console
        self._pair = GraphPair(float_model, int8_model)
        if not self._pair.layers:
            raise ValueError("no convolution or dense layer in it has int8 weights")
        spec, self._output = calibration.spec, output
        pictures, self._fewer = effort.affordable(self._pair, calibration.pictures)
        self._float_inputs = model_inputs.tensors(self._pair.float, pictures, spec)
        self._inputs = model_inputs.tensors(self._pair.int8, pictures, spec)
        self._original = self._scores(self._pair.float, self._float_inputs)
        # Each photo is held back once.
        order = np.random.default_rng(_SEED).permutation(len(pictures))
        self._group = np.empty(len(pictures), np.int64)
        self._group[order] = np.arange(len(pictures)) % SPLITS
        self._kept: set[str] = set()
        # A model for each split, and one for all photos, as good as they are so far; and the
        # scores of each on the photos held back from it.
        self._pairs = [self._pair] * (SPLITS + 1)
        stock = self._scores(self._pair.int8, self._inputs)
        self._divergence = metrics.divergence(self._original, stock)
        self._held_back = [stock[self._group == fold] for fold in range(SPLITS)]

    def step(self, name: str) -> Step:
        """Try one of STEPS, and go on with what it gives where that is better."""
        if name == "channel splitting":
            step = self._split_channels()
        elif name == "weight rounding":
            step = self._judge(name, self._rounded(self._pair), effort.left_out(self._pair))
        else:
            step = self._judge(name, self._corrected(self._pairs))
        self._kept |= {name} if step.kept else set()
        return step

    def pack(self) -> bytes:
        """The best model so far, fitted to all photos."""
        return self._pairs[-1].pack()

    def float_twin(self) -> bytes | None:
        """The float graph that it has in place of the one given."""
        own = self._pairs[-1].float
        return None if own is self._pair.float else tflite_schema.pack(own)

    def _judge(self, name: str, pairs: list[GraphPair], done: str = "") -> Step:
        """Judge models by the photos held back from each; take all of them or none. `done` says
        what was done to them, where that is not the same with every model."""
        held = [np.flatnonzero(self._group == fold) for fold in range(SPLITS)]
        scores = [
            self._scores(pair.int8, [self._inputs[photo] for photo in photos])
            for pair, photos in zip(pairs, held, strict=False)
        ]
        splits = tuple(
            self._split(self._original[photos], before, after)
            for photos, before, after in zip(held, self._held_back, scores, strict=True)
        )
        original = np.concatenate([self._original[photos] for photos in held])
        old, new = (
            metrics.divergence(original, np.concatenate(found))
            for found in (self._held_back, scores)
        )
        what = "moved nearer to" if new < old else "came no nearer to"
        why = f"{done}; " if done else ""
        why += (
            f"on photos held back from it the scores {what} the original's "
            f"(divergence {old:.4f} -> {new:.4f})"
        )
        kept = new < old
        if kept:
            # The model that is kept in the end has seen all photos: it must do well on them.
            last = metrics.divergence(self._original, self._scores(pairs[-1].int8, self._inputs))
            kept = last < self._divergence
            if kept:
                self._pairs, self._held_back, self._divergence = pairs, scores, last
            else:
                why += ", but fitted to all photos the model moved away"
        return Step(name, kept, why + (f"; {self._fewer}" if self._fewer else ""), splits)

    def _split(self, original: Scores, before: Scores, after: Scores) -> Split:
        return Split(
            fitted=len(self._inputs) - len(original),
            held_back=len(original),
            agreement_before=metrics.top1_agreement(original, before),
            agreement_after=metrics.top1_agreement(original, after),
            divergence_before=metrics.divergence(original, before),
            divergence_after=metrics.divergence(original, after),
        )

    def _scores(self, model: Any, inputs: Sequence[Array]) -> Scores:
        raw = run_each(tflite_schema.pack(model), [[tensor] for tensor in inputs])
        return self._as_scores(model, [outputs[0] for outputs in raw])

    def _as_scores(self, model: Any, raw: Sequence[Array]) -> Scores:
        values = model_inputs.scores(model, raw)
        return np.stack([to_scores(row, self._output) for row in values])

    def _rounded(self, stock: GraphPair) -> list[GraphPair]:
        """One stream of all photos: in memory are the moments of one layer at a time."""
        pairs = [stock.fork() for _ in range(SPLITS + 1)]
        layers = {x.index: x for x in stock.layers if not effort.too_large(x)}
        stream = OperatorStream(stock.int8, self._inputs)
        indices = range(max(layers, default=-1) + 1)
        for index in self._console.bar(indices, len(indices), "rounding weights", "operator"):
            if index in layers:
                self._round(layers[index], stream.values[layers[index].data], pairs)
            stream.keep(index, stream.run(index))
        return pairs

    def _round(self, layer: Layer, values: Sequence[Array], pairs: list[GraphPair]) -> None:
        samples = [
            patches.sample(layer, picture, np.random.default_rng((_SEED, photo, layer.index)))
            for photo, picture in enumerate(values)
        ]
        groups = [[samples[i] for i in np.flatnonzero(self._group == f)] for f in range(SPLITS)]
        moments = in_parts(groups, lambda part: [patches.second_moments(layer, g) for g in part])
        total = functools.reduce(np.add, moments)
        weights = patches.matrix(layer, layer.float_weights)
        stock = patches.matrix(layer, pairs[0].weights(layer))
        before = after = 0.0
        try:
            candidates = in_parts(
                [*(total - held for held in moments), total],
                lambda part: [
                    weight_rounding.round_weights(weights, of, layer.weight_scale) for of in part
                ],
            )
        except np.linalg.LinAlgError:
            return  # activations that are no numbers, or without end
        for rounded, held in zip(candidates, moments, strict=False):
            before += weight_rounding.output_error(weights, stock, held, layer.weight_scale)
            after += weight_rounding.output_error(weights, rounded, held, layer.weight_scale)
        if after >= before:
            return  # on photos held back the converter's weights are better
        for pair, rounded in zip(pairs, candidates, strict=True):
            pair.set_weights(layer, patches.from_matrix(layer, rounded))

    def _corrected(self, found: Sequence[GraphPair]) -> list[GraphPair]:
        means = bias_correction.float_means(found[-1], self._float_inputs, self._console)
        pairs = [pair.fork() for pair in found]
        bar = self._console.bar(enumerate(pairs), len(pairs), "correcting biases", "split")
        for fold, pair in bar:
            fitted = np.flatnonzero(self._group != fold)
            bias_correction.correct(
                pair,
                [self._inputs[photo] for photo in fitted],
                {index: values[fitted] for index, values in means.items()},
            )
        return pairs

    def _split_channels(self) -> Step:
        """Models with split channels, made from here as those so far were, against these."""
        name = "channel splitting"
        score = functools.partial(self._as_scores, self._pair.float)
        try:
            plan = splitting_plan.make(self._pair, self._float_inputs, score)
        except (RuntimeError, ValueError) as error:
            # The other steps run no operator behind the last layer.
            return Step(name, False, f"the graph can't be taken apart ({first_line(error)})")
        if plan.pair is None:
            return Step(name, False, plan.why)
        pairs = [plan.pair] * (SPLITS + 1)
        if "weight rounding" in self._kept:
            pairs = self._rounded(plan.pair)
        if "bias correction" in self._kept:
            pairs = self._corrected(pairs)
        return self._judge(name, pairs, plan.why)
