"""What a build is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convert.recipes import Recipe
from convert.validation import Gate
from edge_server.inference.preprocessing import Filter, Fit


@dataclass(frozen=True)
class Options:
    """`validation` names photos as photos.read() takes them, `calibration` as
    photos.read_unlabelled() does.

    `preprocessing` is the name of a preset; `input_size` is (height, width), for a model that
    leaves them free; `calibration_limit` is the most photos that calibration uses.
    """

    saved_model: Path
    output: Path
    recipe: Recipe
    validation: Path
    preprocessing: str
    calibration: Path | None = None
    labels: Path | None = None
    name: str | None = None
    signature: str | None = None
    input_size: tuple[int, int] | None = None
    fit: Fit = Fit.CENTER_CROP
    filter: Filter = Filter.BILINEAR_ANTIALIAS
    calibration_limit: int = 500
    gate: Gate = Gate()

    @property
    def model_name(self) -> str:
        """What the model is called: as asked, else as its directory."""
        return self.name or self.saved_model.resolve().name
