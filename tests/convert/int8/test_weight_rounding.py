from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.weight_rounding import output_error, round_weights

Array = np.ndarray[Any, np.dtype[Any]]


def layer(outputs: int = 12, columns: int = 90) -> tuple[Array, Array, Array]:
    """Weights, their scales, and inputs whose columns hang together, as those of photos do."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(outputs, columns))
    inputs = rng.normal(size=(400, columns)) @ rng.normal(size=(columns, columns)) / columns**0.5
    return weights, np.abs(weights).max(axis=1) / 127, np.maximum(inputs + 0.4, 0)


def moments(inputs: Array) -> Array:
    return np.asarray(inputs.T @ inputs)[np.newaxis]


def nearest(weights: Array, scale: Array) -> Array:
    return np.asarray(np.rint(weights / scale[:, np.newaxis]).astype(np.int8))


def gptq(weights: Array, moment: Array, scale: Array) -> Array:
    """The paper's own steps, with the inverse and without blocks."""
    damped = moment + 0.01 * np.diag(moment).mean() * np.eye(len(moment))
    order = np.argsort(-np.diag(damped), kind="stable")
    factor = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    rest, rounded = weights[:, order].copy(), np.zeros(weights.shape)
    for i, column in enumerate(order):
        rounded[:, column] = np.clip(np.rint(rest[:, i] / scale), -127, 127)
        error = (rest[:, i] - rounded[:, column] * scale) / factor[i, i]
        rest[:, i:] -= np.outer(error, factor[i, i:])
    return rounded


def test_it_is_the_rounding_of_the_paper() -> None:
    weights, scale, inputs = layer()
    rounded = round_weights(weights, moments(inputs), scale)
    assert np.array_equal(rounded, gptq(weights, moments(inputs)[0], scale))


def test_the_output_comes_out_nearer_than_with_each_weight_rounded_to_the_nearest() -> None:
    weights, scale, inputs = layer()
    fitted, held_back = moments(inputs[:300]), moments(inputs[300:])
    better = round_weights(weights, fitted, scale)
    plain = nearest(weights, scale)
    assert output_error(weights, better, held_back, scale) < 0.7 * output_error(
        weights, plain, held_back, scale
    )


def test_inputs_that_do_not_hang_together_leave_every_weight_at_the_nearest() -> None:
    weights, scale, _ = layer()
    rounded = round_weights(weights, np.eye(90)[np.newaxis], scale)
    assert np.array_equal(rounded, nearest(weights, scale))


def test_an_input_that_is_always_zero_does_no_harm() -> None:
    weights, scale, inputs = layer()
    inputs[:, 7] = 0
    rounded = round_weights(weights, moments(inputs), scale)
    assert np.array_equal(rounded[:, 7], nearest(weights, scale)[:, 7])
    assert np.array_equal(
        round_weights(weights, np.zeros((1, 90, 90)), scale), nearest(weights, scale)
    )


def test_each_group_of_outputs_is_rounded_by_its_own_inputs() -> None:
    weights, scale, inputs = layer(outputs=12, columns=30)
    both = np.concatenate([moments(inputs[:200]), moments(inputs[200:])])
    alone = [
        round_weights(weights[rows], both[group, np.newaxis], scale[rows])
        for group, rows in enumerate((slice(0, 6), slice(6, 12)))
    ]
    assert np.array_equal(round_weights(weights, both, scale), np.concatenate(alone))


def test_a_weight_at_the_end_of_the_range_stays_in_it() -> None:
    weights, scale, inputs = layer()
    rounded = round_weights(weights, moments(inputs), scale / 2)
    assert rounded.min() == -127
    assert rounded.max() == 127


def test_the_error_is_that_of_the_outputs() -> None:
    weights, scale, inputs = layer()
    rounded = nearest(weights, scale)
    error = inputs @ (weights - rounded * scale[:, np.newaxis]).T
    assert output_error(weights, rounded, moments(inputs), scale) == pytest.approx(
        np.square(error).sum()
    )


@pytest.mark.parametrize("broken", [-np.eye(90), np.full((90, 90), np.nan)])
def test_what_are_no_second_moments_is_refused(broken: Array) -> None:
    weights, scale, _ = layer()
    with pytest.raises(np.linalg.LinAlgError):
        round_weights(weights, broken[np.newaxis], scale)
