"""The guess at a model's preprocessing: from its arithmetic, its input, its names."""

from __future__ import annotations

import pytest

from convert.inspecting import inspection_guess
from convert.inspecting.inspection_tracing import Affine, Trace


def _guess(*steps: tuple[str, float | tuple[float, ...]], **more: object) -> str | None:
    affine = Affine()
    for operation, numbers in steps:
        affine = affine.then(
            operation, numbers if isinstance(numbers, tuple) else (numbers,), swapped=False
        )
    trace = Trace(affine=affine)
    for key, value in more.items():
        setattr(trace, key, value)
    return inspection_guess.guess("float32", trace, ["model"]).preset


@pytest.mark.parametrize(
    ("steps", "preset"),
    [
        ([("Mul", 1 / 127.5), ("Sub", 1.0)], "raw"),
        ([("RealDiv", 255.0)], "raw"),
        ([("Sub", (123.7, 116.3, 103.5)), ("RealDiv", (58.4, 57.1, 57.4))], "raw"),
        ([("Sub", (103.9, 116.8, 123.7))], "raw"),
        ([("Mul", 2.0), ("Sub", 1.0)], "unit"),
        ([("Sub", (0.485, 0.456, 0.406)), ("RealDiv", (0.229, 0.224, 0.225))], "unit"),
        ([("Mul", 1e-6)], None),
    ],
)
def test_normalization_inside_the_model_tells_which_pixels_it_takes(
    steps: list[tuple[str, float | tuple[float, ...]]], preset: str | None
) -> None:
    assert _guess(*steps) == preset


@pytest.mark.parametrize(
    ("fake_range", "preset"),
    [((-1.0, 1.0), "tf"), ((0.0, 1.0), "unit"), ((0.0, 255.0), "raw"), ((-3.0, 3.0), None)],
)
def test_a_range_from_quantization_aware_training_tells(
    fake_range: tuple[float, float], preset: str | None
) -> None:
    assert _guess(fake_range=fake_range) == preset
    assert inspection_guess.guess_by_range(fake_range).preset == preset


def test_uint8_means_pixels_as_they_are() -> None:
    found = inspection_guess.guess("uint8", Trace(), [])
    assert (found.preset, found.strong) == ("raw", True)


@pytest.mark.parametrize(
    ("names", "preset"),
    [
        (["mobilenetv2_1.00_224/Conv1/kernel"], "tf"),
        (["MobileNetV3Small/rescaling"], "raw"),
        (["resnet50/conv1_conv"], "caffe"),
        (["resnet50v2/conv1_conv"], "tf"),
        (["resnet_v2_50/conv1/weights"], "tf"),
        (["resnet-rs-50/stem"], "raw"),
        (["resnext101/conv1_conv"], "torch"),
        (["efficientnet_lite0/stem_conv"], "tf"),
        (["efficientnet-lite4/stem_conv"], "tf"),
        (["efficientnetb0/stem_conv"], "raw"),
        (["efficientnetv2-b0/stem_conv"], "raw"),
        (["convnext_tiny/stem"], "raw"),
        (["inception_resnet_v2/conv2d"], "tf"),
        (["inception_v3/conv2d"], "tf"),
        (["xception/block1_conv1"], "tf"),
        (["NASNet/stem_conv1"], "tf"),
        (["mnasnet_1.0/stem"], None),
        (["vgg16/block1_conv1"], "caffe"),
        (["densenet121/conv1"], "torch"),
        (["dense_Dense1"], "tf"),
        (["sequential/conv2d"], None),
    ],
)
def test_a_name_is_weak_evidence(names: list[str], preset: str | None) -> None:
    found = inspection_guess.guess("float32", Trace(), names)
    assert (found.preset, found.strong) == (preset, False)


def test_arithmetic_in_the_model_outweighs_its_name() -> None:
    trace = Trace(affine=Affine().then("RealDiv", (255.0,), swapped=False))
    found = inspection_guess.guess("float32", trace, ["mobilenet"])
    assert (found.preset, found.strong) == ("raw", True)


@pytest.mark.parametrize(
    ("affine", "text"),
    [
        (Affine((1 / 127.5,), (-1.0,)), "(x - 127.5) / 127.5"),
        (Affine((1 / 255,), (0.0,)), "x / 255"),
        (Affine((2.0,), (-1.0,)), "(x - 0.5) * 2"),
        (Affine((1.0,), (3.0,)), "x + 3"),
        (Affine((1.0, 1.0, 1.0), (-1.0, -2.0, -3.0)), "x - [1, 2, 3]"),
    ],
)
def test_arithmetic_is_written_as_people_do(affine: Affine, text: str) -> None:
    assert inspection_guess.arithmetic(affine) == text


def test_a_guess_always_says_that_it_is_one() -> None:
    document = inspection_guess.guess("uint8", Trace(), []).to_json()
    assert "doctor" in document["advice"]
    assert document["options"] == "--preprocessing raw"
