"""Recipes: what each of them promises."""

from __future__ import annotations

import dataclasses

import pytest

from convert import recipes
from convert.errors import UsageError
from convert.recipes import RECIPES


def test_every_recipe_is_found_by_its_own_name() -> None:
    assert [recipes.get(name).name for name in RECIPES] == list(RECIPES)
    assert set(RECIPES) == {"float32", "float16", "dynamic", "int8", "int16x8"}


def test_int8_takes_and_gives_uint8_unless_told_otherwise() -> None:
    int8 = RECIPES["int8"]
    assert (int8.input_dtype, int8.output_dtype) == ("uint8", "uint8")
    for io in ("int8", "uint8", "float32"):
        chosen = recipes.get("int8", io)
        assert (chosen.name, chosen.input_dtype, chosen.output_dtype) == ("int8", io, io)


def test_only_integer_recipes_need_photos() -> None:
    assert {r.name for r in RECIPES.values() if r.needs_calibration} == {"int8", "int16x8"}
    assert {r.name for r in RECIPES.values() if r.integer_only} == {"int8", "int16x8"}


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int16x8"])
def test_an_input_that_a_recipe_can_not_have_is_refused(name: str) -> None:
    assert recipes.get(name, "float32") == RECIPES[name]
    with pytest.raises(UsageError, match=f"{name} can't take and give uint8, only float32"):
        recipes.get(name, "uint8")


def test_an_unknown_recipe_is_refused_with_a_list() -> None:
    with pytest.raises(UsageError, match="no recipe 'int4': choose one of int8, float32"):
        recipes.get("int4")


def test_a_recipe_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPES["int8"].input_dtype = "int8"  # type: ignore[misc]
