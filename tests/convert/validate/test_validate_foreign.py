"""python -m convert validate with files from elsewhere, which do not say all that is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.device import candidate_file
from convert.device.candidate_file import Given
from edge_server.inference import tflite_file


@pytest.fixture(scope="module")
def bare(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """What TFLiteConverter makes of a model, float32 or int8, with nothing in it but the graph."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("bare")

    def pictures() -> Any:
        chance = np.random.default_rng(0)
        for _ in range(8):
            yield [chance.uniform(-1, 1, (1, 24, 24, 3)).astype(np.float32)]
        for colour in ((-1, -1, -1), (1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (1, 1, -1)):
            yield [np.broadcast_to(np.float32(colour), (1, 24, 24, 3)).copy()]

    def convert(name: str, dtype: str) -> Path:
        path = folder / f"{name}-{dtype}.tflite"
        if not path.exists():
            converter = tf.lite.TFLiteConverter.from_saved_model(str(models / name))
            if dtype != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = pictures
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = tf.dtypes.as_dtype(dtype)
                converter.inference_output_type = tf.dtypes.as_dtype(dtype)
            path.write_bytes(converter.convert())
        return path

    return convert


def test_a_file_that_answers_differently_fails_and_the_photos_are_named(
    run: Callable[..., Any], models: Path, tmp_path: Path, photos: Any, bare: Any
) -> None:
    """A file whose first two classes have changed places."""
    import tensorflow as tf

    module = tf.saved_model.load(str(models / "colours"))

    def turned(image: Any) -> Any:
        scores = module.signatures["serving_default"](image=image)["scores"]
        return {"scores": tf.gather(scores, [1, 0, 2, 3], axis=1)}

    spec = tf.TensorSpec([1, 24, 24, 3], tf.float32, name="image")
    function = tf.function(turned, input_signature=[spec]).get_concrete_function()
    path = tmp_path / "turned.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], module).convert())
    options = ("--validation", photos.by_class, "--labels", photos.labels, "--preprocessing", "tf")
    document = run(models / "colours", path, *options, "--json").json()
    assert document["verdict"] == "failed"
    assert document["agreement"]["top1"] == 0.5
    assert len(document["disagreements"]) == 12
    first = document["disagreements"][0]
    assert first["truth"] == first["original"]["label"]
    assert {first["original"]["label"], first["candidate"]["label"]} == {"red", "green"}
    assert (document["original"]["top1"], document["candidate"]["top1"]) == (1.0, 0.5)
    assert Path(first["photo"]).exists()

    said = run(models / "colours", path, *options)
    assert said.status == 3
    assert "Photos that they answer differently (12 of 24, the first 10)" in said.out
    assert Path(first["photo"]).name in said.out
    assert "--min-agreement asks for" in " ".join(said.out.split())
    assert run(models / "colours", path, *options, "--min-agreement", "0.4").status == 3
    free = ("--min-agreement", "0.4", "--max-drop", "100")
    assert run(models / "colours", path, *options, *free).status == 0


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_a_bare_file_is_compared_with_the_preprocessing_that_is_given(
    run: Callable[..., Any], models: Path, photos: Any, bare: Any, dtype: str
) -> None:
    said = run(
        models / "colours", bare("colours", dtype), "--validation", photos.by_class,
        "--labels", photos.labels, "--preprocessing", "tf", "--fit", "stretch", "--json",
    )  # fmt: skip
    document = said.json()
    assert said.status == 0
    assert document["agreement"]["top1"] == 1.0
    assert document["original"]["top1"] == document["candidate"]["top1"] == 1.0
    assert document["preprocessing_from"] == "options"
    assert document["preprocessing"]["fit"] == "stretch"
    assert document["same_source"] is None
    assert document["golden_samples"] == 0


def test_a_file_that_puts_out_logits_is_judged_so(
    run: Callable[..., Any], models: Path, photos: Any, bare: Any
) -> None:
    document = run(
        models / "logits", bare("logits", "float32"), "--validation", photos.flat,
        "--preprocessing", "tf", "--json",
    ).json()  # fmt: skip
    assert document["output"] == "logits"
    assert document["agreement"]["top1"] == 1.0
    assert document["original"]["top1"] is None


def test_an_original_of_any_size_gets_the_file_s(
    run: Callable[..., Any], models: Path, photos: Any, bare: Any
) -> None:
    said = run(
        models / "free", bare("colours", "float32"), "--validation", photos.flat,
        "--preprocessing", "tf",
    )  # fmt: skip
    assert said.status == 0
    assert "24x24" in said.out


def test_the_copy_that_runs_has_the_same_graph(
    models: Path, bare: Any, tmp_path: Path, photos: Any
) -> None:
    path = bare("colours", "uint8")
    given = Given(labels=photos.labels, preprocessing="tf")
    copy = candidate_file.read(path, given).runnable(tmp_path)
    assert copy.read_bytes().startswith(path.read_bytes())
    assert set(tflite_file.read(copy).attached) == {"edge.json", "labels.txt"}


def test_a_file_without_preprocessing_asks_for_it(
    run: Callable[..., Any], models: Path, photos: Any, bare: Any
) -> None:
    said = run(models / "colours", bare("colours", "float32"), "--validation", photos.flat)
    assert said.status == 2
    assert "give --preprocessing" in said.sentence()


def test_a_published_uint8_file_is_compared_with_the_original_that_it_never_saw(
    run: Callable[..., Any], shared: Path
) -> None:
    said = run(
        shared / "saved_models" / "mobilenet_v1_025_224",
        shared / "tflite" / "mobilenet_v1_0.25_224_quant_metadata.tflite",
        "--validation", shared / "photos" / "validation.csv", "--json",
    )  # fmt: skip
    document = said.json()
    assert said.status == 3
    assert document["preprocessing_from"] == "TFLite Metadata"
    assert document["same_source"] is None
    assert 0.7 < document["agreement"]["top1"] < 0.9
    assert len(document["disagreements"]) == round(200 * (1 - document["agreement"]["top1"]))
    # Its own labels name the classes.
    assert document["disagreements"][0]["truth"] == "tree frog"
