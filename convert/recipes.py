"""The ways to convert a model, one frozen dataclass each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Recipe:
    """What a conversion makes. `input_dtype` and `output_dtype` are what must come out."""

    name: str
    meaning: str
    needs_calibration: bool
    integer_only: bool
    input_dtype: str
    output_dtype: str


RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="int8",
            meaning="integers only, uint8 in and out: a quarter of the size, fastest on ARM",
            needs_calibration=True,
            integer_only=True,
            input_dtype="uint8",
            output_dtype="uint8",
        ),
        Recipe(
            name="float32",
            meaning="as the original: exact, four times the size",
            needs_calibration=False,
            integer_only=False,
            input_dtype="float32",
            output_dtype="float32",
        ),
    )
}
