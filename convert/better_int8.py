"""A better int8 model than the converter's, of the same operators: weight rounding, then bias
correction, each kept only where photos that were held back from it agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from convert import bias_correction, metrics, model_inputs, patches, tflite_schema, weight_rounding
from convert.bias_correction import Means
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import first_line
from convert.graph_pair import GraphPair
from convert.interpreter import Array, Interpreter
from convert.metrics import Scores
from convert.operator_stream import OperatorStream
from edge_server.inference.classifier import to_scores
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Output

# More photos gave no better model, and each costs its time.
MAX_PHOTOS: Final = 64
# Fewer can't be split into some to fit and some to judge by.
MIN_PHOTOS: Final = 12
SPLITS: Final = 3
# So many photos go through the float graph at once: bounds the memory for its activations.
_CHUNK: Final = 16
# The moments of a layer with more columns take gigabytes and minutes.
_MAX_COLUMNS: Final = 4608
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
    """The model, the converter's own where no step was kept, and what was tried."""

    model: bytes
    steps: tuple[Step, ...]


def improve(
    float_model: bytes,
    int8_model: bytes,
    calibration: Calibration,
    output: Output,
    console: Console,
) -> Improved:
    """Better the weights and biases of an int8 model; its operators stay as they are.

    Both models are the converter's, of the same source. `output` is what the scores are.
    A graph that can't be worked on stays as it is, and the steps say why.
    """
    count = len(calibration.pictures)
    if count < MIN_PHOTOS:
        return _unchanged(
            int8_model, f"it takes {MIN_PHOTOS} calibration photos, and there are {count}"
        )
    try:
        return _Improvement(float_model, int8_model, calibration, output, console).run()
    except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        # A foreign operator that can't be run by itself is no reason to give nothing.
        return _unchanged(int8_model, f"the graph can't be worked on ({first_line(error)})")


def _unchanged(int8_model: bytes, why: str) -> Improved:
    steps = tuple(Step(name, False, why) for name in ("weight rounding", "bias correction"))
    return Improved(int8_model, steps)


