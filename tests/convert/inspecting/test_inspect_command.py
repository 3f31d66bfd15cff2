"""python -m convert inspect, as its reader meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert import cli
from convert.commands import inspect


@pytest.fixture
def run(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Exit status, standard output and standard error of `inspect`."""
    monkeypatch.setattr(cli, "_COMMANDS", (inspect,))

    def run(*args: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        status = cli.main(["inspect", *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return run


def test_the_text_says_what_matters(run: Callable[..., Any], bundled_model: Path) -> None:
    status, out, err = run(bundled_model)
    assert (status, err) == (0, "")
    for part in (
        "served        as it is: labels and preprocessing are inside",
        "uint8  [1, 32, 32, 1]",
        "zero point 0: stands for 0 to ",
        "CONV_2D          version 3",
        "oldest        1.",
        "32x32 grayscale",
        "passed: ",
        "golden/3.png",
    ):
        assert part in out
    assert max(map(len, out.splitlines())) <= 100


def test_json_has_the_same_in_stable_keys(run: Callable[..., Any], bundled_model: Path) -> None:
    status, out, _ = run(bundled_model, "--json", "--tensors")
    document = json.loads(out)
    assert status == 0
    assert set(document) == {
        "kind", "path", "name", "size_bytes", "sha256", "graph", "runtime", "metadata", "attached",
        "labels", "manifest", "golden", "serving", "preprocessing_guess", "oddities", "problems",
    }  # fmt: skip
    assert document["graph"]["tensors"][0]["index"] == 0


def test_every_tensor_has_a_line(run: Callable[..., Any], bundled_model: Path) -> None:
    _, out, _ = run(bundled_model, "--tensors")
    table = out[out.index("\nTensors\n") :].strip().splitlines()[2:]
    assert [line.split()[0] for line in table] == [str(n) for n in range(len(table))]
    assert max(map(len, table)) <= 100


def test_a_saved_model_lists_all_its_signatures(run: Callable[..., Any], models: Path) -> None:
    status, out, _ = run(models / "several")
    assert status == 0
    assert "Signature classify" in out
    assert "Signature raw" in out
    assert "[any, 24, 24, 3]" in out
    assert "build needs   --signature" in out


@pytest.mark.parametrize("name", ["colours", "words", "two_inputs", "no_signature", "a_map"])
def test_models_that_build_refuses_are_shown_too(
    run: Callable[..., Any], models: Path, name: str
) -> None:
    status, out, _ = run(models / name)
    assert status == 0
    assert "TensorFlow SavedModel" in out


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(60), "photo.jpg", "is a JPEG picture, no model"),
        (b"\xff\xd8\xff\xe0" + bytes(60), "m.tflite", "is a JPEG picture, no model"),
        (b"\x7fELF" + bytes(60), "program", "is a program, no model"),
        (b"", "m.tflite", "is not a .tflite model"),
        (b"", "nothing", "is empty"),
        (b"TFL3" * 9, "m.tflite", "is damaged|damaged or incomplete"),
        (b"\x00" * 4 + b"TFL3", "m.tflite", "damaged or incomplete"),
        (b"words\n", "notes.txt", "is a file of another kind"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "m.h5", "can't be read as a Keras model"),
    ],
)
def test_a_foreign_or_damaged_file_is_one_sentence(
    run: Callable[..., Any], tmp_path: Path, content: bytes, name: str, sentence: str
) -> None:
    import re

    path = tmp_path / name
    path.write_bytes(content)
    status, out, err = run(path)
    assert (status, out) == (2, "")
    assert re.search(sentence, err)
    assert str(path) in err
    assert len(err.strip().splitlines()) == 1


def test_an_absent_file_is_one_sentence(run: Callable[..., Any], tmp_path: Path) -> None:
    status, _, err = run(tmp_path / "none.tflite")
    assert status == 2
    assert "There is no " in err


def test_it_loads_neither_tensorflow_nor_a_runtime(
    without_tensorflow: Callable[..., Any], models: Path, bundled_model: Path
) -> None:
    script = """
import json, sys
from convert import cli
from convert.commands import inspect
cli._COMMANDS = (inspect,)
for path in sys.argv[1:]:
    assert cli.main(["inspect", path]) == 0
heavy = ("tensorflow", "keras", "ai_edge_litert", "tflite_runtime")
print(json.dumps(sorted(set(heavy) & set(sys.modules))))
"""
    assert without_tensorflow(script, bundled_model, models / "colours") == []
