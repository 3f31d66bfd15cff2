"""The ways to convert a model, one frozen dataclass each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from convert.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """What a conversion makes, and what must come out: dtypes as numpy calls them.

    `weights` and `activations` are the dtypes inside the graph. `io_choices` are the dtypes that
    input and output can have, the usual one first. An `integer_only` graph computes nothing in
    floating point; its input and output may be float32 all the same.
    """

    name: str
    meaning: str
    weights: str
    activations: str
    io_choices: tuple[str, ...]
    input_dtype: str
    output_dtype: str

    @property
    def integer_only(self) -> bool:
        return self.activations != "float32"

    @property
    def needs_calibration(self) -> bool:
        """Integer activations need their ranges, which photos give."""
        return self.integer_only


def _recipe(name: str, meaning: str, weights: str, activations: str, *io_choices: str) -> Recipe:
    usual = io_choices[0]
    return Recipe(name, meaning, weights, activations, io_choices, usual, usual)


RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        _recipe(
            "int8",
            "integers only, uint8 in and out: a quarter of the size; gains most on processors with "
            "dot product instructions",
            *("int8", "int8", "uint8", "int8", "float32"),
        ),
        _recipe(
            "float32",
            "as the original: exact, four times the size of int8",
            *("float32", "float32", "float32"),
        ),
        _recipe(
            "float16",
            "weights stored in 16 bits, computed in 32: half the size of float32",
            *("float16", "float32", "float32"),
        ),
        _recipe(
            "dynamic",
            "weights in 8 bits, the rest in float: a quarter of the size, no photos",
            *("int8", "float32", "float32"),
        ),
        _recipe(
            "int16x8",
            "weights in 8 bits, activations in 16: for those of a wide range",
            *("int8", "int16", "float32"),
        ),
    )
}
# What --io takes for one recipe or another.
IO_DTYPES: Final = ("int8", "uint8", "float32")


def get(name: str, io: str | None = None) -> Recipe:
    """The recipe of that name with input and output of dtype `io`, or its usual ones.

    Raises UsageError where there is no such recipe, or it can't have such an input.
    """
    if name not in RECIPES:
        raise UsageError(f"There is no recipe '{name}': choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    if io is None:
        return recipe
    if io not in recipe.io_choices:
        listed = ", ".join(recipe.io_choices)
        raise UsageError(
            f"A model of the recipe {name} can't take and give {io}, only {listed}: "
            "give another --io, or leave it out."
        )
    return replace(recipe, input_dtype=io, output_dtype=io)
