"""Builds of the real MobileNets, on real photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Build = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="session")
def build_real(
    shared: Path, finish: Build, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Any]:
    """An int8 build of one of the real models, made once."""
    done: dict[str, Any] = {}

    def run(name: str) -> Any:
        if name not in done:
            output = tmp_path_factory.mktemp(name)
            options = {
                "output": output,
                "recipe": "int8",
                "calibration": shared / "photos" / "calibration",
                "validation": shared / "photos" / "validation.csv",
                "labels": shared / "imagenet_labels.txt",
                "preprocessing": "tf",
            }
            pairs = [text for k, v in options.items() for text in (f"--{k}", str(v))]
            done[name] = finish(output, ["build", str(shared / "saved_models" / name), *pairs])
        return done[name]

    return run


@pytest.mark.shared
def test_mobilenet_v2_in_int8_agrees_with_the_original(build_real: Callable[[str], Any]) -> None:
    report = build_real("mobilenet_v2_100_224").report
    assert report["verdict"] == "passed"
    assert report["samples"] == 200
    assert report["agreement"]["top1"] >= 0.95
    assert report["candidate"]["top1"] >= report["original"]["top1"] - 0.01
    assert report["golden_samples"] == 4


@pytest.mark.shared
def test_mobilenet_v1_025_builds_whatever_its_verdict(build_real: Callable[[str], Any]) -> None:
    built = build_real("mobilenet_v1_025_224")
    report = built.report
    assert report["verdict"] == ("passed" if built.model.name == "model.tflite" else "failed")
    assert names(built.output) == {report["file"], "report.json"}
    assert report["samples"] == 200
    low, high = report["agreement"]["interval"]
    assert 0 < low < report["agreement"]["top1"] < high < 1
    assert 0 < report["candidate"]["top1"] <= report["candidate"]["top5"] < 1
    assert (report["verdict"] == "failed") == bool(report["reasons"])


@pytest.mark.shared
@pytest.mark.parametrize("name", ["mobilenet_v2_100_224", "mobilenet_v1_025_224"])
def test_a_real_model_is_served_with_its_labels(
    build_real: Callable[[str], Any], shared: Path, without_tensorflow: Build, name: str
) -> None:
    script = """
import json, sys
from pathlib import Path
from edge_server.inference import bundle, golden
from edge_server.inference.classifier import Classifier
classifier = Classifier(bundle.read(Path(sys.argv[1])))
samples = golden.check(classifier)
top = classifier.classify(Path(sys.argv[2]).read_bytes()).top
print(json.dumps([samples, [p.label for p in top], "tensorflow" in sys.modules]))
"""
    photo = next(f for f in (shared / "photos" / "full_size").iterdir() if "banana" in f.name)
    samples, labels, tensorflow = without_tensorflow(script, build_real(name).model, photo)
    assert samples == 4
    assert "banana" in labels
    assert not tensorflow
