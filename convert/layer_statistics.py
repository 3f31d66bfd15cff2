"""What quantization does to each layer: its error and what it cuts off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerStatistics:
    """One layer of the int8 model against the same layer of the float model, over photos.

    `error` is the root mean square of the difference of the outputs, divided by the root mean
    square of the float output (0 is exact; 1 is as much noise as signal). `saturated` is the
    fraction 0..1 of the float outputs that lie outside the range the int8 tensor can say.
    """

    name: str
    operator: str
    error: float
    saturated: float
    kept_in_float: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "operator": self.operator,
            "error": round(self.error, 5),
            "saturated": round(self.saturated, 6),
            "kept_in_float": self.kept_in_float,
        }
