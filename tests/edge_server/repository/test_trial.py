"""A version is tried in a child; what comes of a crash, a refusal, a hang."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from edge_server.errors import ModelFileError, ModelRefused, SettingError
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.repository import trial
from edge_server.repository.trial import TrialCrashed, TrialUnfinished
from edge_server.repository.tried import Tried

POPEN = subprocess.Popen


def child(monkeypatch, script):
    """Another program in the place of the trial's child."""

    started = []

    def popen(command, **options):
        started.append(POPEN([sys.executable, "-c", script], **options))
        return started[-1]

    monkeypatch.setattr(trial.subprocess, "Popen", popen)
    return started


def test_a_good_file_passes_with_what_tells_it_from_others(bundled_model, tmp_path):
    options = LoadOptions(interpreters=2)
    passed = trial.run(bundled_model, options)
    assert passed == trial.fingerprint(loading.read(bundled_model, options))
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcdefghij"))
    others = LoadOptions(labels=labels)
    assert trial.fingerprint(loading.read(bundled_model, others)) != passed
    assert trial.run(bundled_model, others) == trial.fingerprint(
        loading.read(bundled_model, others)
    )


def test_a_file_is_tried_with_the_numbers_that_were_given_for_it(colour_file):
    options = LoadOptions(mean="100,50,0", std="400", color_order="bgr")
    passed = trial.run(colour_file(), options)
    assert passed == trial.fingerprint(loading.read(colour_file(), options))
    others = LoadOptions(mean="100,50,1", std="400", color_order="bgr")
    assert trial.fingerprint(loading.read(colour_file(), others)) != passed


def test_a_relative_path_is_the_caller_s(bundled_model, tmp_path, monkeypatch):
    (tmp_path / "m.tflite").write_bytes(bundled_model.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert trial.run(type(bundled_model)("m.tflite"), LoadOptions())


def test_what_the_child_refuses_is_raised_here_as_what_it_is(
    altered, colour_file, root, bundled_model
):
    with pytest.raises(SettingError, match="does not say how its input was normalized"):
        trial.run(colour_file(), LoadOptions())
    with pytest.raises(ModelFileError, match=r"not a \.tflite model"):
        trial.run(root / "README.md", LoadOptions())

    sample = loading.read(bundled_model, LoadOptions()).manifest.golden[0]
    lacking = altered({sample.file: None})
    with pytest.raises(ModelRefused, match="lacks its golden sample"):
        trial.run(lacking, LoadOptions())


def test_a_runtime_that_dies_of_the_file_is_a_sentence(monkeypatch, bundled_model):
    child(monkeypatch, "import os; os.write(2, b'vector::reserve\\n'); os.abort()")
    with pytest.raises(TrialCrashed, match=r"crashes with SIGABRT \(vector::reserve\): copy it"):
        trial.run(bundled_model, LoadOptions())
    child(monkeypatch, "raise SystemExit(3)")
    with pytest.raises(TrialCrashed, match="fails with status 3"):
        trial.run(bundled_model, LoadOptions())


def test_a_kill_for_want_of_memory_is_not_the_file_s_fault(monkeypatch, bundled_model):
    child(monkeypatch, f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")
    with pytest.raises(TrialUnfinished, match="want of memory"):
        trial.run(bundled_model, LoadOptions())


def test_a_trial_without_end_is_ended(monkeypatch, bundled_model):
    started = child(monkeypatch, "import time; time.sleep(100)")
    monkeypatch.setattr(trial, "TIME_LIMIT", 0.3)
    with pytest.raises(TrialUnfinished, match=r"within 0\.3 s"):
        trial.run(bundled_model, LoadOptions())
    monkeypatch.setattr(trial, "TIME_LIMIT", 60)
    ending = threading.Event()
    threading.Timer(0.3, ending.set).start()
    with pytest.raises(TrialUnfinished, match="ended with the server"):
        trial.run(bundled_model, LoadOptions(), ending=ending)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


def test_what_passed_is_remembered_for_this_file_and_these_options(tmp_path):
    tried = Tried(tmp_path / "tried")
    options = LoadOptions(interpreters=2)
    assert not tried.passed("a", options)
    tried.remember("a", options)
    assert tried.passed("a", options)
    assert not tried.passed("b", options)
    assert not tried.passed("a", LoadOptions(interpreters=1))


def test_a_cache_that_cannot_be_written_means_another_trial(tmp_path):
    (tmp_path / "tried").write_text("a file where the directory should be")
    tried = Tried(tmp_path / "tried")
    tried.remember("a", LoadOptions())
    assert not tried.passed("a", LoadOptions())


def test_the_cache_does_not_grow_without_end(tmp_path):
    tried = Tried(tmp_path / "tried")
    for number in range(300):
        tried.remember(str(number), LoadOptions())
    assert len(list((tmp_path / "tried").iterdir())) == 256
