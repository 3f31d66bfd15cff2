"""Running a candidate as the device does: in a child, which may refuse it, crash or lie."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.console import Console
from convert.device import candidate, device_process, target_environment, targets
from convert.device.device_process import ChildRefused
from convert.errors import BuildError
from edge_server.inference import bundle

FakeRuntime = Callable[[str], None]
RUNTIME = """
import numpy as np
class Interpreter:
    def __init__(self, model_content, num_threads): {init}
    def allocate_tensors(self): pass
    def resize_tensor_input(self, index, shape): raise ValueError("no batch")
    def details(self, index, name, shape, scale):
        return [dict(index=index, name=name, shape=shape, shape_signature=shape, dtype=np.uint8,
                     quantization=(scale, 0))]
    def get_input_details(self): return self.details(0, "i", (1, 32, 32, 1), 1/255)
    def get_output_details(self): return self.details(1, "o", (1, 10), 1/256)
    def get_signature_list(self): return dict()
    def set_tensor(self, index, tensor): pass
    def invoke(self): pass
    def get_tensor(self, index): return np.zeros((1, 10), np.uint8)
"""


@pytest.fixture
def digits(tmp_path: Path, bundled_model: Path) -> list[Path]:
    """The bundled model's golden pictures, as files."""
    files = []
    for name, data in bundle.read(bundled_model).file.attached.items():
        if name.startswith("golden/"):
            files.append(tmp_path / Path(name).name)
            files[-1].write_bytes(data)
    return files


def run(model: Path, photos: list[Path]) -> candidate.DeviceRun:
    return candidate.run(model, photos, threads=1, console=Console(), title="testing")


def refusal(model: Path, photos: list[Path]) -> str:
    with pytest.raises(BuildError) as error:
        run(model, photos)
    assert "Traceback" not in str(error.value)
    return str(error.value)


def test_scores_are_those_that_the_file_itself_records(
    bundled_model: Path, digits: list[Path]
) -> None:
    done = run(bundled_model, digits)
    manifest = bundle.read(bundled_model).manifest
    assert manifest is not None
    assert done.scores.shape == (len(digits), 10)
    assert done.scores.dtype == np.float32
    for row, sample in zip(done.scores, manifest.golden, strict=True):
        assert int(row.argmax()) == sample.candidate[0].index
        assert [row[s.index] for s in sample.candidate] == pytest.approx(
            [s.score for s in sample.candidate], abs=0.02
        )


def test_what_ran_is_recorded(bundled_model: Path, digits: list[Path]) -> None:
    done = run(bundled_model, digits)
    assert done.runtime == "ai-edge-litert"
    assert done.runtime_version[0].isdigit()
    assert done.golden_samples == 4
    assert done.invoke_ms_median is not None
    assert done.invoke_ms_median > 0


def test_without_photos_the_golden_samples_alone_are_run(bundled_model: Path) -> None:
    done = run(bundled_model, [])
    assert done.scores.shape == (0, 10)
    assert (done.golden_samples, done.invoke_ms_median) == (4, None)


def test_a_candidate_with_wrecked_weights_is_refused(bundled_model: Path, tmp_path: Path) -> None:
    """It loads and runs; only its golden samples can tell."""
    from tensorflow.lite.python import schema_py_generated as schema

    data = bytearray(bundled_model.read_bytes())
    root = schema.Model.GetRootAs(data, 0)
    largest = max(
        (root.Buffers(i) for i in range(root.BuffersLength())), key=lambda b: b.DataLength()
    )
    start = largest._tab.Vector(largest._tab.Offset(4))
    data[start : start + largest.DataLength()] = bytes(largest.DataLength())
    wrecked = tmp_path / "wrecked.tflite"
    wrecked.write_bytes(bytes(data))
    said = refusal(wrecked, [])
    assert "refuses the converted model" in said
    assert "golden/0.png" in said


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"hello")
    assert "not a .tflite model" in refusal(tmp_path / "model.tflite", [])


