"""Large models get fewer photos and keep their largest layers, and the steps say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from threadpoolctl import threadpool_info

from convert import better_int8, effort, weight_rounding
from convert.better_int8 import Step
from convert.console import Console
from convert.graph_pair import GraphPair
from edge_server.inference.manifest import Output


def steps(made: Any) -> tuple[Step, ...]:
    """Weight rounding and bias correction of a tiny network with 24 photos."""
    return better_int8.improve(
        made.float_model,
        made.int8_model,
        made.calibration,
        Output.PROBABILITIES,
        Console(),
        steps=better_int8.STEPS[:2],
    ).steps


@pytest.mark.parametrize("limit", ["MEMORY", "_MAX_WORK"])
def test_large_models_are_given_fewer_photos_and_say_so(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(effort, limit, 1)
    for step in steps(graphs()):
        split = step.splits[0]
        assert split.fitted + split.held_back == effort.MIN_PHOTOS
        assert step.why.endswith("12 of 24 photos were taken, for the model is large")


def test_photos_are_given_by_the_multiplications_that_they_take(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    # 12x12 places: 8 channels over 3x3x3, 8 over 3x3, 12 over 8; a dense layer of 5 over 12.
    once = 144 * (8 * 27 + 8 * 9 + 12 * 8) + 12 * 5
    assert effort.multiplications(pair) == once
    monkeypatch.setattr(effort, "_MAX_WORK", 17 * once)
    chosen, why = effort.affordable(pair, made.pictures)
    assert len(chosen) == 17
    assert why == "17 of 24 photos were taken, for the model is large"


def test_small_models_get_all_photos_that_are_of_use(graphs: Callable[..., Any]) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    assert effort.affordable(pair, made.pictures) == (list(made.pictures), "")
    chosen, why = effort.affordable(pair, made.pictures * 5)
    assert (len(chosen), why) == (effort.MAX_PHOTOS, "")


def test_layers_too_large_to_round_are_left_and_counted(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effort, "_MAX_COLUMNS", 9)
    rounded, corrected = steps(graphs())
    assert rounded.why.startswith("2 of 4 layers are too large for it; on photos held back")
    assert corrected.why.startswith("on photos held back")


def test_matrices_are_multiplied_by_one_thread_each(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads of BLAS would spin, and sum up otherwise on another number of processors."""
    threads: set[int] = set()
    honest = weight_rounding.round_weights

    def round_weights(*args: Any) -> Any:
        threads.update(
            pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
        )
        return honest(*args)

    monkeypatch.setattr(weight_rounding, "round_weights", round_weights)
    steps(graphs())
    assert threads == {1}


@pytest.mark.parametrize(
    ("photos", "judges"), [(15, 0), (16, 4), (24, 4), (100, 20), (140, 40), (500, 50)]
)
def test_a_fifth_of_the_photos_or_what_is_of_no_use_judges(photos: int, judges: int) -> None:
    assert effort.judges(photos) == judges
