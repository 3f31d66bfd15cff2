"""The float32 .tflite that an integer one corresponds to, operator by operator, and its source.

It is converted first, since it shows what has no form in integers before anything is quantized.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from convert import integer_forms, quantize, recipes
from convert.console import Console
from convert.errors import BuildError
from convert.sources.source import Source


@dataclass(frozen=True)
class FloatTwin:
    """`model` is the bare .tflite of `source`, the original with some operators computed by others
    that have a form in integers; the answers are the original's."""

    source: Source
    model: bytes


def make(
    source: Source,
    console: Console,
    *,
    allow_select_tf: frozenset[str] = frozenset(),
    folder: Path | None = None,
) -> FloatTwin:
    """Convert to float32; where operators are in it that have no form in integers and can be
    computed by others, do so and convert again. `folder` is where temporary files go, by default
    the system's place for them. Raises BuildError where the converter fails."""

    def convert(source: Source) -> FloatTwin:
        float32 = recipes.get("float32")
        model = quantize.convert(
            source, float32, None, console, allow_select_tf=allow_select_tf, folder=folder
        )
        return FloatTwin(source, model)

    plain = convert(source)
    lacking = integer_forms.without(plain.model, recipes.get("int8"))
    if not lacking:
        return plain
    try:
        other = convert(replace(source, integer_forms=frozenset(o.tensor for o in lacking)))
    except BuildError:
        return plain
    fewer = len(integer_forms.without(other.model, recipes.get("int8"))) < len(lacking)
    return other if fewer else plain
