"""Every recipe's file, as TensorFlow's converter writes it, serves on this device's runtime."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from edge_server.errors import ModelFileError, ModelRefused
from edge_server.inference import bundle, golden, probe
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Golden, Manifest, Output, Score
from edge_server.inference.preprocessing import from_preset
from edge_server.inference.runtime import Interpreter, Model

# What they keep from one run to the next must not reach the next picture.
KEEPING = ("variable_tensors", "assigned_variables")
RECIPES = ("float32", "float16", "dynamic", "int8", "int16x8")
COLOURS = {"red": (250, 60, 20), "green": (90, 200, 30), "blue": (10, 20, 160)}


@pytest.fixture
def recipe_file(altered, root):
    """The file of a recipe with its labels and a manifest; see recipes/make.py."""

    def write(recipe, pictures=None, **manifest):
        spec = from_preset("unit", width=16, height=16)
        document = Manifest("colours", spec, Output.PROBABILITIES, recipe, **manifest)
        labels = b"red\ngreen\nblue\n"
        files = {"edge.json": document.to_bytes(), "labels.txt": labels, **(pictures or {})}
        graph = (root / "tests/edge_server/recipes" / f"{recipe}.tflite").read_bytes()
        return altered(files, lambda _: graph)

    return write


@pytest.fixture
def load(recipe_file):
    def make(recipe, resizable_batch=False, pictures=None, golden=(), **options):
        file = recipe_file(recipe, pictures, resizable_batch=resizable_batch, golden=golden)
        return Classifier(bundle.read(file), **options)

    return make


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_file_of_every_recipe_names_the_main_colour(recipe, load, paint):
    classifier = load(recipe)
    for label, colour in COLOURS.items():
        best = classifier.classify_pixels(paint(*colour)).top[0]
        assert best.label == label
        assert best.confidence > 0.9


@pytest.mark.parametrize("recipe", RECIPES[1:])
def test_no_recipe_strays_from_the_float_model(recipe, load, paint):
    exact, other = load("float32"), load(recipe)
    for colour in [*COLOURS.values(), (120, 100, 110), (0, 0, 0)]:
        difference = np.abs(exact.scores(paint(*colour)) - other.scores(paint(*colour)))
        assert difference.max() < 0.03


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_file_of_every_recipe_is_served_over_http(
    recipe, application, recipe_file, paint, encode
):
    served = application(model=recipe_file(recipe))
    answer = served.client.post("/predict", data=encode(paint(*COLOURS["green"])))
    assert answer.get_json()["prediction"] == "green"
    assert answer.get_json()["model"]["recipe"] == recipe


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_picture_of_a_batch_is_answered_as_alone(recipe, load, paint, encode):
    classifier = load(recipe)
    source = np.random.default_rng(3)
    images = [encode(source.integers(0, 256, (20, 20, 3), np.uint8)) for _ in range(11)]
    alone = [classifier.classify(image) for image in images]
    classifier.batch = 4
    together = classifier.classify_batch(images)
    for one, other in zip(alone, together, strict=True):
        assert [p.index for p in one.top] == [p.index for p in other.top]
        np.testing.assert_allclose(
            [p.confidence for p in one.top], [p.confidence for p in other.top], atol=1e-5
        )


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_file_of_every_recipe_can_be_resized_to_a_batch(recipe, load):
    data = load(recipe).bundle.file.data
    found = probe.probe(data, name="colours", threads=1, batch=4)
    assert found.finite
    assert found.batch_refusal is None


def test_a_model_that_refuses_a_batch_answers_as_before(load):
    # Run after a refusal as it is then, tflite-runtime answers wrongly or dies.
    model = Model(load("fixed_batch").bundle.file.data)
    tensor = probe.pictures(model.input, 4)
    before = [model.run(picture[np.newaxis]) for picture in tensor]
    assert "can't take 4 pictures at once" in probe.batch_refusal(model, tensor, np.zeros((4, 3)))
    for picture, answer in zip(tensor, before, strict=True):
        np.testing.assert_array_equal(model.run(picture[np.newaxis]), answer)


@pytest.fixture
def painted(paint, encode):
    """An encoded picture of each colour, by its name."""
    return {name: encode(paint(*colour)) for name, colour in COLOURS.items()}


@pytest.mark.parametrize("recipe", KEEPING)
@pytest.mark.parametrize("order", [["red", "blue", "red", "red"], ["blue", "blue", "green", "red"]])
def test_an_answer_does_not_hang_on_the_pictures_before(recipe, order, load, painted):
    classifier = load(recipe)
    alone = {name: load(recipe).classify(painted[name]).top for name in COLOURS}
    assert len({tuple(answer) for answer in alone.values()}) == len(COLOURS)
    assert [classifier.classify(painted[name]).top for name in order] == [
        alone[name] for name in order
    ]


@pytest.mark.parametrize("recipe", KEEPING)
def test_a_batch_keeps_nothing_either(recipe, load):
    data = load(recipe).bundle.file.data
    model = Model(data)
    tensor = probe.pictures(model.input, 2)
    alone = np.concatenate([Model(data).run(picture[np.newaxis]) for picture in tensor])
    # Whether such a graph takes a batch is the runtime's matter.
    with contextlib.suppress(ModelFileError):
        model.resize(2)
        for _ in range(2):
            np.testing.assert_allclose(model.run(tensor), alone, atol=1e-6)
        model.resize(1)
    for picture, answer in zip(tensor, alone, strict=True):
        np.testing.assert_array_equal(model.run(picture[np.newaxis])[0], answer)


@pytest.mark.parametrize("recipe", KEEPING)
def test_golden_samples_show_an_answer_that_hangs_on_their_order(
    recipe, load, painted, monkeypatch
):
    answers = {name: load(recipe).classify(painted[name]).top for name in COLOURS}
    samples = tuple(
        Golden(f"{name}.png", (), tuple(Score(p.index, p.confidence) for p in answers[name]))
        for name in ("blue", "red")
    )
    pictures = {f"{name}.png": data for name, data in painted.items()}
    classifier = load(recipe, pictures=pictures, golden=samples)
    assert golden.check(classifier) == 2
    # As on a runtime or an accelerator that keeps what it should forget.
    monkeypatch.setattr(Interpreter, "_forget", lambda self: None)
    with pytest.raises(ModelRefused, match="does not answer on this device as it did"):
        golden.check(classifier)
