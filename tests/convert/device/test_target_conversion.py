"""Files are run on the target's runtime, made so that it can run them, or refused with reasons."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import calibration, photos, quantize, recipes
from convert.calibration import Calibration
from convert.console import Console
from convert.device import candidate, target_conversion, target_environment, targets
from convert.device.candidate import Shown
from convert.device.target_conversion import Converted
from convert.device.targets import Target
from convert.errors import BuildError, RecipeFailed
from convert.file import bundle_writer, tflite_schema
from convert.recipes import RECIPES
from convert.sources import source
from convert.sources.source import Source
from convert.workshop import Workshop
from edge_server.inference import preprocessing
from edge_server.inference.manifest import Manifest, Output

LITERT, TFLITE = targets.get("litert"), targets.get("tflite-2.14")
Convert = Callable[..., Converted]


@pytest.fixture(scope="module")
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A convolution and a dense layer of 2048 weights: large enough for `dynamic`."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.3, (3, 3, 3, 64)).astype(np.float32)
    weights = rng.normal(0, 0.5, (64, 32)).astype(np.float32)

    def classify(image: Any) -> Any:
        features = tf.reduce_mean(tf.nn.relu6(tf.nn.conv2d(image, kernel, 2, "SAME")), [1, 2])
        return {"scores": tf.nn.softmax(tf.linalg.matmul(features, weights))}

    folder = tmp_path_factory.mktemp("wide") / "model"
    save = request.getfixturevalue("save_functions")
    save(folder, serving_default=(classify, {"image": [None, 24, 24, 3]}))
    return source.load(folder, None)


@pytest.fixture(scope="module")
def calibrated(request: pytest.FixtureRequest) -> Calibration:
    spec = preprocessing.from_preset("tf", width=24, height=24)
    pictures = photos.read_unlabelled(request.getfixturevalue("photos").calibration)
    return calibration.load(pictures, spec, 8, Console())


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    with Workshop(tmp_path / "out") as opened:
        yield opened


@pytest.fixture(scope="module")
def shown(calibrated: Calibration) -> Shown:
    return Shown(tuple(photo.path for photo in calibrated.photos[:4]), calibrated.spec)


@pytest.fixture
def convert(calibrated: Calibration, workshop: Workshop, shown: Shown, console: Console) -> Convert:
    def run(model: Source, recipe: str, target: Target, **options: Any) -> Converted:
        options = {"shown": shown} | options
        return target_conversion.convert(
            model, recipes.get(recipe), calibrated, target, console, workshop, **options
        )

    return run


def versions(model: bytes) -> dict[str, int]:
    return {o.name: o.version for o in tflite_schema.describe(model).operators}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_gives_a_file_that_tflite_runtime_runs(
    wide: Source, convert: Convert, recipe: str
) -> None:
    done = convert(wide, recipe, TFLITE)
    assert (done.probe.runtime, done.probe.runtime_version) == ("tflite-runtime", "2.14.0")
    assert done.probe.input.dtype == RECIPES[recipe].input_dtype
    assert done.probe.output.shape == (1, 32)
    assert (done.probe.resizable_batch, done.probe.batch_reason) == (True, None)
    assert bool(done.adaptations) == (recipe == "dynamic")


def test_dense_layers_are_kept_simple_only_for_a_runtime_that_needs_it(
    wide: Source, convert: Convert
) -> None:
    adapted, plain = convert(wide, "dynamic", TFLITE), convert(wide, "dynamic", LITERT)
    assert versions(adapted.model)["FULLY_CONNECTED"] == 9
    assert "because tflite-runtime 2.14.0 has no operator" in adapted.adaptations[0]
    assert versions(plain.model)["FULLY_CONNECTED"] == 12
    assert plain.adaptations == ()
    assert plain.probe.runtime == "ai-edge-litert"


def test_a_refusal_names_operator_version_and_the_runtime_that_has_it(
    wide: Source, workshop: Workshop, shown: Shown, console: Console
) -> None:
    """What the adaptation is for: the same file as it was, on the older runtime."""
    model = quantize.convert(wide, recipes.get("dynamic"), None, console)
    python = target_environment.python_for(TFLITE, console)
    with pytest.raises(BuildError, match=r"can't run on tflite-2\.14 \(tflite-runtime\)") as error:
        target_conversion.try_on(model, TFLITE, python, console, workshop, shown)
    assert "FULLY_CONNECTED version 12 needs runtime 2.17.0 or newer" in str(error.value)


def test_an_operator_of_tensorflow_is_named_where_no_runtime_has_it(
    save_functions: Callable[..., Path], tmp_path: Path, convert: Convert
) -> None:
    """Allowed by name, so the converter leaves it; the device's runtime has the last word."""
    import tensorflow as tf

    def classify(image: Any) -> Any:
        return {"scores": tf.nn.softmax(tf.math.erf(tf.reduce_mean(image, [1, 2])))}

    save_functions(tmp_path / "m", serving_default=(classify, {"image": [None, 24, 24, 3]}))
    model = source.load(tmp_path / "m", None)
    for target in (LITERT, TFLITE):
        with pytest.raises(BuildError, match="FlexErf is TensorFlow's own operator Erf") as error:
            convert(model, "float32", target, allow_select_tf=frozenset({"Erf"}))
        assert f"can't run on {target.name}" in str(error.value)


