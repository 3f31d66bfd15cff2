"""A SavedModel as files: what it is, and a fingerprint that changes with every byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from convert import saved_model
from convert.errors import UsageError


def test_a_real_saved_model_is_accepted(models: Path) -> None:
    saved_model.check_path(models / "colours")


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*nowhere"):
        saved_model.check_path(tmp_path / "nowhere")


def test_a_file_is_refused_and_told_what_a_saved_model_is(models: Path) -> None:
    with pytest.raises(UsageError, match=r"is a file; a SavedModel is a directory"):
        saved_model.check_path(models / "colours" / "saved_model.pb")


def test_a_directory_without_saved_model_pb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no saved_model\.pb"):
        saved_model.check_path(tmp_path)


def test_a_copy_elsewhere_has_the_same_fingerprint(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "colours", tmp_path / "copy")
    first = saved_model.fingerprint(models / "colours")
    assert first == saved_model.fingerprint(tmp_path / "copy")
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64


def test_a_changed_weight_changes_the_fingerprint(models: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(models / "colours", copy)
    data = bytearray((copy / "saved_model.pb").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "saved_model.pb").write_bytes(bytes(data))
    assert saved_model.fingerprint(copy) != saved_model.fingerprint(models / "colours")


def test_a_renamed_file_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = saved_model.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert saved_model.fingerprint(tmp_path) != before
