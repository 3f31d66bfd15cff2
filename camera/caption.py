"""What is written on a picture; knows neither how, nor what the words are about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """What is written: words, which are cut where they are too long, and a number, which is not.

    instead  words for a picture where no letter of `words` can be written
    """

    words: str
    number: str = ""
    instead: str = ""
