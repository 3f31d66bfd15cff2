from __future__ import annotations

import pytest

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import bundle
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import ColorOrder, from_preset


@pytest.fixture
def manifest():
    return Manifest("paint", from_preset("unit", width=8, height=8), Output.LOGITS, "float32")


def test_our_own_file_says_everything(bundled_model):
    made = bundle.read(bundled_model)
    assert made.name == "digits"
    assert made.labels == tuple("0123456789")
    assert made.output is Output.PROBABILITIES
    assert made.manifest.recipe == "int8"
    assert made.preprocessing(32, 32, 1) == made.manifest.preprocessing


def test_name_labels_and_output_come_from_the_manifest(colour_file, manifest):
    path = colour_file({"edge.json": manifest.to_bytes(), "labels.txt": b"red\ngreen\nblue\n"})
    made = bundle.read(path)
    assert (made.name, made.output) == ("paint", Output.LOGITS)
    assert made.labels == ("red", "green", "blue")


def test_a_file_that_says_nothing_is_called_by_its_name(colour_file):
    made = bundle.read(colour_file())
    assert made.name == "colour"
    assert made.labels == ()
    assert made.manifest is None
    assert made.output is Output.PROBABILITIES


def test_missing_normalization_is_asked_for(colour_file):
    with pytest.raises(SettingError, match=r"colour does not say .*--preprocessing \(tf, unit"):
        bundle.read(colour_file()).preprocessing(8, 8, 3)


def test_the_option_goes_before_the_manifest(bundled_model):
    spec = bundle.read(bundled_model, preset="tf").preprocessing(32, 32, 1)
    assert (spec.mean, spec.color_order) == ((127.5,), ColorOrder.GRAYSCALE)


def test_given_labels_go_before_those_in_the_file(bundled_model, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("null\neins\n")
    assert bundle.read(bundled_model, labels=labels).labels == ("null", "eins")


def test_a_manifest_that_contradicts_the_graph_is_refused(bundled_model):
    with pytest.raises(ModelFileError, match=r"edge\.json says 32x32x1, the graph 28x32x1"):
        bundle.read(bundled_model).preprocessing(28, 32, 1)


def test_a_file_without_the_labels_that_it_names_was_cut_off(altered):
    with pytest.raises(ModelFileError, match=r"lacks the file labels\.txt .* copy it again"):
        bundle.read(altered({"labels.txt": None}))


def test_standard_metadata_is_enough(shared):
    made = bundle.read(shared / "tflite" / "mobilenet_v1_0.25_224_float_metadata.tflite")
    assert made.manifest is None
    assert len(made.labels) == 1001
    assert made.labels[:2] == ("background", "tench")
    spec = made.preprocessing(224, 224, 3)
    assert (spec.mean, spec.std, spec.color_order) == ((127.5,), (127.5,), ColorOrder.RGB)


def test_labels_inside_a_file_of_ours_are_taken_as_they_are(colour_file, manifest):
    labels = b"0 red\n1 green\n2 blue\n"
    path = colour_file({"edge.json": manifest.to_bytes(), "labels.txt": labels})
    assert bundle.read(path).labels == ("0 red", "1 green", "2 blue")


def test_labels_inside_a_file_from_elsewhere_lose_their_numbers(colour_file):
    path = colour_file({"labels.txt": b"0 red\n1 green\n2 blue\n"})
    assert bundle.read(path).labels == ("red", "green", "blue")


def test_a_label_file_inside_a_file_from_elsewhere_may_have_any_format(colour_file):
    path = colour_file({"labels.txt": b'{"1": "green", "0": "red", "2": "blue"}'})
    assert bundle.read(path).labels == ("red", "green", "blue")


def test_an_unclear_label_file_inside_a_file_from_elsewhere_can_be_replaced(colour_file, tmp_path):
    path = colour_file({"labels.txt": b"0 red\n1 green\n3 blue\n"})
    with pytest.raises(
        SettingError, match=r"labels\.txt in .*no class 2.* mended copy as --labels"
    ):
        bundle.read(path)
    mended = tmp_path / "mended.json"
    mended.write_text('["red", "green", "blue"]')
    assert bundle.read(path, labels=mended).labels == ("red", "green", "blue")


def test_an_order_of_colours_goes_with_the_preset(colour_file):
    made = bundle.read(colour_file(), preset="tf", color_order="bgr")
    assert made.preprocessing(8, 8, 3).color_order is ColorOrder.BGR


def test_an_order_of_colours_alone_is_refused(bundled_model):
    with pytest.raises(SettingError, match=r"--color-order says how to read --preprocessing"):
        bundle.read(bundled_model, color_order="bgr")
