"""What is done to a pixel's number in training: the usual conventions, or numbers of one's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge_server.errors import SettingError


class ColorOrder(str, Enum):
    """Order of the channels that the model was trained with."""

    RGB = "rgb"
    BGR = "bgr"
    GRAYSCALE = "grayscale"  # ITU-R BT.601 luma, as TensorFlow, OpenCV and Pillow do


@dataclass(frozen=True)
class Preset:
    """A convention by its usual name. `mean` and `std` in units of a pixel, 0..255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    color_order: ColorOrder
    meaning: str


# Names and numbers of keras.applications.imagenet_utils.preprocess_input, and two plain ones.
PRESETS: Final[dict[str, Preset]] = {
    "tf": Preset((127.5,), (127.5,), ColorOrder.RGB, "-1..1 (MobileNet, Teachable Machine)"),
    "unit": Preset((0.0,), (255.0,), ColorOrder.RGB, "0..1"),
    "raw": Preset((0.0,), (1.0,), ColorOrder.RGB, "0..255, as the pixels are"),
    "torch": Preset(
        (123.675, 116.28, 103.53),
        (58.395, 57.12, 57.375),
        ColorOrder.RGB,
        "0..1 less ImageNet's mean, by its deviation (PyTorch)",
    ),
    "caffe": Preset(
        (103.939, 116.779, 123.68), (1.0,), ColorOrder.BGR, "BGR less ImageNet's mean (ResNet, VGG)"
    ),
}


@dataclass(frozen=True)
class Normalization:
    """Numbers of one's own, where no preset has them: (pixel - mean) / std, pixels 0..255.

    One number, or one for each channel in the model's own order.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def options(self) -> str:
        """What to write for them."""
        return f"--mean {written(self.mean)} --std {written(self.std)}"


def written(numbers: tuple[float, ...]) -> str:
    """Numbers as numbers() reads them."""
    return ",".join(f"{number:.6g}" for number in numbers)


def numbers(text: str) -> tuple[float, ...]:
    """One number or three with commas between. Raises SettingError."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not all(math.isfinite(number) for number in found):
        raise SettingError(
            f"'{text}' is neither one number nor three: write 127.5 or 123.7,116.3,103.5."
        )
    return found


def chosen(preset: str | None, mean: str | None, std: str | None) -> str | Normalization | None:
    """What the options say of the normalization: a preset's name, numbers, or nothing.

    Raises SettingError where they say it twice or by half, or the numbers are not those of pixels.
    """
    if mean is None and std is None:
        return preset
    if preset is not None:
        raise SettingError(
            f"--preprocessing {preset} has a mean and deviation of its own: "
            "give it, or --mean and --std."
        )
    if mean is None or std is None:
        raise SettingError("--mean and --std go together, as (pixel - mean) / std: give both.")
    own = Normalization(numbers(mean), numbers(std))
    if min(own.std) <= 0:
        raise SettingError(f"--std {std} has to be above 0: the pixels are divided by it.")
    if max(own.std) <= 1 and max(own.mean) <= 1:
        raise SettingError(_of_unit_pixels(own))
    return own


def _of_unit_pixels(own: Normalization) -> str:
    """Numbers that torchvision and others give for pixels 0..1, in the units of pixels 0..255."""
    meant = Normalization(
        tuple(255 * value for value in own.mean), tuple(255 * value for value in own.std)
    )
    usual = ""
    if set(own.std) == {1.0} and set(own.mean) == {0.0}:
        usual = ", or --preprocessing raw for pixels as they are"
    return (
        f"{own.options()} are numbers for pixels 0..1, and here they are for pixels 0..255: "
        f"write {meant.options()}{usual}."
    )


def preset(name: str) -> Preset:
    """The preset of that name. Raises SettingError."""
    found = PRESETS.get(name)
    if found is None:
        raise SettingError(
            f"Unknown preprocessing '{name}': use one of "
            + ", ".join(f"{key} ({value.meaning})" for key, value in PRESETS.items())
            + "."
        )
    return found