class _Improvement:
    """The data that both steps share."""

    def __init__(
        self,
        float_model: bytes,
        int8_model: bytes,
        calibration: Calibration,
        output: Output,
        console: Console,
    ) -> None:
        self._console = console
        self._float_model, self._int8_model = float_model, int8_model
        pair = GraphPair(float_model, int8_model)
        if not pair.layers:
            raise ValueError("no convolution or dense layer in it has int8 weights")
        self._layers = [x for x in pair.layers if patches.columns(x) <= _MAX_COLUMNS]
        pictures = _evenly(calibration.pictures, MAX_PHOTOS)
        self._spec, self._output = calibration.spec, output
        self._float_inputs = model_inputs.tensors(pair.float, pictures, self._spec)
        self._inputs = model_inputs.tensors(pair.int8, pictures, self._spec)
        self._original = self._scores(float_model, self._float_inputs)
        # Each photo is held back once.
        order = np.random.default_rng(_SEED).permutation(len(pictures))
        self._group = np.empty(len(pictures), np.int64)
        self._group[order] = np.arange(len(pictures)) % SPLITS

    def run(self) -> Improved:
        stock = [self._int8_model] * (SPLITS + 1)
        rounding, models = self._try("weight rounding", stock, self._rounded())
        means = self._float_means()
        folds = self._console.bar(enumerate(models), len(models), "correcting biases", "split")
        corrected = [self._corrected(model, means, fold) for fold, model in folds]
        correction, models = self._try("bias correction", models, corrected)
        return Improved(models[-1], (rounding, correction))

    def _fitted(self, fold: int) -> list[int]:
        """The photos that a fold is fitted to: not its own group; the last has seen all."""
        return [photo for photo, group in enumerate(self._group) if group != fold]

    def _try(self, name: str, before: list[bytes], after: list[bytes]) -> tuple[Step, list[bytes]]:
        """Judge models by the photos held back from each; keep all of them or none."""
        splits = [self._split(fold, before[fold], after[fold]) for fold in range(SPLITS)]
        old, new = (
            sum(getattr(split, key) * split.held_back for split in splits) / len(self._inputs)
            for key in ("divergence_before", "divergence_after")
        )
        kept = new < old
        why = (
            f"on photos held back from it the scores moved {'nearer to' if kept else 'away from'} "
            f"the original's (divergence {old:.4f} -> {new:.4f})"
        )
        return Step(name, kept, why, tuple(splits)), after if kept else before

    def _split(self, fold: int, before: bytes, after: bytes) -> Split:
        held = [photo for photo, group in enumerate(self._group) if group == fold]
        inputs = [self._inputs[photo] for photo in held]
        original = self._original[held]
        old, new = self._scores(before, inputs), self._scores(after, inputs)
        return Split(
            fitted=len(self._inputs) - len(held),
            held_back=len(held),
            agreement_before=metrics.top1_agreement(original, old),
            agreement_after=metrics.top1_agreement(original, new),
            divergence_before=metrics.divergence(original, old),
            divergence_after=metrics.divergence(original, new),
        )

    def _scores(self, model: bytes, inputs: Sequence[Array]) -> Scores:
        interpreter = Interpreter(model)
        raw = [interpreter.run([tensor])[0] for tensor in inputs]
        values = model_inputs.scores(tflite_schema.unpack(model), raw)
        return np.stack([to_scores(row, self._output) for row in values])

    def _rounded(self) -> list[bytes]:
        """A model for each fold, and one for all photos."""
        moments = self._moments()
        pairs = [GraphPair(self._float_model, self._int8_model) for _ in range(SPLITS + 1)]
        bar = self._console.bar(self._layers, len(self._layers), "rounding weights", "layer")
        for layer in bar:
            sums = moments.pop(layer.index)
            total = sums.sum(axis=0)
            weights = patches.matrix(layer, layer.float_weights)
            stock = patches.matrix(layer, pairs[0].weights(layer))
            scale = layer.weight_scale
            before = after = 0.0
            candidates = []
            for fold in range(SPLITS):
                rounded = weight_rounding.round_weights(weights, total - sums[fold], scale)
                candidates.append(rounded)
                before += weight_rounding.output_error(weights, stock, sums[fold], scale)
                after += weight_rounding.output_error(weights, rounded, sums[fold], scale)
            if after >= before:
                continue  # on photos held back the converter's weights are better
            candidates.append(weight_rounding.round_weights(weights, total, scale))
            for pair, rounded in zip(pairs, candidates, strict=True):
                pair.set_weights(layer, patches.from_matrix(layer, rounded))
        return [pair.pack() for pair in pairs]

    def _moments(self) -> dict[int, Array]:
        """For each layer the sum of x x^T over the photos of each group, (SPLITS, ...)."""
        pair = GraphPair(self._float_model, self._int8_model)
        wanted = {layer.index: layer for layer in self._layers}
        sums: dict[int, list[Any]] = {index: [0.0] * SPLITS for index in wanted}
        for chunk in self._chunks("reading activations"):
            stream = OperatorStream(pair.int8, [self._inputs[photo] for photo in chunk])
            for index in range(len(pair.int8.subgraphs[0].operators)):
                if index in wanted:
                    layer = wanted[index]
                    for photo, values in zip(chunk, stream.values[layer.data], strict=True):
                        rng = np.random.default_rng((_SEED, photo, index))
                        product = patches.products(layer, layer.input.real(values), rng)
                        sums[index][self._group[photo]] += product
                stream.keep(index, stream.run(index))
        return {index: np.stack(parts) for index, parts in sums.items()}

    def _float_means(self) -> Means:
        pair = GraphPair(self._float_model, self._int8_model)
        parts = [
            bias_correction.float_means(pair, [self._float_inputs[photo] for photo in chunk])
            for chunk in self._chunks("running the float model")
        ]
        return {index: np.concatenate([part[index] for part in parts]) for index in parts[0]}

    def _corrected(self, model: bytes, means: Means, fold: int) -> bytes:
        pair = GraphPair(self._float_model, self._int8_model)
        pair.take_int8(model)
        fitted = self._fitted(fold)
        bias_correction.correct(
            pair,
            [self._inputs[photo] for photo in fitted],
            {index: values[fitted] for index, values in means.items()},
        )
        return pair.pack()

    def _chunks(self, title: str) -> Any:
        photos = list(range(len(self._inputs)))
        chunks = [photos[i : i + _CHUNK] for i in range(0, len(photos), _CHUNK)]
        return self._console.bar(chunks, len(chunks), title, "chunk")


def _evenly(pictures: Sequence[Pixels], count: int) -> list[Pixels]:
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[i * len(pictures) // count] for i in range(count)]