def test_answers_to_photos_that_are_no_numbers_are_refused(models: Path, convert: Convert) -> None:
    with pytest.raises(RecipeFailed, match=r"answers photos with infinite numbers or none"):
        convert(source.load(models / "infinite", None), "float32", LITERT)


@pytest.fixture(scope="module")
def of_pixels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Source]:
    """Models of pixels 0..255 that compute what has no value for others, or for black."""
    import tensorflow as tf

    save = request.getfixturevalue("save_functions")
    logits = request.getfixturevalue("colour_logits")
    folder = tmp_path_factory.mktemp("of_pixels")
    inner = {
        "root": lambda image: tf.sqrt(image) / 8 - 1,
        "logarithm": lambda image: tf.math.log(image + 1e-30) / 70,
        "gamma": lambda image: tf.pow(image / 255.0, 0.45) * 2 - 1,
        "ratio": lambda image: 0.3 * image / tf.reduce_mean(image, [1, 2, 3], keepdims=True) - 0.5,
    }

    def load(name: str) -> Source:
        def classify(image: Any) -> Any:
            return {"scores": tf.nn.softmax(logits(inner[name](image)))}

        save(folder / name, serving_default=(classify, {"image": [None, 24, 24, 3]}))
        return source.load(folder / name, None)

    return load


@pytest.fixture(scope="module")
def raw(shown: Shown) -> Shown:
    return Shown(shown.photos, preprocessing.from_preset("raw", width=24, height=24))


@pytest.mark.parametrize("name", ["root", "logarithm", "gamma", "ratio"])
def test_a_model_of_pixels_is_tried_on_photos_and_not_on_numbers_that_it_never_gets(
    of_pixels: Callable[[str], Source], convert: Convert, raw: Shown, name: str
) -> None:
    done = convert(of_pixels(name), "float32", LITERT, shown=raw)
    assert done.probe.finite
    assert done.probe.resizable_batch
    assert done.probe.black_reason is None


def test_one_photo_is_enough_to_try_a_batch(wide: Source, convert: Convert, shown: Shown) -> None:
    one = Shown(shown.photos[:1], shown.spec)
    assert convert(wide, "float32", LITERT, shown=one).probe.resizable_batch


def test_an_operator_that_fails_when_it_is_run_is_named_with_what_it_computes(
    of_pixels: Callable[[str], Source],
    calibrated: Calibration,
    workshop: Workshop,
    raw: Shown,
    tmp_path: Path,
    console: Console,
) -> None:
    """Integers are not divided by 0: of a model that divides by the mean, black is such a case."""
    from PIL import Image

    Image.new("RGB", (24, 24)).save(tmp_path / "black.png")
    black = Shown((tmp_path / "black.png",), raw.spec)
    of_raw = dataclasses.replace(calibrated, spec=raw.spec)
    model = quantize.convert(of_pixels("ratio"), RECIPES["int8"], of_raw, console)
    python = target_environment.python_for(LITERT, console)
    with pytest.raises(
        RecipeFailed, match=r"operator \d+, DIV\)\. The operator computes '.*truediv"
    ) as error:
        target_conversion.try_on(model, LITERT, python, console, workshop, black)
    assert "The number that it divides by is 0 for some picture" in str(error.value)
    probe = target_conversion.try_on(model, LITERT, python, console, workshop, raw)
    assert "DIV" in str(probe.black_reason), "it is told, and no reason to refuse the model"


def test_a_file_that_loads_and_answers_nonsense_is_seen_by_running_it_there(
    wide: Source, convert: Convert, tmp_path: Path, photos: Any, console: Console
) -> None:
    """A dynamic model that hides what it needs: the older runtime loads it and computes zeros."""
    model = tflite_schema.unpack(convert(wide, "dynamic", LITERT).model)
    for code in model.operatorCodes:
        code.version = min(code.version, 9)
    spec = preprocessing.from_preset("tf", width=24, height=24)
    draft = Manifest("hiding", spec, Output.PROBABILITIES, "dynamic")
    labels = [str(number) for number in range(32)]
    file = tmp_path / "hiding.tflite"
    file.write_bytes(bundle_writer.write(tflite_schema.pack(model), draft, labels, {}))
    pictures = sorted(photos.flat.iterdir())[:4]

    def scores(target: Target) -> Any:
        python = target_environment.python_for(target, console)
        return candidate.run(
            file, pictures, threads=1, console=console, title="x", python=python
        ).scores

    assert np.ptp(scores(LITERT), axis=0).max() > 0.05
    assert np.ptp(scores(TFLITE), axis=0).max() == 0, "nothing of the picture is left"
