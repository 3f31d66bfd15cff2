"""What a model's numbers are: by the operators that make them, else by the numbers themselves."""

from __future__ import annotations

import numpy as np
import pytest

from edge_server.inference import bundle, tflite_file
from edge_server.inference.classification import to_scores
from edge_server.inference.manifest import Output
from edge_server.inference.output_kind import LINEAR, SCALE, SIGMOID, SOFTMAX, output_kind


@pytest.mark.parametrize(
    ("rows", "ending", "kind"),
    [
        ([[0.7, 0.3], [0.1, 0.9]], (), Output.PROBABILITIES),
        ([[0.0, 1.0], [1.0, 0.0]], (), Output.PROBABILITIES),  # one-hot
        ([[0.7, 0.7], [0.1, 0.2]], (), Output.SIGMOID),
        ([[0.7, -0.2], [0.1, 0.9]], (), Output.LOGITS),
        ([[7.0, 3.0]], (), Output.LOGITS),
        ([[70.0, 30.0], [0.5, 99.5]], (), Output.PERCENTAGES),
        ([[33.3, 33.3, 33.3]], (), Output.PERCENTAGES),
        ([[250.0, 5.0], [128.0, 127.0]], (), Output.LEVELS),
        ([[70.0, 60.0], [3.0, 99.0]], (), Output.LOGITS),  # of a ReLU
        ([[70.0, 60.0], [3.0, 99.0]], (SCALE, SIGMOID), Output.PERCENTAGES),
        ([[70.0, 250.0], [3.0, 99.0]], (SCALE, SIGMOID), Output.LEVELS),
        ([[70.0, 999.0]], (SCALE, SIGMOID), Output.LOGITS),
        ([[70.0, 60.0]], (SCALE, LINEAR), Output.LOGITS),
        # A single number.
        ([[0.7], [0.1]], (), Output.SIGMOID),
        ([[1.0], [1.0]], (), Output.SIGMOID),
        ([[0.7], [0.1]], (LINEAR, ""), Output.LOGITS),
        ([[0.7], [0.1]], (SIGMOID, LINEAR), Output.SIGMOID),
        ([[3.7], [-2.0]], (), Output.LOGITS),
        ([[100.0], [100.0]], (), Output.LOGITS),
        ([[99.0], [0.1]], (SCALE, SIGMOID), Output.PERCENTAGES),
        ([[0.2, 0.9]], (SOFTMAX, LINEAR), Output.PROBABILITIES),
    ],
)
def test_the_kind_of_the_numbers_is_told(rows, ending, kind):
    assert output_kind(np.array(rows, np.float32), ending) is kind


@pytest.mark.parametrize(
    ("values", "output", "scores"),
    [
        ([[70.0, 30.0]], Output.PERCENTAGES, [[0.7, 0.3]]),
        ([[51.0, 204.0]], Output.LEVELS, [[0.2, 0.8]]),
        ([[0.7]], Output.SIGMOID, [[0.3, 0.7]]),
        ([[25.0]], Output.PERCENTAGES, [[0.75, 0.25]]),
        ([[0.0], [2.0], [-90.0]], Output.LOGITS, [[0.5, 0.5], [0.1192029, 0.8807971], [1, 0]]),
    ],
)
def test_scores_are_what_the_numbers_mean(values, output, scores):
    found = to_scores(np.array(values, np.float32), output)
    np.testing.assert_allclose(found, scores, atol=1e-6)
    assert found.dtype == np.float32


def test_the_last_operators_of_a_file_are_read(bundled_model, colour_file):
    assert tflite_file.ending(bundled_model.read_bytes())[0] in (SOFTMAX, LINEAR)
    assert tflite_file.ending(colour_file().read_bytes()) == ("",)
    manifest = bundle.read(bundled_model).manifest
    is_softmax = tflite_file.ending(bundled_model.read_bytes())[0] == SOFTMAX
    assert is_softmax == (manifest.output is Output.PROBABILITIES)
