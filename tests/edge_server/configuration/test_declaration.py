from __future__ import annotations

from dataclasses import dataclass

import pytest

from edge_server.configuration.declaration import ValueType, declared, setting


def test_a_setting_has_three_names(example):
    made = {s.name: s for s in declared(example)}["warm_up"]
    assert (made.option, made.variable, made.key) == ("--warm-up", "EDGE_WARM_UP", "warm-up")


def test_the_type_is_that_of_the_annotation_without_none(example):
    types = {s.name: s.type for s in declared(example)}
    assert types["even"] is ValueType.WHOLE_NUMBER
    assert types["model"] is ValueType.PATH
    assert types["pin"] is ValueType.SEVERAL


def test_a_number_without_bounds_is_a_mistake():
    @dataclass(frozen=True)
    class Wrong:
        size: int = setting(1, "size", reason="none")

    with pytest.raises(TypeError, match="size: numbers"):
        declared(Wrong)
