"""Recipes: what each of them promises."""

from __future__ import annotations

import dataclasses

import pytest

from convert.recipes import RECIPES


def test_every_recipe_is_found_by_its_own_name() -> None:
    assert {name: recipe.name for name, recipe in RECIPES.items()} == {
        "int8": "int8",
        "float32": "float32",
    }


def test_int8_takes_and_gives_uint8_and_needs_photos() -> None:
    int8 = RECIPES["int8"]
    assert (int8.input_dtype, int8.output_dtype) == ("uint8", "uint8")
    assert int8.integer_only
    assert int8.needs_calibration


def test_float32_needs_no_photos() -> None:
    assert not RECIPES["float32"].needs_calibration


def test_a_recipe_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPES["int8"].input_dtype = "int8"  # type: ignore[misc]
