"""What a user is told to do instead is what was tried."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from convert import alternatives
from convert.errors import BuildError, RecipeFailed
from convert.recipes import RECIPES


def attempts(**agreements: float) -> Callable[[str], Any]:
    """Trials that pass from 97 %; a recipe that is not named fails."""

    def attempt(name: str) -> Any:
        if name not in agreements:
            raise BuildError("It fails.")
        share = agreements[name]
        judged = SimpleNamespace(passed=share >= 0.97, agreement=share, samples=50)
        return SimpleNamespace(draft=SimpleNamespace(recipe=RECIPES[name]), judged=judged)

    return attempt


@pytest.mark.parametrize(
    ("recipe", "agreements", "said"),
    [
        (
            "int8",
            {"dynamic": 0.98, "float32": 1.0},
            "It crashed. Use --recipe dynamic, which passes (dynamic gives the original's answer "
            "on 98.0% of 50 photos); --recipe auto compares all that work.",
        ),
        (
            "int16x8",
            {"dynamic": 0.9, "float32": 1.0},
            "It crashed. Use --recipe float32, which passes (float32 gives the original's answer "
            "on 100.0% of 50 photos); --recipe auto compares all that work.",
        ),
        (
            "dynamic",
            {"float16": 0.99},
            "It crashed. Use --recipe float16, which passes (float16 gives the original's answer "
            "on 99.0% of 50 photos).",
        ),
        (
            "int8",
            {"dynamic": 0.8, "float16": 0.9},
            "It crashed. Of the other recipes, which were tried, none is inside the budget: "
            "float16 gives the original's answer on 90.0% of 50 photos.",
        ),
        (
            "float32",
            {"float32": 1.0},
            "It crashed. dynamic and float16 were tried and fail as well: the model itself has to "
            "change.",
        ),
    ],
)
def test_what_passes_is_named(recipe: str, agreements: dict[str, float], said: str) -> None:
    failure = RecipeFailed("It crashed.")
    told = alternatives.advise(failure, RECIPES[recipe], attempts(**agreements))
    assert str(told) == said
