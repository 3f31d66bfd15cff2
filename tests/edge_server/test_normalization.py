"""What the options say of a normalization: a preset, numbers of one's own, and no guesses."""

from __future__ import annotations

import numpy as np
import pytest

from edge_server.errors import SettingError
from edge_server.inference import bundle, normalization
from edge_server.inference.classifier import Classifier
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import ColorOrder, from_preset, normalize


def test_one_number_or_three_are_read():
    own = normalization.chosen(None, "125.3, 123, 113.9", "63")
    assert own == Normalization((125.3, 123.0, 113.9), (63.0,))
    assert own.options() == "--mean 125.3,123,113.9 --std 63"


def test_a_preset_or_nothing_stays_what_it_is():
    assert normalization.chosen("tf", None, None) == "tf"
    assert normalization.chosen(None, None, None) is None


@pytest.mark.parametrize(
    ("preset", "mean", "std", "sentence"),
    [
        ("tf", "127.5", "127.5", "has a mean and deviation of its own"),
        (None, "127.5", None, "give both"),
        (None, None, "127.5", "give both"),
        (None, "1,2", "3", "neither one number nor three"),
        (None, "a", "3", "'a' is neither one number nor three"),
        (None, "nan", "3", "neither one number"),
        (None, "1e999", "3", "neither one number"),
        (None, "", "3", "neither one number"),
        (None, "120", "0", "above 0"),
        (None, "120", "58,-57,57", "above 0"),
    ],
)
def test_half_or_wrong_numbers_are_refused(preset, mean, std, sentence):
    with pytest.raises(SettingError, match=sentence):
        normalization.chosen(preset, mean, std)


@pytest.mark.parametrize(
    ("mean", "std", "write"),
    [
        (
            "0.485,0.456,0.406",
            "0.229,0.224,0.225",
            "--mean 123.675,116.28,103.53 --std 58.395,57.12,57.375",
        ),
        ("0.5", "0.5", "--mean 127.5 --std 127.5"),
        ("0.5", "1", "--mean 127.5 --std 255"),
        ("0", "1", "--mean 0 --std 255, or --preprocessing raw"),
    ],
)
def test_numbers_for_pixels_of_0_to_1_are_answered_with_those_to_write(mean, std, write):
    with pytest.raises(SettingError) as refused:
        normalization.chosen(None, mean, std)
    assert f"write {write}" in str(refused.value)
    options = write.split(",")[0] if "or" in write else write
    _, mean, _, std = options.split()
    assert isinstance(normalization.chosen(None, mean, std), Normalization)


@pytest.mark.parametrize("order", [None, ColorOrder.RGB, ColorOrder.BGR])
def test_own_numbers_are_in_the_order_of_the_models_channels(order):
    own = Normalization((10.0, 20.0, 30.0), (2.0, 4.0, 8.0))
    spec = from_preset(own, width=1, height=1, color_order=order)
    assert (spec.mean, spec.std) == (own.mean, own.std)
    assert spec.color_order is (order or ColorOrder.RGB)
    pixel = np.array([[[50, 60, 70]]], np.uint8)
    assert normalize(pixel, spec).ravel().tolist() == [20.0, 10.0, 5.0]


def test_a_gray_model_takes_one_number_each():
    gray = from_preset(Normalization((33.3,), (78.6,)), width=2, height=2, channels=1)
    assert gray.color_order is ColorOrder.GRAYSCALE
    with pytest.raises(SettingError, match="one number each"):
        from_preset(Normalization((1.0, 2.0, 3.0), (4.0,)), width=2, height=2, channels=1)


def test_a_file_of_others_is_fed_by_its_numbers(colour_file, paint):
    # It puts out the mean of each channel as it sees it.
    own = normalization.chosen(None, "100,50,0", "400,500,800")
    scores = Classifier(bundle.read(colour_file(), preset=own)).scores(paint(180, 100, 80))
    np.testing.assert_allclose(scores, [0.2, 0.1, 0.1], atol=1e-6)
