"""What counts as a model and a version on disk."""

from __future__ import annotations

import os
import time

import pytest

from edge_server.repository.directory import ModelDirectory


@pytest.fixture
def root(tmp_path):
    return tmp_path / "models"


def make(root, *paths):
    for path in paths:
        (root / path).mkdir(parents=True)


def test_hidden_and_unfinished_names_and_plain_files_are_passed_over(root):
    make(root, "cats/1", "cats/.2", "cats/3.tmp", "cats/4~", ".git/1", "dogs.partial/1", "empty")
    (root / "model.tflite").write_text("beside")
    (root / "cats" / "README").write_text("beside")
    directory = ModelDirectory(root)
    assert directory.names().names == {"cats", "empty"}
    assert directory.names().troubles == ()
    assert list(directory.model("cats").versions) == [1]
    assert directory.model("cats").troubles == ()


def test_names_that_are_no_numbers_or_the_same_number_are_said(root):
    make(root, "cats/7", "cats/007", "cats/v8", "cats/9.1", "bad:name")
    directory = ModelDirectory(root)
    found = directory.model("cats")
    assert {number: files.version for number, files in found.versions.items()} == {7: "7"}
    left_out = {trouble.split(" is left out")[0].rpartition("/")[2] for trouble in found.troubles}
    assert left_out == {"007", "v8", "9.1"}
    assert "'bad:name' can't be the name of a model" in directory.names().troubles[0]


def test_links_are_followed_and_their_swap_is_another_signature(root):
    """As Kubernetes writes a volume: 1 -> ..data/1, and ..data is put in another's place."""
    for revision in ("a", "b"):
        make(root, f"cats/..{revision}/1")
        (root / f"cats/..{revision}/1/model.tflite").write_text("same size")
    (root / "cats" / "..data").symlink_to("..a")
    (root / "cats" / "1").symlink_to("..data/1")
    directory = ModelDirectory(root)
    [files] = directory.model("cats").versions.values()
    before = files.signature()
    (root / "cats" / "..new").symlink_to("..b")
    (root / "cats" / "..new").replace(root / "cats" / "..data")
    assert files.signature() != before


def test_a_link_in_a_circle_is_no_directory(root):
    make(root, "cats")
    (root / "cats" / "1").symlink_to("1")
    assert ModelDirectory(root).model("cats").versions == {}


def test_a_pin_is_a_number_or_nothing(root):
    make(root, "cats/1")
    directory = ModelDirectory(root)
    pin = root / "cats" / "pin"
    assert directory.model("cats").pin is None
    for text, expected, troubles in (
        ("3\n", 3, 0),
        ("three", 3, 1),
        ("", None, 0),
        ("004", 4, 0),
    ):
        pin.write_text(text)
        os.utime(pin, ns=(time.time_ns(), time.time_ns()))
        found = directory.model("cats")
        assert (found.pin, len(found.troubles)) == (expected, troubles)


def test_a_name_that_leads_out_of_the_directory_is_not_there(root):
    make(root, "cats/1", "../outside/1")
    for name in ("../outside", "..", ".", "cats/1", ""):
        with pytest.raises(FileNotFoundError):
            ModelDirectory(root).model(name)
