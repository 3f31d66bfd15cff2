"""Training pictures of digits as people draw and photograph them. Pure functions on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from edge_server.inference.preprocessing import FloatTensor


def augment(ink: FloatTensor, rng: np.random.Generator) -> FloatTensor:
    """One picture of a digit in another hand, pen and light.

    ink: float32 (h, w), 0 paper to 1 ink. Returns brightness, float32 (h, w), 0..1: dark on light
    or, half the time, light on dark.
    """
    bent = _pen(_bend(ink, rng), rng)
    paper, pen = rng.uniform(0.75, 1.0), rng.uniform(0.0, 0.3)
    picture = paper + (pen - paper) * bent
    picture = picture + rng.normal(0.0, rng.uniform(0.0, 0.04), picture.shape)
    if rng.random() < 0.5:
        picture = 1.0 - picture
    bright: FloatTensor = np.clip(picture, 0.0, 1.0).astype(np.float32)
    return bright


def _bend(ink: FloatTensor, rng: np.random.Generator) -> Any:
    """Turn, shear, scale and shift, about the centre."""
    turn, shear = np.deg2rad(rng.uniform(-14, 14)), rng.uniform(-0.2, 0.2)
    scale_y = rng.uniform(0.7, 1.08)
    scale_x = scale_y * rng.uniform(0.85, 1.15)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    forward = rotation @ np.array([[scale_y, 0.0], [shear, scale_x]])
    inverse = np.linalg.inv(forward)
    centre = (np.array(ink.shape) - 1) / 2
    shift = rng.uniform(-0.07, 0.07, 2) * ink.shape
    return ndimage.affine_transform(
        ink, inverse, offset=centre - inverse @ (centre + shift), order=1, mode="constant"
    )


def _pen(ink: Any, rng: np.random.Generator) -> Any:
    """A thicker, a thinner or a softer stroke."""
    kind = rng.random()
    if kind < 0.25:
        ink = ndimage.grey_dilation(ink, size=(2, 2))
    elif kind < 0.4:
        ink = ndimage.grey_erosion(ink, size=(2, 2))
    elif kind < 0.55:
        ink = ndimage.gaussian_filter(ink, rng.uniform(0.3, 0.9))
    return np.clip(ink * rng.uniform(0.9, 1.4), 0.0, 1.0)
