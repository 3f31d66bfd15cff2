"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """`name` in kebab-case; `status`: "passed" or "warned"; a warning says what to do."""

    name: str
    status: str
    sentence: str
    figures: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "status": self.status,
            "sentence": self.sentence,
            "figures": self.figures,
        }
