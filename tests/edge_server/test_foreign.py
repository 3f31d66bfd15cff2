"""Files that this product did not make: served as they are meant, or refused in words."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import bundle, foreign
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import Preprocessing
from edge_server.inference.runtime import TensorInfo

PHOTOS = [("parrot.jpg", "macaw"), ("n07753592_banana.jpg", "banana")]


def names_the_photos(classifier, shared, photos=PHOTOS):
    for file, label in photos:
        best = classifier.classify((shared / "photos" / "full_size" / file).read_bytes()).top[0]
        assert best.label == label
        assert best.confidence > 0.5


@pytest.fixture
def bare(shared, tmp_path):
    """A uint8 model without its metadata and without what is attached."""
    source = shared / "tflite" / "mobilenet_v2_1.0_224_quant_no_metadata.tflite"
    with zipfile.ZipFile(source) as archive:
        end = min(info.header_offset for info in archive.infolist())
    path = tmp_path / "bare.tflite"
    path.write_bytes(source.read_bytes()[:end].replace(b"TFLITE_METADATA", b"SOMETHING_ELSE_"))
    assert bundle.read(path).standard is None
    return path


@pytest.mark.parametrize("kind", ["float", "quant"])
def test_a_file_with_standard_metadata_needs_nothing_else(kind, shared):
    path = shared / "tflite" / f"mobilenet_v1_0.25_224_{kind}_metadata.tflite"
    classifier = Classifier(bundle.read(path))
    assert classifier.bundle.output is Output.PROBABILITIES
    names_the_photos(classifier, shared, PHOTOS[:1])


def test_a_file_without_metadata_is_served_with_labels_and_preprocessing(bare, shared):
    found = bundle.read(bare, labels=shared / "imagenet_labels.txt", preset="tf")
    names_the_photos(Classifier(found), shared)


def test_a_file_without_metadata_asks_for_preprocessing(bare):
    with pytest.raises(SettingError, match="give --preprocessing"):
        Classifier(bundle.read(bare))


def test_labels_without_the_background_are_refused_with_what_to_do(bare, shared, tmp_path):
    lines = (shared / "imagenet_labels.txt").read_text().splitlines()
    file = tmp_path / "labels.txt"
    file.write_text("\n".join(lines[1:]))
    with pytest.raises(
        SettingError, match=r"1000 labels .* 1001 classes: .*background, put it before"
    ):
        Classifier(bundle.read(bare, labels=file, preset="tf"))


def test_a_file_that_fails_is_refused_with_its_reason(shared):
    with pytest.raises(ModelFileError, match="fake-op-double"):
        Classifier(bundle.read(shared / "tflite" / "fails_at_invoke.tflite", preset="raw"))


def test_empty_axes_around_the_scores_do_no_harm(colour_file, paint):
    classifier = Classifier(bundle.read(colour_file(keep=True), preset="unit"))
    assert classifier.output_tensor == "scores"
    top = classifier.classify_pixels(paint(0, 255, 51)).top
    assert [p.label for p in top] == ["1", "2", "0"]


def test_several_outputs_are_refused_by_name(colour_file):
    with pytest.raises(ModelFileError, match=r"2 outputs .*scores \[1, 3\].*as the only output"):
        Classifier(bundle.read(colour_file(outputs=2), preset="unit"))


def test_a_map_of_scores_is_refused_with_its_shape(colour_file):
    with pytest.raises(ModelFileError, match=r"puts out \[1, 8, 3\].*one score for each class"):
        Classifier(bundle.read(colour_file(axes=(1,)), preset="unit"))


def test_channels_first_are_refused_with_what_to_do(colour_file):
    with pytest.raises(ModelFileError, match=r"\[1, 3, 8, 8\].*channels last: convert it"):
        Classifier(bundle.read(colour_file(shape=(1, 3, 8, 8)), preset="unit"))


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 37), ("int8", -91), ("int8", 5)])
def test_an_odd_zero_point_is_taken_off_the_output(dtype, zero_point, colour_file, paint):
    path = colour_file(dtype=dtype, scale=1 / 128, zero_point=zero_point)
    scores = Classifier(bundle.read(path, preset="unit")).scores(paint(128, 64, 0))
    np.testing.assert_allclose(scores, [128 / 255, 64 / 255, 0], atol=1 / 128)


@pytest.mark.parametrize(("preset", "output"), [("unit", Output.SIGMOID), ("raw", Output.LOGITS)])
def test_logits_of_a_file_that_does_not_say_so_become_scores(preset, output, colour_file, paint):
    classifier = Classifier(bundle.read(colour_file(), preset=preset))
    assert classifier.bundle.output is output
    scores = classifier.scores(paint(3, 2, 1))
    assert scores.sum() == pytest.approx(1 if output is Output.LOGITS else 6 / 255)
    assert scores.argmax() == 0


def tensor(shape=(1, 4), dtype="float32", scale=0.0, zero_point=0, free=()):
    return TensorInfo(0, "t", shape, np.dtype(dtype), scale, zero_point, free)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (tensor((1,), "int64"), "named the class itself"),
        (tensor((1, 4), "int32"), "named the class itself"),
        (tensor((1, 4), "int8"), "does not say what they stand for"),
        (tensor((1, 0)), "one score for each class"),
        (tensor((4, 4)), "one score for each class"),
    ],
)
def test_an_output_that_holds_no_scores_is_refused(output, words):
    with pytest.raises(ModelFileError, match=words):
        foreign.count_numbers("m", output)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([[250, 4, 1], [0, 128, 127]], Output.LEVELS),
        ([[0, 1, 0], [1, 0, 0]], Output.PROBABILITIES),
        ([[250, 130, 1], [0, 128, 1]], None),
    ],
)
def test_bytes_that_do_not_say_what_they_stand_for_are_taken_where_they_sum_up(rows, kind):
    values = np.array(rows, np.float32)
    if kind is None:
        with pytest.raises(ModelFileError, match="does not say what they stand for"):
            foreign.output_of("m", values, (), tensor((1, 3), "uint8"))
    else:
        assert foreign.output_of("m", values, (), tensor((1, 3), "uint8")) is kind


def test_the_range_of_an_output_tells_percentages_from_a_probability():
    percent = tensor((1, 1), "int8", 100 / 255, -128)
    few = np.array([[0.0], [0.4]], np.float32)
    assert foreign.output_of("m", few, ("scale", "sigmoid"), percent) is Output.PERCENTAGES
    assert foreign.output_of("m", few, ("sigmoid", "linear"), percent) is Output.SIGMOID


def test_a_single_number_is_about_two_classes_that_have_names(colour_file, tmp_path, paint):
    path = colour_file(shape=(1, 8, 8, 1))  # puts out how bright the picture is, [1, 1]
    with pytest.raises(SettingError, match=r"puts out a single number.*two lines"):
        Classifier(bundle.read(path, preset="unit"))
    labels = tmp_path / "labels.txt"
    labels.write_text("dark\n")
    with pytest.raises(SettingError, match="there are 1 labels"):
        Classifier(bundle.read(path, preset="unit", labels=labels))
    labels.write_text("dark\nbright\n")
    classifier = Classifier(bundle.read(path, preset="unit", labels=labels))
    np.testing.assert_allclose(classifier.scores(paint(204, 204, 204)), [0.2, 0.8], atol=1e-6)
    best, other = classifier.classify_pixels(paint(51, 51, 51)).top
    assert (best.label, other.label) == ("dark", "bright")
    assert other.confidence == pytest.approx(0.2, abs=1e-6)
    # What the model itself puts out is asked for as it is.
    assert classifier.infer(np.full((2, 8, 8, 1), 0.25, np.float32)).tolist() == [[0.25], [0.25]]


def test_the_softmax_of_a_single_number_is_refused():
    with pytest.raises(ModelFileError, match="which is always 1"):
        foreign.output_of("m", np.ones((4, 1), np.float32), ("softmax",), tensor((1, 1)))


def test_pictures_of_any_size_are_refused_with_what_to_do():
    with pytest.raises(ModelFileError, match=r"any size, \[-1, -1, -1, 3\]: convert it"):
        foreign.image_shape("m", tensor((1, 1, 1, 3), free=(-1, -1, -1, 3)))
    assert foreign.image_shape("m", tensor((1, 8, 9, 3), free=(-1, 8, 9, 3))) == (8, 9, 3)


def of_pixels(mean, std):
    return Preprocessing(8, 8, mean=mean, std=std)


MINUS_ONE_TO_ONE = tensor(dtype="uint8", scale=1 / 128, zero_point=128)
IMAGENET = of_pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@pytest.mark.parametrize(
    ("spec", "quantized"),
    [
        (of_pixels((127.5,), (127.5,)), MINUS_ONE_TO_ONE),
        (of_pixels((127.5,), (127.5,)), tensor(dtype="int8", scale=1 / 127.5, zero_point=-1)),
        (of_pixels((0.0,), (255.0,)), tensor(dtype="int8", scale=1 / 255, zero_point=-128)),
        (IMAGENET, tensor(dtype="int8", scale=0.0187, zero_point=-14)),
        (of_pixels((0.0,), (255.0,)), tensor()),
    ],
)
def test_metadata_that_the_quantization_bears_out_is_kept(spec, quantized):
    assert foreign.agreed("m", spec, quantized) == spec


@pytest.mark.parametrize("spec", [of_pixels((0.0,), (255.0,)), IMAGENET])
def test_metadata_that_contradicts_the_quantization_is_refused_with_both_ranges(spec):
    with pytest.raises(SettingError, match=r"contradicts itself: .* stand for -1 to 0\.99.*Give"):
        foreign.agreed("m", spec, MINUS_ONE_TO_ONE)


def test_metadata_of_bytes_as_they_are_means_those_of_the_input():
    spec = foreign.agreed("m", of_pixels((0.0,), (1.0,)), MINUS_ONE_TO_ONE)
    assert (spec.mean, spec.std) == ((128.0,), (128.0,))
    signed = tensor(dtype="int8", scale=1 / 128, zero_point=0)
    assert foreign.agreed("m", of_pixels((0.0,), (1.0,)), signed).mean == (128.0,)
