"""Which version answers: the newest, the pinned, the labelled, and what happens when files go."""

from __future__ import annotations

import shutil

import pytest

from edge_server.errors import BadRequest, ModelNotFound, ModelNotReady
from edge_server.repository import State


def states(repository, name):
    return {status.version: status.state for status in repository.versions(name)}


def version(repository, name=None):
    return repository.get(name).info.version


def test_the_newest_version_answers_by_number_and_not_by_letter(shelf, repository):
    for number in ("9", "10", "2"):
        shelf.write("cats", number)
    models = repository()
    assert version(models) == "10"
    assert [status.version for status in models.versions("cats")] == ["10", "9", "2"]
    assert states(models, "cats") == {"10": State.AVAILABLE, "9": State.END, "2": State.END}


def test_several_models_answer_by_name(shelf, repository):
    shelf.write("cats", "1")
    shelf.write("dogs", "3")
    models = repository()
    assert models.names == ("cats", "dogs")
    assert models.default_name == "cats"
    assert models.get().info.labels[0] == "cats-1 red"
    assert models.get("dogs").info.labels[0] == "dogs-3 red"
    with pytest.raises(ModelNotFound, match="'birds': use cats, dogs"):
        models.get("birds")


def test_a_default_model_that_is_set_goes_before_the_first_by_name(shelf, repository, caplog):
    caplog.set_level("INFO")
    shelf.write("cats", "1")
    shelf.write("dogs", "1")
    assert repository().default_name == "cats"
    assert "answers where a request names no model, as the first by name" in caplog.text
    models = repository(default="dogs")
    assert models.get().info.name == models.default_name == "dogs"


def test_a_pin_of_the_settings_and_then_one_of_a_file_choose_without_a_restart(
    shelf, repository, look
):
    for number in ("1", "2", "3"):
        shelf.write("cats", number)
    models = repository(pins={"cats": 2})
    assert version(models) == "2"
    shelf.pin("cats", "1\n")
    look(models, lambda: version(models) == "1")
    assert states(models, "cats") == {"3": State.END, "2": State.END, "1": State.AVAILABLE}
    shelf.pin("cats", "nonsense")
    models.look()
    assert version(models) == "1"
    (shelf.root / "cats" / "pin").unlink()
    look(models, lambda: version(models) == "2")


def test_a_pinned_version_that_is_not_there_changes_nothing(shelf, repository, look):
    shelf.write("cats", "1")
    models = repository()
    shelf.pin("cats", "7")
    models.look()
    shelf.write("cats", "2")
    models.look()
    assert version(models) == "1"
    shelf.write("cats", "7")
    look(models, lambda: version(models) == "7")


def test_labelled_versions_are_kept_beside_the_newest(shelf, repository, look):
    for number in ("1", "2", "3"):
        shelf.write("cats", number)
    models = repository(labels={"cats": {"stable": 1, "next": 4}})
    assert states(models, "cats") == {"3": State.AVAILABLE, "2": State.END, "1": State.AVAILABLE}
    assert models.get("cats", label="stable").info.version == "1"
    assert models.get("cats", version="1").info.version == "1"
    assert models.get("cats", version="3") is models.get()
    for wanted, error, sentence in (
        ({"version": "2"}, ModelNotFound, "Version 2 of cats is not kept loaded: use 3, 1"),
        ({"version": "8"}, ModelNotFound, "no version 8: use 3, 1"),
        ({"version": "one"}, ModelNotFound, "no version one"),
        ({"version": "9" * 5000}, ModelNotFound, "no version 999"),
        ({"label": "best"}, ModelNotFound, "no version label 'best'"),
        ({"label": "next"}, ModelNotFound, "no version 4"),
        ({"label": "stable", "version": "3"}, BadRequest, "not both"),
    ):
        with pytest.raises(error, match=sentence):
            models.get("cats", **wanted)
    [first] = [status for status in models.versions("cats") if status.version == "1"]
    assert (first.labels, first.default) == (("stable",), False)
    shelf.write("cats", "4")
    look(models, lambda: version(models) == "4")
    assert models.get("cats", label="next").info.version == "4"


def test_removing_a_version_rolls_back(shelf, repository, look):
    shelf.write("cats", "1")
    shelf.write("cats", "2")
    models = repository()
    shutil.rmtree(shelf.root / "cats" / "2")
    look(models, lambda: version(models) == "1")
    look(models, lambda: states(models, "cats") == {"1": State.AVAILABLE})


def test_the_last_version_goes_on_without_its_files_and_says_so(shelf, repository, look):
    shelf.write("cats", "1")
    models = repository()
    shutil.rmtree(shelf.root / "cats" / "1")
    for _ in range(3):
        models.look()
    assert version(models) == "1"
    [status] = models.versions("cats")
    assert (status.state, status.reason[:19]) == (State.AVAILABLE, "Its files are gone;")
    shelf.write("cats", "1", "again")
    look(models, lambda: models.get().info.labels[0] == "again red")
    assert models.versions("cats")[0].reason == ""


def test_a_directory_that_vanishes_or_is_emptied_changes_nothing(shelf, repository, look, caplog):
    shelf.write("cats", "1")
    models = repository()
    aside = shelf.root.with_name("aside")
    shelf.root.rename(aside)
    for _ in range(5):
        models.look()
    shelf.root.mkdir()  # what a disk leaves that is not mounted
    for _ in range(5):
        models.look()
    assert version(models) == "1"
    assert caplog.text.count("can't be read (No such file or directory); what is served") == 1
    assert caplog.text.count("holds no model any more; what is served goes on") == 1
    shelf.root.rmdir()
    aside.rename(shelf.root)
    shelf.write("cats", "2")
    look(models, lambda: version(models) == "2")


def test_a_model_whose_directory_is_removed_is_let_go_of(shelf, repository, look):
    shelf.write("cats", "1")
    shelf.write("dogs", "1")
    models = repository()
    shutil.rmtree(shelf.root / "cats")
    models.look()
    assert models.names == ("cats", "dogs")  # once may be the moment of a rename
    models.look()
    assert models.names == ("dogs",)
    assert models.default_name == "dogs"


def test_unloaded_it_stays_so_until_it_is_loaded(shelf, repository, look):
    shelf.write("cats", "1")
    models = repository()
    models.unload("cats")
    shelf.write("cats", "2")
    models.look()
    with pytest.raises(ModelNotReady, match="cats was unloaded"):
        models.get()
    assert states(models, "cats")["1"] is State.END
    models.load("cats")
    assert version(models) == "2"


def test_load_finds_a_model_that_nobody_has_looked_at_yet(shelf, repository):
    models = repository()
    with pytest.raises(ModelNotReady, match=r"There is no model in .* yet"):
        models.get()
    with pytest.raises(ModelNotFound, match="there is none yet"):
        models.load("cats")
    shelf.write("cats", "1")
    models.load("cats")
    assert version(models) == "1"
