from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from edge_server.inference.runtime import runtime_info


@pytest.fixture
def evaluate(root):
    """Runs the process that validation runs; gives its exit status and its lines."""

    def run(request):
        done = subprocess.run(
            [sys.executable, "-m", "edge_server.inference.evaluate"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            cwd=root,
            check=False,
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def photos(tmp_path, digit):
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(digit(number)[0])
    return [str(path) for path in paths]


def test_scores_of_all_photos_are_written_and_progress_is_told(
    evaluate, photos, digit, bundled_model, tmp_path
):
    file = tmp_path / "scores.npy"
    status, lines = evaluate(
        {"model": str(bundled_model), "photos": photos, "threads": 1, "scores": str(file)}
    )
    assert status == 0
    assert lines[:-1] == [{"done": n} for n in range(1, 6)]
    scores = np.load(file)
    assert (scores.shape, scores.dtype) == ((5, 10), np.float32)
    assert [str(best) for best in scores.argmax(axis=1)] == [digit(n)[1] for n in range(5)]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=0.05)


def test_the_last_line_says_what_ran(evaluate, photos, bundled_model):
    _, lines = evaluate({"model": str(bundled_model), "photos": photos[:1], "threads": 1})
    last = lines[-1]
    assert (last["runtime"], last["runtime_version"]) == (
        runtime_info().name,
        runtime_info().version,
    )
    assert last["golden_samples"] >= 3
    assert last["invoke_ms_median"] > 0
    assert last["tensorflow_imported"] is False


def test_a_photo_that_is_none_ends_it_with_a_sentence(evaluate, bundled_model, tmp_path):
    (tmp_path / "note.jpg").write_text("hello")
    status, lines = evaluate(
        {"model": str(bundled_model), "photos": [str(tmp_path / "note.jpg")], "threads": 1}
    )
    assert status == 1
    assert lines[-1]["error"].startswith("The data is not an image")


@pytest.mark.parametrize("part", ["model", "photos"])
def test_a_file_that_is_missing_ends_it_with_a_sentence(part, evaluate, photos, bundled_model):
    request = {"model": str(bundled_model), "photos": photos, "threads": 1}
    request[part] = "none.tflite" if part == "model" else ["none.jpg"]
    status, lines = evaluate(request)
    assert status == 1
    assert "none." in lines[-1]["error"]
