"""What a build is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from convert import recipes
from convert.device import targets
from convert.device.targets import Target
from convert.errors import UsageError
from convert.validation import Gate
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit

# Not a recipe, but the search for one.
AUTO = "auto"


class Prefer(str, Enum):
    """What `auto` is after, among the candidates inside the accuracy budget."""

    FASTEST = "fastest"
    SMALLEST = "smallest"


@dataclass(frozen=True)
class Options:
    """`validation` names photos as photos.read() takes them, `calibration` as
    photos.read_unlabelled() does.

    `recipe` is the name of a recipe or AUTO, `io` the dtype of input and output that it should
    have; `allow_select_tf` names TensorFlow operators that may stay in the file; `stock_int8`
    leaves weights and biases as the converter made them.
    `preprocessing` is the name of a preset, or numbers; `input_size` is (height, width), for a
    model that leaves them free; `calibration_limit` is the most photos that calibration uses.
    """

    saved_model: Path
    output: Path
    recipe: str
    validation: Path
    preprocessing: str | Normalization
    calibration: Path | None = None
    labels: Path | None = None
    name: str | None = None
    signature: str | None = None
    input_size: tuple[int, int] | None = None
    fit: Fit = Fit.CENTER_CROP
    filter: Filter = Filter.BILINEAR_ANTIALIAS
    calibration_limit: int = 500
    gate: Gate = Gate()
    color_order: ColorOrder | None = None
    io: str | None = None
    target: Target = targets.DEFAULT
    allow_select_tf: frozenset[str] = frozenset()
    prefer: Prefer = Prefer.FASTEST
    stock_int8: bool = False

    @property
    def model_name(self) -> str:
        """What the model is called: as asked, else as its directory or file."""
        path = self.saved_model.resolve()
        return self.name or (path.stem if path.is_file() else path.name)

    @property
    def needs_calibration(self) -> bool:
        """Whether the recipe, or one that the search tries, takes photos to calibrate with."""
        return self.recipe == AUTO or recipes.get(self.recipe, self.io).needs_calibration

    @property
    def uses_calibration(self) -> bool:
        """Whether photos to calibrate with are of use: `dynamic` gets better weights by them."""
        if self.recipe == AUTO:
            return True
        recipe = recipes.get(self.recipe, self.io)
        return recipe.needs_calibration or (recipe.weights == "int8" and not self.stock_int8)

    def check_recipe(self) -> None:
        """Raises UsageError where the recipe does not go with `io`, or lacks its photos."""
        if not self.needs_calibration or self.calibration is not None:
            return
        what = f"The recipe {self.recipe}"
        if self.recipe == AUTO:
            what = "--recipe auto tries int8 too, which"
        raise UsageError(
            f"{what} needs photos to calibrate with: "
            "give --calibration a folder of a hundred or so, like those the camera will see."
        )
