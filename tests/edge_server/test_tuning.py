from __future__ import annotations

import pytest

from edge_server.errors import ModelFileError
from edge_server.inference import tuning
from edge_server.inference.runtime import Model
from edge_server.inference.tuning import Measured, Way


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [(1, 1)]),
        (2, [(1, 2), (2, 1)]),
        (4, [(1, 4), (2, 2), (4, 1)]),
        (6, [(1, 6), (2, 3), (4, 1)]),
        (8, [(1, 8), (2, 4), (4, 2)]),
    ],
)
def test_no_way_has_more_threads_than_cores(cores, expected):
    found = tuning.ways(cores)
    assert [(way.interpreters, way.threads) for way in found] == expected
    assert all(way.interpreters * way.threads <= cores for way in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"interpreters": 3, "threads": 2}, Way(3, 2)),
        ({"interpreters": 2}, Way(2, 2)),
        ({"interpreters": 8}, Way(8, 1)),
        ({"threads": 1}, Way(4, 1)),
        ({"threads": 3}, Way(1, 3)),
        ({"threads": 9}, Way(1, 9)),
    ],
)
def test_what_is_given_is_taken(given, expected):
    assert tuning.ways(4, **given) == (expected,)


def test_the_fastest_wins_and_of_those_as_fast_the_one_with_most_interpreters():
    slow, near, fast = (
        Measured(Way(4, 1), 50.0),
        Measured(Way(2, 2), 80.0),
        Measured(Way(1, 4), 100.0),
    )
    assert tuning.best([slow, near, fast]) == near.way
    assert tuning.best([slow, fast]) == fast.way


@pytest.mark.parametrize(
    ("alone_per_second", "expected"),
    # One of the four answers 25 pictures a second: one in 40 ms.
    [(90.0, 4), (34.0, 4), (30.0, 0), (20.0, 0)],
)
def test_an_interpreter_for_whoever_is_alone_is_had_where_it_pays(alone_per_second, expected):
    chosen = Way(4, 1)
    measured = [Measured(Way(1, 4), alone_per_second), Measured(chosen, 100.0)]
    assert tuning.threads_alone(measured, chosen) == expected


def test_a_gain_of_less_than_a_millisecond_is_none():
    chosen = Way(4, 1)
    measured = [Measured(Way(1, 4), 3000.0), Measured(chosen, 4000.0)]
    assert tuning.threads_alone(measured, chosen) == 0


def test_every_way_is_run(bundled_model):
    tried = tuning.ways(2)
    measured = tuning.measure(bundled_model.read_bytes(), tried)
    assert [found.way for found in measured] == list(tried)
    assert all(found.per_second > 0 for found in measured)


def test_a_file_that_does_not_load_is_said(mean_model):
    with pytest.raises(ModelFileError, match="can't be loaded"):
        tuning.measure(b"TFL3" + bytes(64), tuning.ways(2))


def test_a_model_is_measured_once_and_its_later_versions_go_the_same_way(
    bundled_model, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.setattr(tuning.processors, "count", lambda: 2)
    monkeypatch.setattr(tuning, "_chosen", {})
    first = tuning.choose("digits", bundled_model.read_bytes())
    assert first in tuning.ways(2)
    assert "measured" in caplog.text
    monkeypatch.setattr(tuning, "measure", lambda *_: pytest.fail("measured again"))
    assert tuning.choose("digits", b"a later version") == first


def test_a_model_that_fails_on_what_it_is_measured_with_is_not_refused_for_it(
    bundled_model, monkeypatch
):
    def fail(model, tensor):
        raise ModelFileError("No such index.")

    monkeypatch.setattr(Model, "run", fail)
    monkeypatch.setattr(tuning, "_chosen", {})
    assert tuning.choose("digits", bundled_model.read_bytes()) in tuning.ways(
        tuning.processors.count()
    )


def test_what_both_numbers_say_is_not_measured(monkeypatch):
    monkeypatch.setattr(tuning, "measure", lambda *_: pytest.fail("measured"))
    assert tuning.choose("any", b"", interpreters=3, threads=5) == Way(3, 5)
