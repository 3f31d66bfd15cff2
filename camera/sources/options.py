"""The options behind the `?` of a source's string; knows no source."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from camera.errors import CameraError

_MAX_SIDE = 16384


def split_options(text: str, allowed: Collection[str], syntax: str) -> tuple[str, dict[str, str]]:
    """`target?name=value&name=value` -> target and options; the last `?` begins the options.

    Raises CameraError for an option that is not `allowed`, given twice, or without a value.
    """
    target, mark, query = text.rpartition("?")
    if not mark:
        return text, {}
    options: dict[str, str] = {}
    for item in query.split("&"):
        name, equals, value = item.partition("=")
        if name not in allowed:
            raise CameraError(f"There is no option '{name}' here; write {syntax}.")
        if name in options:
            raise CameraError(f"The option '{name}' stands twice; write {syntax}.")
        if not equals or not value:
            raise CameraError(f"The option '{name}' has no value; write {syntax}.")
        options[name] = value
    return target, options


def number(
    options: Mapping[str, str],
    name: str,
    *,
    default: float,
    lowest: float,
    highest: float,
    syntax: str,
) -> float:
    """The option as a number from `lowest` to `highest`, or `default` where it is absent."""
    text = options.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # Also refuses NaN, which compares as False.
    if not lowest <= value <= highest:
        raise CameraError(
            f"The option '{name}' is a number from {lowest:g} to {highest:g}, not '{text}'; "
            f"write {syntax}."
        )
    return value


def picture_size(options: Mapping[str, str], name: str, syntax: str) -> tuple[int, int] | None:
    """The option `WxH` as width and height in pixels, or None where it is absent."""
    text = options.get(name)
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(1 <= side <= _MAX_SIDE for side in size):
        raise CameraError(
            f"The option '{name}' is width x height such as 1280x720, not '{text}'; write {syntax}."
        )
    return size
