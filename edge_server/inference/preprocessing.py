"""Pixels -> input tensor, as a specification says. The one implementation of preprocessing.

Calibration, validation and serving all call it, so a model meets on the device what it met when
it was converted. The specification travels inside the .tflite file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image

from edge_server.errors import SettingError
from edge_server.inference import decoding, fitting, normalization
from edge_server.inference.decoding import Picture, Pixels
from edge_server.inference.normalization import Normalization, Preset

Tensor: TypeAlias = np.ndarray[Any, np.dtype[Any]]
FloatTensor: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Fit: TypeAlias = fitting.Fit
Filter: TypeAlias = fitting.Filter
ColorOrder: TypeAlias = normalization.ColorOrder

# How many pixels a reduced picture keeps for each that is put out, on each axis. With 4
# MobileNetV2 in float answers 200 photos of 12 megapixels as after full decoding, with 2 all but
# one.
SPARE: Final = 4.0


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before the model sees it.

    The tensor is (pixel - mean) / std with pixels 0..255, per channel in the model's own order.
    `mean` and `std` have one number per channel, or one for all. EXIF orientation is always
    applied, in decoding.
    """

    width: int
    height: int
    color_order: ColorOrder = ColorOrder.RGB
    fit: Fit = Fit.CENTER_CROP
    filter: Filter = Filter.BILINEAR_ANTIALIAS
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError("width and height must be at least 1")
        if not all(value > 0 for value in self.std):
            raise ValueError("std must be above 0")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(f"{name} must have 1 or {self.channels} numbers")

    @property
    def channels(self) -> int:
        return 1 if self.color_order is ColorOrder.GRAYSCALE else 3

    def to_json(self) -> dict[str, Any]:
        """The form that stands in edge.json."""
        return {
            "width": self.width,
            "height": self.height,
            "color_order": self.color_order.value,
            "fit": self.fit.value,
            "filter": self.filter.value,
            "mean": list(self.mean),
            "std": list(self.std),
            "exif_orientation": "applied",
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Preprocessing:
        """The reverse. Raises KeyError, TypeError or ValueError for another document."""
        return cls(
            width=int(document["width"]),
            height=int(document["height"]),
            color_order=ColorOrder(document["color_order"]),
            fit=Fit(document["fit"]),
            filter=Filter(document["filter"]),
            mean=tuple(float(value) for value in document["mean"]),
            std=tuple(float(value) for value in document["std"]),
        )


def from_preset(
    name: str | Normalization,
    *,
    width: int,
    height: int,
    channels: int = 3,
    fit: Fit = Fit.CENTER_CROP,
    resize_filter: Filter = Filter.BILINEAR_ANTIALIAS,
    color_order: ColorOrder | None = None,
) -> Preprocessing:
    """The specification of a preset, or of numbers of one's own, for a model's input.

    `color_order`, RGB or BGR, replaces the preset's; each colour keeps its own mean and std.
    Numbers of one's own are in the order of the channels already. Raises SettingError for an
    unknown name or what does not go with one channel.
    """
    if isinstance(name, Normalization):
        preset = Preset(name.mean, name.std, color_order or ColorOrder.RGB, "")
    else:
        preset = normalization.preset(name)
    order = color_order or preset.color_order
    if channels == 1:
        if len(preset.mean) > 1 or len(preset.std) > 1:
            raise SettingError(
                "The model takes one channel: give --mean and --std one number each."
                if isinstance(name, Normalization)
                else f"Preprocessing '{name}' is for colour, but the model takes one channel: "
                "use tf, unit or raw."
            )
        if order is ColorOrder.BGR:
            raise SettingError(
                "The model takes one channel, which has no order of colours: "
                "leave out --color-order."
            )
        order = ColorOrder.GRAYSCALE
    mean, std = preset.mean, preset.std
    if {order, preset.color_order} == {ColorOrder.RGB, ColorOrder.BGR}:
        mean, std = mean[::-1], std[::-1]
    return Preprocessing(width, height, order, fit, resize_filter, mean, std)


def decode(
    data: bytes, spec: Preprocessing, *, max_pixels: int = decoding.DEFAULT_MAX_PIXELS
) -> Picture:
    """An encoded image -> the pixels that resize() needs: fewer than it has, where that is enough.

    Raises what decoding.decode() raises.
    """
    return decoding.decode_reduced(
        data,
        lambda width, height: reduction(spec, width, height),
        max_pixels=max_pixels,
        for_pillow=spec.filter is Filter.BILINEAR_ANTIALIAS,
    )


def reduction(spec: Preprocessing, width: int, height: int) -> int:
    """By how much a picture of this size may be reduced before it is resized: 1, 2, 4 or 8.

    Only an antialiasing filter allows it, as it averages what is lost; the others take single
    pixels of the file, and so did training. It gets at least SPARE times the pixels that it puts
    out, on both axes of the part that is used.
    """
    if spec.filter is not Filter.BILINEAR_ANTIALIAS:
        return 1
    window, size = fitting.frame(width, height, spec.fit, spec.width, spec.height)
    spare = min(window.width / size[0], window.height / size[1]) / SPARE
    return max(factor for factor in (1, 2, 4, 8) if factor <= max(1.0, spare))


def see(
    data: bytes, spec: Preprocessing, *, max_pixels: int = decoding.DEFAULT_MAX_PIXELS
) -> Pixels:
    """An encoded image -> what the model sees: decode() and resize()."""
    picture = decode(data, spec, max_pixels=max_pixels)
    return resize(picture.pixels, spec, picture.reduced)


def resize(pixels: Pixels | Image.Image, spec: Preprocessing, reduced: int = 1) -> Pixels:
    """Bring pixels to the model's size and channels.

    Takes uint8 (h, w, 3) RGB, or what decode() gives for `spec`; gives uint8 (spec.height,
    spec.width, spec.channels) in the model's channel order, still 0..255. This is what the model
    sees, before normalization. `reduced` is that of the Picture: the fit is the one of the whole
    picture, to a fraction of a pixel.
    """
    if spec.color_order is ColorOrder.GRAYSCALE:
        import cv2  # noqa: PLC0415, it is large, and not every model needs it

        grey = cv2.cvtColor(np.asarray(pixels), cv2.COLOR_RGB2GRAY)
        pixels = np.asarray(grey, np.uint8)[..., np.newaxis]
    width, height = pixels.size if isinstance(pixels, Image.Image) else pixels.shape[1::-1]
    window, size = fitting.frame(
        width * reduced, height * reduced, spec.fit, spec.width, spec.height
    )
    resized = inner = fitting.interpolate(fitting.cut(pixels, window, reduced), size, spec.filter)
    if size != (spec.width, spec.height):
        resized = np.zeros((spec.height, spec.width, inner.shape[2]), np.uint8)
        left, top = (spec.width - size[0]) // 2, (spec.height - size[1]) // 2
        resized[top : top + size[1], left : left + size[0]] = inner
    if spec.color_order is ColorOrder.BGR:
        resized = resized[..., ::-1]
    return np.ascontiguousarray(resized)


def normalize(resized: Pixels, spec: Preprocessing) -> FloatTensor:
    """uint8 (h, w, c) -> float32 (1, h, w, c), (pixel - mean) / std."""
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    tensor: FloatTensor = ((resized.astype(np.float32) - mean) / std)[np.newaxis]
    return tensor


def quantization_table(spec: Preprocessing, scale: float, zero_point: int, dtype: Any) -> Tensor:
    """The quantized value of each pixel value: (256, channels) of `dtype` (uint8 or int8)."""
    pixel = np.arange(256, dtype=np.float64)[:, np.newaxis]
    real = (pixel - np.asarray(spec.mean)) / np.asarray(spec.std)
    real = np.broadcast_to(real, (256, spec.channels))
    return np.ascontiguousarray(quantize_real(real, spec, scale, zero_point, dtype))


def quantize_real(
    real: np.ndarray[Any, Any], spec: Preprocessing, scale: float, zero_point: int, dtype: Any
) -> Tensor:
    """Normalized numbers (..., channels) as the model's integers of `dtype` (uint8 or int8).

    real = (q - zero_point) * scale, rounded to the nearest and clipped.

    Where every pixel is its own quantized value to within one level (of int8: less 128), that
    is taken exactly, as MediaPipe and Coral do. An input of -1..1 needs this: its zero is
    at pixel 127.5, which no zero point can say, and rounding the halves would fold neighbouring
    levels into one. So do the usual scales of 1/128 and 1/256, where 1/127.5 and 1/255 are meant.
    """
    info = np.iinfo(dtype)
    mean, std = np.asarray(spec.mean, np.float64), np.asarray(spec.std, np.float64)
    pixel = np.arange(256, dtype=np.float64)[:, np.newaxis]
    own = pixel + info.min
    if (np.abs((pixel - mean) / std / scale + zero_point - own) <= 1.0 + 1e-3).all():
        exact = real * std + mean + info.min
    else:
        exact = real / scale + zero_point
    return np.clip(np.rint(exact), info.min, info.max).astype(dtype)


def is_identity(table: Tensor) -> bool:
    """Whether resized bytes can go straight into the tensor."""
    identity = np.arange(256, dtype=np.int16)[:, np.newaxis]
    return bool((table.astype(np.int16) == identity).all())


def quantize(resized: Pixels, table: Tensor) -> Tensor:
    """uint8 (h, w, c) -> quantized (1, h, w, c), through a table of quantization_table()."""
    if (table == table[:, :1]).all():
        return table[:, 0][resized][np.newaxis]
    channels = [table[:, c][resized[..., c]] for c in range(table.shape[1])]
    return np.stack(channels, axis=-1)[np.newaxis]
