"""How figures are written in report.html: one way for each kind, so that they can be compared."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

UNKNOWN: Final = "not measured"
_MINUS: Final = "\N{MINUS SIGN}"
# `code` in a sentence, or an option of the command line.
_CODE: Final = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z0-9-]*)")


def percent(fraction: float | None) -> str:
    """0.9512 -> 95.1%."""
    return UNKNOWN if fraction is None else f"{100 * fraction:.1f}%".replace("-", _MINUS)


def interval(bounds: Sequence[float]) -> str:
    """(0.91, 0.973) -> 91.0% to 97.3%."""
    return f"{percent(bounds[0])} to {percent(bounds[1])}"


def points(value: float) -> str:
    """A change in percentage points: +8.0 points, −0.5 points, 0.0 points."""
    return f"{_signed(value)} points"


def points_interval(bounds: Sequence[float]) -> str:
    """(-3.2, 2.2) -> −3.2 to +2.2 points."""
    return f"{_signed(bounds[0])} to {points(bounds[1])}"


def _signed(value: float) -> str:
    # What rounds to nothing has no sign.
    rounded = round(value, 1) or 0.0
    return f"{rounded:+.1f}".replace("-", _MINUS) if rounded else "0.0"


def milliseconds(value: float | None) -> str:
    """Three significant digits: 0.594 ms, 3.91 ms, 103 ms."""
    return UNKNOWN if value is None else f"{_three_digits(value)} ms"


def seconds(value: float | None) -> str:
    """0.4 s, 12.3 s, 2 min 5 s."""
    if value is None:
        return UNKNOWN
    if value < 99.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60} min {whole % 60} s"


def size(count: int | None) -> str:
    """Bytes in decimal units: 776 kB, 4.16 MB."""
    if count is None:
        return UNKNOWN
    if count < 1000:
        return f"{count} bytes"
    if count < 999_500:
        return f"{_three_digits(count / 1e3)} kB"
    return f"{count / 1e6:.2f} MB"


def number(value: float) -> str:
    """A number as short as it can be said: 127.5, 0, −1, 0.0123."""
    return f"{value:.{4 if abs(value) >= 1 else 3}g}".replace("-", _MINUS)


def count(value: int, one: str, many: str | None = None) -> str:
    """1 photo, 200 photos, 12,345 photos."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """A reason or a warning as a sentence: a capital first, a full stop last."""
    text = text.strip()
    if not text:
        return text
    # Names such as int8 and float32 stay as they are written everywhere else.
    named = any(letter.isdigit() for letter in text.split()[0])
    return (text if named else text[0].upper() + text[1:]) + ("" if text[-1] in ".!?:" else ".")


def prose(text: str) -> Markup:
    """sentence(), escaped, with what is typed on a command line set as code."""
    parts, end = [], 0
    text = sentence(text)
    for found in _CODE.finditer(text):
        parts += [
            escape(text[end : found.start()]),
            Markup("<code>{}</code>").format(found[1])
            if found[1]
            else Markup('<code class="option">{}</code>').format(found[2]),
        ]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def title(name: str) -> str:
    """calibration-photos -> Calibration photos."""
    words = name.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def short(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis where something is left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _three_digits(value: float) -> str:
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{min(decimals, 4)}f}"
