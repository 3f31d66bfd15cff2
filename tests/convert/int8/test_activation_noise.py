"""What rounding activations does to the scores: all, and channel by channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert import activation_noise, chains, metrics, model_inputs
from convert.graph_pair import GraphPair, Quantization


@pytest.fixture(scope="module")
def measured(graphs: Callable[..., Any]) -> Any:
    made = graphs("unused")
    pair = GraphPair(made.float_model, made.int8_model)
    inputs = model_inputs.tensors(pair.float, made.pictures, made.spec)
    makers = chains.find(pair)[0].makers
    noise = activation_noise.measure(pair, inputs, score, makers)
    return pair, inputs, makers, noise


def score(raw: Any) -> metrics.Scores:
    return np.concatenate(raw)


def test_rounding_harms_and_exact_scores_are_the_float_models(measured: Any) -> None:
    _, inputs, _, noise = measured
    assert noise.total > 0
    assert noise.scores.shape == (len(inputs), 5)
    assert noise.scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_extremes_are_those_of_all_photos_whatever_the_part_that_is_in_memory(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, inputs, makers, noise = measured
    monkeypatch.setattr(activation_noise, "MEMORY", 1)
    again = activation_noise.extremes(pair, inputs, makers)
    assert again.keys() == noise.extremes.keys() == {maker.index for maker in makers}
    for index, (low, high) in noise.extremes.items():
        assert np.array_equal(again[index][0], low)
        assert np.array_equal(again[index][1], high)
    low, high = noise.extremes[makers[0].index]
    assert (low[[2, 5]] == high[[2, 5]]).all()  # these are dead
    assert (high[[0, 1, 3, 4, 6, 7]] > low[[0, 1, 3, 4, 6, 7]]).all()


def test_the_channel_that_counts_most_harms_most_and_a_dead_one_nothing(measured: Any) -> None:
    pair, inputs, makers, noise = measured
    harm = activation_noise.of_channels(pair, inputs, score, noise, makers)
    last = harm[makers[-1].index]
    assert last[0] > 0.9 * last.sum() > 0
    assert (last[[2, 5]] == 0).all()
    # Errors add up, so that no channel alone does more than all together, but by chance.
    assert 0 < sum(values.sum() for values in harm.values()) < 3 * noise.total


def test_a_tensor_of_too_small_a_share_is_not_looked_at(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, inputs, makers, noise = measured
    monkeypatch.setattr(activation_noise, "_SHARE", 1e9)
    harm = activation_noise.of_channels(pair, inputs, score, noise, makers)
    assert all((values == 0).all() for values in harm.values())


def test_what_takes_too_long_is_found_on_fewer_photos_or_left_out(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, inputs, makers, noise = measured
    layer = makers[-1]
    later = pair.float.subgraphs[0].operators[layer.float_index + 1 :]
    once = activation_noise._multiplications(pair.float, later)
    assert once == 8 * 12 + 12 * 5  # a convolution at one position, and the dense layer
    alone = 6 * once  # channels that change

    def harm(budget: int) -> Any:
        monkeypatch.setattr(activation_noise, "_MULTIPLICATIONS", budget)
        return activation_noise.of_channels(pair, inputs, score, noise, [layer])[layer.index]

    everything, few = harm(len(inputs) * alone), harm(6 * alone)
    assert few[0] > 0
    assert few[0] != everything[0]
    assert (harm(4 * alone - 1) == 0).all()


def test_values_are_rounded_and_held_to_the_range() -> None:
    how = Quantization(0.5, -128)
    values = np.array([-3, 0.2, 0.3, 127.4, 500], np.float32)
    assert activation_noise.round_to(how, values).tolist() == [0, 0, 0.5, 127.5, 127.5]
