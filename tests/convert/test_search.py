"""--recipe auto: what is tried, what wins, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import recipes, search
from convert.device.candidate import DeviceRun, Probe, ProbedTensor
from convert.options import Prefer
from convert.trial import Draft, Trial
from convert.validation import Gate, compare
from edge_server.inference import bundle, preprocessing

Build = Callable[..., Any]


def trial(name: str, *, milliseconds: float, size: int, agreement: float = 1.0) -> Trial:
    """A candidate that gives the original's answer on this share of 20 photos."""
    original = np.eye(2, dtype=np.float32)[[0] * 20]
    scores = np.eye(2, dtype=np.float32)[[0] * round(20 * agreement) + [1] * 20][:20]
    spec = preprocessing.from_preset("tf", width=4, height=4)
    tensor = ProbedTensor("x", "uint8", (1, 4, 4, 3))
    draft = Draft(
        name=name,
        recipe=recipes.get("int8"),
        graph=b"",
        spec=spec,
        probe=Probe("runtime", "1", tensor, tensor, True, True, None),
    )
    return Trial(
        draft=draft,
        file=Path(name),
        size=size,
        run=DeviceRun(scores, "runtime", "1", 0, milliseconds),
        scores=scores,
        further=scores[:0],
        judged=compare(original, scores, None, Gate(min_agreement=0.9)),
        invoke_ms=milliseconds,
    )


def test_the_fastest_inside_the_budget_wins() -> None:
    outside = trial("int8", milliseconds=1.0, size=1, agreement=0.5)
    slow = trial("float32", milliseconds=3.0, size=2)
    fast = trial("mixed", milliseconds=2.0, size=3)
    winner, why = search.choose([outside, slow, fast], Prefer.FASTEST)
    assert winner is fast
    assert why == "mixed is the fastest of 2 of 3 candidates inside the budget (2.00 ms a picture)"


def test_of_candidates_as_fast_as_can_be_told_the_smallest_wins() -> None:
    large = trial("float32", milliseconds=2.0, size=4)
    small = trial("float16", milliseconds=2.04, size=2)
    slower = trial("dynamic", milliseconds=2.2, size=1)
    winner, why = search.choose([large, small, slower], Prefer.FASTEST)
    assert winner is small
    assert "the smallest of those as fast" in why


def test_the_smallest_is_chosen_where_that_is_preferred() -> None:
    small = trial("dynamic", milliseconds=9.0, size=1_000_000)
    winner, why = search.choose(
        [trial("float32", milliseconds=2.0, size=4_000_000), small], Prefer.SMALLEST
    )
    assert winner is small
    assert "the smallest of 2 of 2" in why
    assert "1.00 MB" in why


def test_where_none_is_inside_the_one_that_agrees_most_is_shown() -> None:
    worse = trial("int8", milliseconds=1.0, size=1, agreement=0.5)
    better = trial("dynamic", milliseconds=2.0, size=1, agreement=0.8)
    winner, why = search.choose([worse, better], Prefer.FASTEST)
    assert winner is better
    assert "none of 2 candidates is inside the budget" in why


def test_only_operators_between_two_kept_ones_are_kept_with_them() -> None:
    assert search._without_gaps([3, 1, 7], [1, 2, 3, 4, 5, 6, 7]) == [1, 2, 3, 7]
    # Operators count with the conversions between them, which have no float twin.
    assert search._without_gaps([1, 5], [1, 3, 5]) == [1, 3, 5]


@pytest.fixture(scope="module")
def searched(
    models: Path, photos: Any, finish: Build, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A model that int8 wrecks."""
    folder = tmp_path_factory.mktemp("auto")
    labels = folder / "five.txt"
    labels.write_text("red\ngreen\nblue\nyellow\nnever\n")
    arguments = [
        *("build", str(models / "crude"), "--output", str(folder / "out"), "--recipe", "auto"),
        *("--calibration", str(photos.calibration), "--validation", str(photos.by_class)),
        *("--labels", str(labels), "--preprocessing", "tf"),
    ]
    return finish(folder / "out", arguments)


def test_the_report_says_how_much_the_choice_flatters(searched: Any) -> None:
    found = searched.report["selection"]
    assert found["resamples"] == 1000
    assert 0.0 <= found["flattery"]["agreement"] < 0.02
    assert 0.0 <= found["flattery"]["top1"] < 0.02
    assert 0.5 < found["chosen_again"] <= 1.0
    page = (searched.output / "report.html").read_text()
    assert "chosen on the photos that judge it, which flatters it by about" in page


def test_a_model_that_int8_wrecks_gets_the_recipe_that_keeps_it(searched: Any) -> None:
    assert searched.model.name == "model.tflite"
    assert searched.report["verdict"] == "passed"
    assert searched.report["agreement"]["top1"] == 1.0
    assert searched.report["why"].endswith("ms a picture)")


def test_every_recipe_has_its_row_with_size_time_accuracy_and_verdict(searched: Any) -> None:
    rows = {row["name"]: row for row in searched.report["candidates"]}
    assert {"float32", "float16", "int8", "int16x8"} <= rows.keys() | {
        text.split(":")[0] for text in searched.report["not_possible"]
    }
    assert rows["int8"]["verdict"] == "failed"
    assert rows["float32"]["verdict"] == "passed"
    for row in rows.values():
        assert row["size_bytes"] > 0
        assert row["invoke_ms_median"] > 0
        assert 0 <= row["agreement"] <= 1
    assert [row["chosen"] for row in rows.values()].count(True) == 1


def test_layers_in_float_are_tried_where_int8_misses_the_budget(searched: Any) -> None:
    mixed = [row for row in searched.report["candidates"] if row["recipe"] == "mixed"]
    assert mixed
    assert any(row["verdict"] == "passed" for row in mixed)
    assert all(row["float_layers"] > 0 for row in mixed)
    curve = searched.report["curve"]
    assert {point["name"] for point in curve} == {
        row["name"] for row in searched.report["candidates"]
    }
    times = [point["invoke_ms_median"] for point in curve]
    assert times == sorted(times)


def test_the_chosen_file_is_the_one_of_its_row(searched: Any) -> None:
    read = bundle.read(searched.model)
    assert read.manifest is not None
    chosen = next(row for row in searched.report["candidates"] if row["chosen"])
    assert read.manifest.recipe == chosen["recipe"] == searched.report["recipe"]


def test_mixtures_are_not_tried_where_int8_is_inside_and_the_smallest_can_be_asked_for(
    build: Build, models: Path
) -> None:
    ran, output = build(models / "colours", "--recipe", "auto", "--prefer", "smallest")
    assert ran.status == 0
    document = json.loads((output / "report.json").read_text())
    tried = {row["recipe"] for row in document["candidates"]}
    assert "mixed" not in tried
    assert "int16x8" not in tried
    assert "chosen: " in ran.said
    passed = [row for row in document["candidates"] if row["verdict"] == "passed"]
    chosen = next(row for row in passed if row["chosen"])
    assert chosen["size_bytes"] == min(row["size_bytes"] for row in passed)


def test_without_calibration_photos_auto_says_what_it_needs(
    edge_convert: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    ran = edge_convert(
        *("build", models / "colours", "--output", tmp_path / "out", "--recipe", "auto"),
        *("--validation", photos.by_class, "--preprocessing", "tf"),
    )
    assert ran.status == 2
    assert "--calibration" in ran.said
    assert not (tmp_path / "out").exists()


def test_a_time_is_taken_over(tmp_path: Path) -> None:
    one = trial("int8", milliseconds=1.0, size=1)
    assert one.with_time(2.5) == replace(one, invoke_ms=2.5)
