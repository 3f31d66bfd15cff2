"""Conventions and the options that say them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from convert.preprocessing import conventions
from convert.preprocessing.conventions import Convention
from edge_server.inference import preprocessing
from edge_server.inference.normalization import PRESETS
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit


@pytest.mark.parametrize(
    ("convention", "options"),
    [
        (Convention("tf", ColorOrder.RGB), "--preprocessing tf"),
        (Convention("caffe", ColorOrder.BGR), "--preprocessing caffe"),
        (Convention("unit", ColorOrder.GRAYSCALE), "--preprocessing unit"),
        (Convention("caffe", ColorOrder.RGB), "--preprocessing caffe --color-order rgb"),
        (
            Convention("torch", ColorOrder.BGR, Fit.LETTERBOX, Filter.BILINEAR),
            "--preprocessing torch --color-order bgr --fit letterbox --filter bilinear",
        ),
    ],
)
def test_options_say_what_is_not_the_default(convention: Convention, options: str) -> None:
    assert convention.options() == options


def test_a_colour_keeps_its_mean_in_whatever_place_it_stands() -> None:
    picture = np.array([[[10, 20, 30]]], np.uint8)
    own = Convention("torch", ColorOrder.RGB).specification(1, 1)
    swapped = Convention("torch", ColorOrder.BGR).specification(1, 1)
    first = preprocessing.normalize(preprocessing.resize(picture, own), own)
    second = preprocessing.normalize(preprocessing.resize(picture, swapped), swapped)
    np.testing.assert_array_equal(first, second[..., ::-1])


def test_a_colour_model_leaves_every_preset_in_both_orders_open() -> None:
    found = conventions.normalizations(3)
    assert {(c.preset, c.color_order.value) for c in found} == set(
        itertools.product(PRESETS, ("rgb", "bgr"))
    )
    assert len(found) == 10


def test_a_gray_model_leaves_no_order_and_no_means_by_colour() -> None:
    found = conventions.normalizations(1)
    assert {c.preset for c in found} == {"tf", "unit", "raw"}
    assert {c.color_order for c in found} == {ColorOrder.GRAYSCALE}


def test_a_model_of_whole_numbers_takes_pixels_as_they_are() -> None:
    assert [c.options() for c in conventions.normalizations(3, "uint8")] == [
        "--preprocessing raw",
        "--preprocessing raw --color-order bgr",
    ]


def test_refinements_are_every_other_fit_and_filter() -> None:
    plain = Convention("tf", ColorOrder.RGB)
    found = {plain, *plain.refinements()}
    assert len(found) == 6
    assert {(c.fit, c.filter) for c in found} == set(
        itertools.product(Fit, (Filter.BILINEAR, Filter.BILINEAR_ANTIALIAS))
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_specification_is_recognised_again(channels: int) -> None:
    for plain in conventions.normalizations(channels):
        wanted = replace(plain, fit=Fit.STRETCH, filter=Filter.NEAREST)
        assert conventions.describing(wanted.specification(5, 7)) == wanted


def test_a_specification_of_no_usual_kind_is_said_by_its_numbers() -> None:
    spec = preprocessing.Preprocessing(5, 7, mean=(1.5,), std=(2.0, 3.0, 4.25))
    found = conventions.describing(spec)
    assert found.options() == "--mean 1.5 --std 2,3,4.25"
    assert found.specification(5, 7) == spec
    swapped = replace(spec, color_order=ColorOrder.BGR)
    found = conventions.describing(swapped)
    assert found.options() == "--mean 1.5 --std 2,3,4.25 --color-order bgr"
    assert found.specification(5, 7) == swapped
