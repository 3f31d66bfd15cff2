"""The numbers that a model puts out -> answers; what they are, where the model does not say it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_server.errors import ModelFailed
from edge_server.inference import foreign, tflite_file
from edge_server.inference.bundle import Bundle
from edge_server.inference.classification import Classification, Timing, best, to_scores
from edge_server.inference.manifest import Output
from edge_server.inference.preparation import Preparation
from edge_server.inference.preprocessing import FloatTensor
from edge_server.inference.probe import pictures
from edge_server.inference.runtime import Model, dequantize

# Pictures that tell logits from scores.
_TRIED: Final = 4


def tried_output(bundle: Bundle, model: Model, preparation: Preparation) -> Output:
    """What a model that does not say it puts out, judged by its last operators and by a few
    pictures. Raises ModelFileError."""
    height, width = model.input.shape[1:3]
    shown = dataclasses.replace(model.input, shape=(1, height, width, 3), dtype=np.dtype(np.uint8))
    answers = [model.run(preparation.tensor(picture)) for picture in pictures(shown, _TRIED)]
    values = dequantize(np.concatenate(answers), model.output).reshape(_TRIED, -1)
    return foreign.output_of(
        bundle.name, values, tflite_file.ending(bundle.file.data), model.output
    )


def finite_scores(values: FloatTensor, output: Output, name: str) -> FloatTensor:
    """What the model `name` puts out, float32 (n, classes), as scores 0..1.

    Raises ModelFailed where they are not finite.
    """
    scores = to_scores(values, output)
    if not np.isfinite(scores).all():
        raise ModelFailed(
            f"{name} puts out numbers that are not finite for this picture: "
            "convert the model again."
        )
    return scores


def to_answers(
    labels: Sequence[str],
    scores: FloatTensor,
    top_k: int,
    timings: Sequence[Timing],
    start: float,
) -> list[Classification]:
    """The answers to the pictures of one run, whose scores are (n, classes).

    `timings` is what each has taken until `start`, on time.perf_counter()'s clock; what there was
    to do since comes to it.
    """
    tops = [best(labels, row, top_k) for row in scores]
    output = Timing(output=(time.perf_counter() - start) * 1e3 / len(tops))
    return [
        Classification(top, timing + output, row)
        for top, timing, row in zip(tops, timings, scores, strict=True)
    ]