def test_a_torn_model_is_refused(bundled_model: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.tflite"
    torn.write_bytes(bundled_model.read_bytes()[:20_000])
    assert "refuses the converted model" in refusal(torn, [])


def test_a_model_that_fails_when_it_runs_is_refused(shared: Path, tmp_path: Path) -> None:
    model = tmp_path / "bad.tflite"
    shutil.copyfile(shared / "tflite" / "fails_at_invoke.tflite", model)
    assert "refuses the converted model" in refusal(model, [])


def test_a_native_crash_gives_a_sentence_with_its_signal(
    bundled_model: Path, fake_runtime: FakeRuntime
) -> None:
    fake_runtime(RUNTIME.format(init="import ctypes; ctypes.string_at(0)"))
    said = refusal(bundled_model, [])
    assert "crashed (signal 11)" in said
    assert "--recipe" not in said, "what was not tried is not advised"


def test_the_last_words_of_a_dying_runtime_are_passed_on(
    bundled_model: Path, fake_runtime: FakeRuntime
) -> None:
    words = "out of memory\\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU."
    dies = f"import os, sys; print('{words}', file=sys.stderr); os._exit(7)"
    fake_runtime(RUNTIME.format(init=dies))
    said = refusal(bundled_model, [])
    assert "failed (exit status 7): out of memory" in said
    assert "XNNPACK" not in said


def test_a_runtime_that_answers_zeros_is_caught(
    bundled_model: Path, fake_runtime: FakeRuntime
) -> None:
    fake_runtime(RUNTIME.format(init="pass"))
    assert "does not answer on this device" in refusal(bundled_model, [])


def test_a_child_with_tensorflow_in_it_proves_nothing(
    bundled_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['tensorflow'] = sys\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "imported TensorFlow" in refusal(bundled_model, [])


def test_what_libraries_print_among_the_answers_does_no_harm(
    bundled_model: Path, digits: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit\nfor text in ('42', 'hello', '[1]'):\n"
        "    print(text)\n    atexit.register(print, text)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run(bundled_model, digits).scores.shape == (4, 10)


def test_modules_in_the_current_directory_do_not_get_into_the_child(
    bundled_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("statistics", "edge_server"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    assert run(bundled_model, []).golden_samples == 4


def test_relative_paths_are_those_of_the_caller(
    bundled_model: Path, digits: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(bundled_model, tmp_path / "here.tflite")
    monkeypatch.chdir(tmp_path)
    assert run(Path("here.tflite"), [Path(digits[0].name)]).scores.shape == (1, 10)


def test_a_photo_that_goes_away_meanwhile_gives_a_sentence(
    bundled_model: Path, tmp_path: Path
) -> None:
    assert "gone.png" in refusal(bundled_model, [tmp_path / "gone.png"])


def test_an_interrupt_leaves_no_child_behind(
    bundled_model: Path, digits: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[str]] = []
    original = subprocess.Popen

    def remember(*args: object, **kwargs: object) -> subprocess.Popen[str]:
        children.append(original(*args, **kwargs))  # type: ignore[call-overload]
        return children[-1]

    class Interrupted(Console):
        def bar(self, items, total, title, unit="photo"):  # type: ignore[no-untyped-def]
            yield next(iter(items))
            raise KeyboardInterrupt

    monkeypatch.setattr(device_process.subprocess, "Popen", remember)
    with pytest.raises(KeyboardInterrupt):
        candidate.run(bundled_model, digits * 500, threads=1, console=Interrupted(), title="x")
    assert children[0].returncode == -signal.SIGKILL


def test_evaluate_answers_a_request_of_its_own(
    bundled_model: Path, digits: list[Path], root: Path, tmp_path: Path
) -> None:
    request = {
        "model": str(bundled_model),
        "photos": [str(file) for file in digits],
        "threads": 2,
        "scores": str(tmp_path / "scores.npy"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "edge_server.inference.evaluate"],
        input=json.dumps(request),
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["done"] for line in lines[:-1]] == [1, 2, 3, 4]
    assert lines[-1]["golden_samples"] == 4
    assert not lines[-1]["tensorflow_imported"]
    assert np.load(tmp_path / "scores.npy").shape == (4, 10)


def test_a_probe_describes_what_the_runtime_made_of_a_bare_file(shared: Path) -> None:
    probe = candidate.probe(shared / "tflite" / "mobilenet_v2_1.0_224_quant_no_metadata.tflite")
    assert probe.runtime == "ai-edge-litert"
    assert (probe.input.dtype, probe.input.shape) == ("uint8", (1, 224, 224, 3))
    assert (probe.output.dtype, probe.output.shape) == ("uint8", (1, 1001))
    assert probe.finite
    assert not probe.resizable_batch, "it reshapes to a fixed size"
    assert "4 pictures" in str(probe.batch_reason)


def test_a_probe_passes_on_why_a_model_is_refused(shared: Path) -> None:
    with pytest.raises(ChildRefused, match=r"fails_at_invoke\.tflite") as error:
        candidate.probe(shared / "tflite" / "fails_at_invoke.tflite")
    assert "Traceback" not in error.value.reason


def test_a_probe_survives_a_crash(bundled_model: Path, fake_runtime: FakeRuntime) -> None:
    fake_runtime(RUNTIME.format(init="import ctypes; ctypes.string_at(0)"))
    with pytest.raises(BuildError, match=r"crashed \(signal 11\).*while it ran digits\.tflite"):
        candidate.probe(bundled_model)


def test_latency_gives_each_model_its_own_median(bundled_model: Path, shared: Path) -> None:
    large = shared / "tflite" / "mobilenet_v2_1.0_224_quant_no_metadata.tflite"
    times = candidate.latency([large, bundled_model, large], rounds=5, threads=1, console=Console())
    assert len(times) == 3
    assert min(times[0], times[2]) > times[1] > 0


def test_latency_names_the_models_that_a_crash_leaves_open(
    bundled_model: Path, fake_runtime: FakeRuntime
) -> None:
    fake_runtime(RUNTIME.format(init="import os; os._exit(9)"))
    with pytest.raises(BuildError, match=r"exit status 9\), while it ran digits\.tflite"):
        candidate.latency([bundled_model], rounds=1, threads=1, console=Console())


def test_the_runtime_of_another_python_is_the_one_that_runs(
    bundled_model: Path, digits: list[Path]
) -> None:
    python = target_environment.python_for(targets.get("tflite-2.14"), Console())
    done = candidate.run(
        bundled_model, digits, threads=1, console=Console(), title="x", python=python
    )
    assert (done.runtime, done.runtime_version) == ("tflite-runtime", "2.14.0")
    assert np.abs(done.scores - run(bundled_model, digits).scores).max() < 0.02
    assert candidate.probe(bundled_model, python=python).runtime == "tflite-runtime"
