"""What a user is told to do instead is what was tried."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from convert import alternatives
from convert.console import Console
from convert.errors import BuildError, RecipeFailed
from convert.recipes import RECIPES, Recipe


def attempts(crashes: str, agreements: dict[str, float]) -> Callable[[Recipe], Any]:
    """Trials that pass from 97 %; a recipe that is not named fails."""

    def attempt(recipe: Recipe) -> Any:
        if recipe.name == crashes:
            raise RecipeFailed("It crashed.")
        if recipe.name not in agreements:
            raise BuildError("It fails.")
        share = agreements[recipe.name]
        judged = SimpleNamespace(passed=share >= 0.97, agreement=share, samples=50)
        return SimpleNamespace(draft=SimpleNamespace(recipe=recipe), judged=judged)

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
    with pytest.raises(RecipeFailed) as told:
        alternatives.convert(RECIPES[recipe], attempts(recipe, agreements), Console())
    assert str(told.value) == said


def test_what_no_recipe_changes_is_not_tried_with_others() -> None:
    tried = []

    def attempt(recipe: Recipe) -> Any:
        tried.append(recipe.name)
        raise BuildError("There is no room on the disk.")

    with pytest.raises(BuildError, match="no room on the disk"):
        alternatives.convert(RECIPES["int8"], attempt, Console())
    assert tried == ["int8"]
