"""Sampled patches against every patch, taken one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convert import patches
from convert.file.tflite_schema import schema
from convert.graph_pair import Kind, Layer, Quantization

Array = np.ndarray[Any, np.dtype[Any]]
RNG = np.random.default_rng(0)
INPUT = Quantization(0.05, -17)


def layer(kind: Kind, shape: tuple[int, ...], **options: Any) -> Layer:
    usual = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    numbers = usual | {"padding": schema.Padding.VALID} | options
    return Layer(
        name="layer",
        kind=kind,
        index=0,
        float_index=0,
        options=SimpleNamespace(**numbers),
        data=0,
        weights=1,
        bias=None,
        output=2,
        float_output=2,
        float_weights=RNG.normal(size=shape).astype(np.float32),
        weight_scale=np.ones(1),
        input=INPUT,
        result=INPUT,
    )


def outputs(layer: Layer, values: Array) -> Array:
    """What TensorFlow gives for the layer's float weights, (positions, out)."""
    import tensorflow as tf

    real, options = INPUT.real(values), layer.options
    shared = {
        "strides": [1, options.strideH, options.strideW, 1],
        "padding": "SAME" if options.padding == schema.Padding.SAME else "VALID",
        "dilations": [options.dilationHFactor, options.dilationWFactor],
    }
    if layer.kind is Kind.DEPTHWISE:
        kernel = layer.float_weights[0]
        taps = kernel.reshape(*kernel.shape[:2], values.shape[3], -1)
        found = tf.nn.depthwise_conv2d(real, taps, **shared)
    else:
        found = tf.nn.conv2d(real, layer.float_weights.transpose(1, 2, 3, 0), **shared)
    return np.asarray(found).reshape(-1, found.shape[-1])


SAME = schema.Padding.SAME
CASES = [
    (Kind.CONVOLUTION, (5, 3, 3, 4), {}),
    (Kind.CONVOLUTION, (5, 3, 2, 4), {"padding": SAME}),
    (Kind.CONVOLUTION, (5, 3, 3, 4), {"padding": SAME, "strideH": 2, "strideW": 3}),
    (Kind.CONVOLUTION, (5, 3, 3, 4), {"strideH": 2, "strideW": 2}),
    (Kind.CONVOLUTION, (5, 2, 3, 4), {"dilationHFactor": 2, "dilationWFactor": 3}),
    (Kind.CONVOLUTION, (6, 3, 3, 2), {"padding": SAME}),  # two groups
    (Kind.DEPTHWISE, (1, 3, 3, 4), {"padding": SAME, "strideH": 2, "strideW": 2}),
    (Kind.DEPTHWISE, (1, 3, 3, 8), {}),  # depth multiplier 2
    (Kind.DEPTHWISE, (1, 3, 3, 4), {"padding": SAME, "dilationHFactor": 2}),
]


@pytest.mark.parametrize(("kind", "shape", "options"), CASES)
def test_moments_are_those_of_what_the_weights_are_multiplied_with(
    kind: Kind, shape: tuple[int, ...], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """w M w' over all positions is the sum of the squares of the layer's outputs."""
    if options.get("dilationHFactor", 1) != options.get("dilationWFactor", 1):
        options = options | {"dilationWFactor": options["dilationHFactor"]}
    monkeypatch.setattr(patches, "POSITIONS", 10**6)
    subject = layer(kind, shape, **options)
    pictures = RNG.integers(-128, 128, (2, 1, 9, 10, 4)).astype(np.int8)
    moments = patches.second_moments(
        subject,
        [patches.sample(subject, picture, np.random.default_rng(0)) for picture in pictures],
    )
    rows = patches.matrix(subject, subject.float_weights)
    rows = rows.reshape(len(moments), -1, rows.shape[1])
    found = np.einsum("gok,gkl,gol->go", rows, moments, rows).reshape(-1)
    expected = sum(np.square(outputs(subject, picture)).sum(axis=0) for picture in pictures)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_dense_layer_sees_its_rows() -> None:
    subject = layer(Kind.DENSE, (5, 12))
    values = RNG.integers(-128, 128, (1, 2, 2, 12)).astype(np.int8)
    moments = patches.second_moments(
        subject, [patches.sample(subject, values, np.random.default_rng(0))]
    )
    rows = INPUT.real(values).reshape(-1, 12)
    np.testing.assert_allclose(moments, (rows.T @ rows)[np.newaxis], rtol=1e-5)


def test_no_more_positions_are_taken_than_asked_for_and_none_twice() -> None:
    subject = layer(Kind.CONVOLUTION, (1, 1, 1, 2))
    rows, columns = np.mgrid[-60:60, -60:60]
    values = np.stack([rows, columns], axis=-1)[np.newaxis].astype(np.int8)
    taken = patches.sample(subject, values, np.random.default_rng(0))
    assert taken.shape == (patches.POSITIONS, 1, 2)
    assert len(np.unique(taken[:, 0], axis=0)) == patches.POSITIONS


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(Kind.CONVOLUTION, (5, 3, 3, 4)), (Kind.DEPTHWISE, (1, 3, 3, 6)), (Kind.DENSE, (5, 12))],
)
def test_a_matrix_goes_back_to_the_shape_of_the_weights(kind: Kind, shape: tuple[int, ...]) -> None:
    subject = layer(kind, shape)
    rows = patches.matrix(subject, subject.float_weights)
    assert rows.shape[1] == patches.columns(subject)
    assert np.array_equal(patches.from_matrix(subject, rows), subject.float_weights)
