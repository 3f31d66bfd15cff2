"""Copies of a channel round differently, and together say what it said, more precisely."""

from __future__ import annotations

import numpy as np
import pytest

from convert import channel_splitting
from convert.chains import LayerValues
from convert.graph_pair import Kind

STEP = 0.1


def layer(kind: Kind, shape: tuple[int, ...], seed: int) -> LayerValues:
    rng = np.random.default_rng(seed)
    outputs = shape[-1] if kind is Kind.DEPTHWISE else shape[0]
    scale = np.full(outputs, 0.01)
    return LayerValues(kind, rng.normal(0, 1, shape), rng.uniform(0.5, 1, outputs), scale)


def run(x: np.ndarray, first: LayerValues, middle: LayerValues, last: LayerValues, step: float):
    """1x1 convolutions of x, (n, inputs), with activations rounded to steps unless step is 0."""

    def rounded(values: np.ndarray) -> np.ndarray:
        relu = np.maximum(values, 0)
        return np.rint(relu / step) * step if step else relu

    y = rounded(x @ first.weights[:, 0, 0].T + first.bias)
    y = rounded(y * middle.weights[0, 0, 0] + middle.bias)
    return y @ last.weights[:, 0, 0].T + last.bias


def chain() -> tuple[LayerValues, LayerValues, LayerValues]:
    """Four channels; 1 and 3 never change."""
    first = layer(Kind.CONVOLUTION, (4, 1, 1, 3), 0)
    middle = layer(Kind.DEPTHWISE, (1, 1, 1, 4), 1)
    last = layer(Kind.CONVOLUTION, (5, 1, 1, 4), 2)
    first.bias[[0, 2]] = 4.0  # mostly above zero
    first.bias[[1, 3]] = -100.0
    middle.weights[..., [0, 2]] = 0.7
    middle.bias[1] = 0.25  # channel 1 is always this, channel 3 zero
    middle.bias[3] = 0.0
    return first, middle, last


def unused_as_copies(copies: dict[int, list[int]]) -> tuple[LayerValues, LayerValues, LayerValues]:
    first, middle, last = chain()
    channel_splitting.drop(last, {1: 0.25, 3: 0.0})
    channel_splitting.split([first, middle], last, [STEP, STEP], copies)
    return first, middle, last


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(9).normal(0, 0.5, (4000, 3))


@pytest.mark.parametrize("copies", [{0: [1]}, {0: [1], 2: [3]}, {2: [1, 3]}])
def test_the_function_stays_the_same(inputs: np.ndarray, copies: dict[int, list[int]]) -> None:
    expected = run(inputs, *chain(), 0)
    assert np.allclose(run(inputs, *unused_as_copies(copies), 0), expected, atol=1e-9)


@pytest.mark.parametrize(("copies", "count"), [({0: [1], 2: [3]}, 2), ({0: [1, 3]}, 3)])
def test_the_error_of_n_copies_has_one_nth_of_the_size(
    inputs: np.ndarray, copies: dict[int, list[int]], count: int
) -> None:
    def error(layers: tuple[LayerValues, LayerValues, LayerValues]) -> float:
        if len(copies) == 1:
            layers[2].weights[..., 2] = 0  # the other channel's error is not looked at
        wrong = run(inputs, *layers, STEP) - run(inputs, *layers, 0)
        return float(np.sqrt(np.square(wrong).mean()))

    ratio = error(unused_as_copies(copies)) / error(chain())
    assert 0.8 / count < ratio < 1.25 / count


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_shifts_cancel_and_leave_zero_exact(count: int) -> None:
    shifts = channel_splitting.shifts(count)
    assert shifts.sum() == pytest.approx(0)
    assert np.diff(shifts) == pytest.approx(1 / count)
    assert (np.rint(np.maximum(shifts, 0)) == 0).all()


def test_unused_channels_go_where_they_take_most_away() -> None:
    harm = np.array([8.0, 0.0, 3.0, 0.0, 0.0])
    # The first copy of channel 0 takes 6, then one of channel 2 takes 2.25, a second of 0 1.11.
    assert channel_splitting.assign([1, 3, 4], harm) == {0: [1, 4], 2: [3]}
    left = channel_splitting.left(harm, {0: [1, 4], 2: [3]})
    assert left == pytest.approx([8 / 9, 0, 0.75, 0, 0])


def test_nothing_is_copied_where_nothing_harms() -> None:
    assert channel_splitting.assign([1, 2], np.zeros(4)) == {}
    # What an unused channel seems to harm goes with it.
    assert channel_splitting.assign([1], np.array([0.0, 5.0])) == {}


def test_the_step_of_the_weights_follows_the_largest(inputs: np.ndarray) -> None:
    _, _, last = unused_as_copies({0: [1]})
    largest = np.abs(last.weights).reshape(5, -1).max(axis=1)
    assert (last.scale <= 0.01).all()
    assert (largest <= 127 * last.scale * (1 + 1e-9)).all()
