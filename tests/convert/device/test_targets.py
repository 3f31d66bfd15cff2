"""Targets: names, and what stands installed behind them."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from convert.device import targets
from convert.device.targets import TARGETS
from convert.errors import BuildError, UsageError


def names(target: str) -> set[str]:
    return {requirement.name for requirement in targets.get(target).requirements()}


def test_every_target_is_found_by_its_own_name() -> None:
    assert [targets.get(name).name for name in TARGETS] == list(TARGETS)
    assert set(TARGETS) == {
        "litert",
        "tflite-2.14",
        "pi-os-bookworm",
        "pi-os-trixie",
        "pi-os-32bit",
        "jetpack-6",
    }


def test_an_unknown_target_is_refused_with_a_list() -> None:
    with pytest.raises(UsageError, match=r"no target 'pi': choose one of litert, tflite-2\.14"):
        targets.get("pi")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_one_runtime_and_what_the_device_needs_with_it(name: str) -> None:
    target = targets.get(name)
    assert names(name) & {"ai-edge-litert", "tflite-runtime"} == {target.runtime}
    assert {"numpy", "pillow", "opencv-python-headless", "flatbuffers"} <= names(name)
    assert all(requirement.marker is None for requirement in target.requirements())


def test_32_bit_devices_get_the_older_runtime_with_a_numpy_that_it_takes() -> None:
    chosen = {r.name: r.specifier for r in targets.get("pi-os-32bit").requirements()}
    assert str(chosen["tflite-runtime"]) == "==2.14.0"
    assert "1.26.4" in chosen["numpy"]
    assert "2.1.0" not in chosen["numpy"]
    assert "2.1.0" in {r.name: r.specifier for r in TARGETS["litert"].requirements()}["numpy"]


def test_an_installed_package_reads_its_metadata_instead_of_the_checkouts_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines, with those of extras among them."""
    expected = {name: TARGETS[name].requirements() for name in TARGETS}
    file = Path(targets.edge_server.__file__).parent.parent / "requirements-edge.txt"
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    metadata = [str(Requirement(line)) for line in lines if line]
    metadata.append('tensorflow<2.22,>=2.21; extra == "convert"')

    monkeypatch.setattr(targets.edge_server, "__file__", str(tmp_path / "edge_server" / "x.py"))
    monkeypatch.setattr(importlib.metadata, "requires", {"edge-classifier": metadata}.__getitem__)
    for name, requirements in expected.items():
        assert set(map(str, TARGETS[name].requirements())) == set(map(str, requirements))


def test_a_package_that_is_neither_gives_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(targets.edge_server, "__file__", str(tmp_path / "edge_server" / "x.py"))
    monkeypatch.setattr(importlib.metadata, "requires", missing)
    with pytest.raises(BuildError, match=r"requirements-edge\.txt is missing: install the package"):
        TARGETS["litert"].requirements()
