from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from edge_server.errors import ModelFileError
from edge_server.inference import latency, preprocessing, probe
from edge_server.inference.runtime import Model, TensorInfo, runtime_info


@pytest.fixture
def ask(root):
    """Runs a module as conversion does; gives its exit status and its lines."""

    def run(module, request):
        done = subprocess.run(
            [sys.executable, "-m", f"edge_server.inference.{module}"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            cwd=root,
            check=False,
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def recipes(root):
    return root / "tests" / "edge_server" / "recipes"


def image(shape, dtype):
    return TensorInfo(0, "image", shape, np.dtype(dtype), 0.0, 0)


def test_a_bare_model_is_described_by_the_runtime_that_ran_it(ask, colour_file):
    file = colour_file(dtype="uint8", scale=0.5, zero_point=3)
    status, lines = ask("probe", {"model": str(file), "threads": 1, "batch": 3})
    assert status == 0
    [found] = lines
    assert (found["runtime"], found["runtime_version"]) == (
        runtime_info().name,
        runtime_info().version,
    )
    tensor = {"dtype": "uint8", "scale": 0.5, "zero_point": 3}
    assert found["input"] == {"name": "image", "shape": [1, 8, 8, 3], **tensor}
    assert found["output"] == {"name": "scores", "shape": [1, 3], **tensor}
    assert found["finite"] is True
    assert found["batch"] == {"resizable": True, "reason": None}
    assert found["tensorflow_imported"] is False


def test_a_model_that_takes_no_batch_says_why(ask, recipes):
    request = {"model": str(recipes / "fixed_batch.tflite"), "threads": 1, "batch": 4}
    _, [found] = ask("probe", request)
    assert found["finite"] is True
    assert found["batch"]["resizable"] is False
    assert found["batch"]["reason"].startswith("fixed_batch.tflite can't take 4 pictures at once:")


def test_answers_that_are_not_finite_are_told(recipes):
    data = (recipes / "float32.tflite").read_bytes()
    weights = np.float32([10]).tobytes()  # those of the last layer
    assert weights in data
    broken = data.replace(weights, np.float32([np.nan]).tobytes())
    assert probe.probe(broken, name="m", threads=1, batch=2).finite is False


def test_photos_are_seen_as_the_model_is_served_them(mean_model, paint, encode):
    """The means of the pixels in the range that the model was made for, not of numbers made up."""
    spec = preprocessing.from_preset("raw", width=8, height=8)
    seen = []

    class Spy(Model):
        def run(self, tensor):
            seen.append(tensor)
            return super().run(tensor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "Model", Spy)
        photos = [encode(paint(200, 100, 50), "PNG"), encode(paint(255, 0, 0), "PNG")]
        found = probe.probe(mean_model(), name="m", threads=1, batch=3, photos=photos, spec=spec)
    assert found.finite
    assert found.batch_refusal is None
    assert found.black_refusal is None
    assert [tensor[0, 0, 0].tolist() for tensor in seen[:3]] == [
        [200, 100, 50],
        [255, 0, 0],
        [200, 100, 50],
    ]
    assert seen[-1].max() == 0, "the black picture"


def test_a_model_that_fails_on_black_alone_is_not_refused(mean_model, paint, encode):
    class Dividing(Model):
        def run(self, tensor):
            if not tensor.any():
                raise ModelFileError("div.cc:262 data[i] != zero_point was not true.")
            return super().run(tensor)

    spec = preprocessing.from_preset("raw", width=8, height=8)
    photos = [encode(paint(200, 100, 50), "PNG")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "Model", Dividing)
        found = probe.probe(mean_model(), name="m", threads=1, batch=2, photos=photos, spec=spec)
    assert "div.cc" in found.black_refusal
    assert found.finite


def test_what_is_infinite_or_no_number_in_both_is_no_difference(mean_model):
    model = Model(mean_model())
    tensor = probe.pictures(model.input, 2)
    tensor[1, 0, 0, 0] = np.nan
    alone = np.concatenate([model.run(picture[np.newaxis]) for picture in tensor])
    assert not np.isfinite(alone).all()
    assert probe.batch_refusal(model, tensor, alone) is None
    assert "off by" in probe.batch_refusal(model, tensor, alone[::-1])


def test_made_up_pictures_have_the_range_of_the_preprocessing():
    for preset, low, high in (("raw", 0, 255), ("unit", 0, 1), ("tf", -1, 1)):
        spec = preprocessing.from_preset(preset, width=32, height=24)
        tensor = probe.pictures(image((1, 24, 32, 3), "float32"), 4, spec)
        assert (tensor.shape, tensor.dtype) == ((4, 24, 32, 3), np.float32)
        assert low <= tensor.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < tensor.max() <= high


@pytest.mark.parametrize("module", ["probe", "latency"])
def test_a_file_that_is_missing_or_none_ends_it_with_a_sentence(module, ask, tmp_path):
    (tmp_path / "text.tflite").write_text("hello")
    for name in ("none.tflite", "text.tflite"):
        file = str(tmp_path / name)
        request = {"model": file, "models": [file], "threads": 1, "batch": 4, "rounds": 2}
        status, lines = ask(module, request)
        assert status == 1
        assert name in lines[-1]["error"]


def test_an_operator_that_is_not_there_ends_it_with_its_name(ask, shared):
    file = str(shared / "tflite" / "fails_at_invoke.tflite")
    status, lines = ask("probe", {"model": file, "threads": 1, "batch": 4})
    assert status == 1
    assert "fake-op-double" in lines[-1]["error"]


def test_a_batch_that_is_answered_otherwise_is_no_batch(mean_model):
    model = Model(mean_model())
    tensor = probe.pictures(model.input, 3)
    alone = np.concatenate([model.run(picture[np.newaxis]) for picture in tensor])
    assert probe.batch_refusal(model, tensor, alone) is None
    refusal = probe.batch_refusal(model, tensor, alone[::-1])
    assert refusal.startswith("A picture among others is answered otherwise than alone")


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8", "int16"])
def test_the_pictures_of_a_trial_differ_and_fill_the_range(dtype):
    tensor = probe.pictures(image((1, 24, 32, 3), dtype), 4)
    assert (tensor.shape, tensor.dtype) == ((4, 24, 32, 3), np.dtype(dtype))
    assert len({picture.tobytes() for picture in tensor}) == 4
    low, high = (-1, 1) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert tensor.min() < low + 0.1 * (float(high) - low)
    assert tensor.max() > high - 0.1 * (float(high) - low)


@pytest.mark.parametrize(("shape", "dtype"), [((1, 10), "float32"), ((1, 8, 8, 3), "bool")])
def test_an_input_that_is_no_picture_is_refused(shape, dtype):
    with pytest.raises(ModelFileError, match="an image classifier takes one picture"):
        probe.pictures(image(shape, dtype), 2)


def test_latencies_come_in_the_order_of_the_models_after_a_line_a_round(ask, recipes):
    names = ("float32", "int8")
    models = [str(recipes / f"{name}.tflite") for name in names]
    status, lines = ask("latency", {"models": models, "rounds": 5, "threads": 1})
    assert status == 0
    assert lines[:-1] == [{"done": n} for n in range(1, 6)]
    assert len(lines[-1]["invoke_ms"]) == 2
    for times in lines[-1]["invoke_ms"]:
        assert 0 < times["p10"] <= times["median"] <= times["p90"]


def test_models_take_turns_and_each_begins_a_round():
    order = []

    class Recorder:
        input = image((1, 4, 4, 3), "float32")

        def __init__(self, name):
            self.name = name

        def run(self, tensor):
            order.append(self.name)

    latency.measure([Recorder(name) for name in "abc"], 3, done=lambda n: order.append(str(n)))
    assert "".join(order)[-12:] == "abc1bca2cab3"
