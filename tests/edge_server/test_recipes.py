"""Every recipe's file, as TensorFlow's converter writes it, serves on this device's runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_server.inference import bundle, probe
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import from_preset
from edge_server.inference.runtime import Model

RECIPES = ("float32", "float16", "dynamic", "int8", "int16x8")
COLOURS = {"red": (250, 60, 20), "green": (90, 200, 30), "blue": (10, 20, 160)}


@pytest.fixture
def recipe_file(altered, root):
    """The file of a recipe with its labels and a manifest; see recipes/make.py."""

    def write(recipe, **manifest):
        spec = from_preset("unit", width=16, height=16)
        document = Manifest("colours", spec, Output.PROBABILITIES, recipe, **manifest)
        files = {"edge.json": document.to_bytes(), "labels.txt": b"red\ngreen\nblue\n"}
        graph = (root / "tests/edge_server/recipes" / f"{recipe}.tflite").read_bytes()
        return altered(files, lambda _: graph)

    return write


@pytest.fixture
def load(recipe_file):
    def make(recipe, resizable_batch=False, **options):
        file = recipe_file(recipe, resizable_batch=resizable_batch)
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
