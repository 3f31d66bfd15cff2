"""What happens while files come and change: slowly, damaged, replaced in place."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from edge_server.errors import ModelNotReady
from edge_server.repository import State, model, trial
from edge_server.repository.trial import TrialCrashed, TrialUnfinished


def answer(repository):
    served = repository.get()
    return served.info.version, served.info.labels[0]


def failures(caplog):
    """The reasons that the log gives."""
    return [record.fields["reason"] for record in caplog.records if "failed" in record.message]


def newest(repository):
    return repository.versions("cats")[0]


def test_a_file_that_is_copied_slowly_is_taken_when_it_is_whole(
    shelf, repository, look, caplog, bundled_model
):
    """Slower than two looks, so that it stands still in between; not declared failed meanwhile."""
    shelf.write("cats", "1")
    models = repository(poll_seconds=0.1)
    place = shelf.root / "cats" / "2"
    place.mkdir()
    content = bundled_model.read_bytes()
    pieces = [content[start : start + 16_000] for start in range(0, len(content), 16_000)]
    with (place / "model.tflite").open("wb") as file:
        for piece in pieces:
            file.write(piece)
            file.flush()
            for _ in range(3):
                models.look()
                assert answer(models) == ("1", "cats-1 red")
                assert newest(models).state in (State.START, State.AVAILABLE)
                time.sleep(0.05)
                if piece is pieces[-1]:
                    break
    look(models, lambda: answer(models) == ("2", "0"))
    assert newest(models).reason == ""
    assert failures(caplog) == []


def test_an_incomplete_file_counts_as_damaged_after_a_while_and_is_still_looked_at(
    shelf, repository, look, monkeypatch, caplog
):
    monkeypatch.setattr(model, "_PATIENCE_SECONDS", 0.3)
    shelf.write("cats", "1")
    models = repository()
    place = shelf.write("cats", "2")
    whole = (place / "model.tflite").read_bytes()
    (place / "model.tflite").write_bytes(whole[:300])
    look(models, lambda: newest(models).state is State.END)
    for _ in range(5):
        models.look()
    assert "damaged or incomplete" in newest(models).reason
    assert len(failures(caplog)) == 1
    assert answer(models) == ("1", "cats-1 red")
    (place / "model.tflite").write_bytes(whole)
    look(models, lambda: answer(models) == ("2", "cats-2 red"))


def test_a_directory_without_a_model_yet_is_waited_for(shelf, repository, look):
    shelf.write("cats", "1")
    models = repository()
    (shelf.root / "cats" / "2").mkdir()
    look(models, lambda: newest(models).reason)
    assert newest(models).state is State.START
    source = shelf.write("aside", "1", "late")
    for name in ("labels.txt", "model.toml", "model.tflite"):
        (source / name).rename(shelf.root / "cats" / "2" / name)
    look(models, lambda: answer(models) == ("2", "late red"))


def test_a_version_that_fails_stays_out_with_its_reason_and_the_old_one_goes_on(
    shelf, repository, look, caplog
):
    shelf.write("cats", "1")
    models = repository()
    place = shelf.write("cats", "2")
    (place / "labels.txt").write_text("only\ntwo\n")
    look(models, lambda: newest(models).state is State.END)
    for _ in range(5):
        models.look()
    assert "has 2 labels" in newest(models).reason
    assert newest(models).since == pytest.approx(time.time(), abs=60)
    assert failures(caplog) == [newest(models).reason]
    with pytest.raises(ModelNotReady, match="has 2 labels"):
        models.get("cats", version="2")
    assert answer(models) == ("1", "cats-1 red")
    (place / "labels.txt").write_text("a\nb\nc\n")
    look(models, lambda: answer(models) == ("2", "a"))


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("model.toml", "preprocessing = tf", "is no TOML"),
        ("model.toml", 'preprocesing = "tf"', "unknown 'preprocesing': use preprocessing, "),
        ("model.toml", 'preprocessing = "tensorflow"', "use one of tf, unit"),
        ("model.toml", "preprocessing = 3", "use one of tf, unit"),
        ("model.toml", "mean = 0.5\nstd = 0.5", "write --mean 127.5 --std 127.5"),
        ("model.toml", "mean = 127.5", "give both"),
        ("model.toml", "mean = [1, 2]\nstd = 3", "mean = [123.7, 116.3, 103.5]"),
        ("model.toml", "mean = true\nstd = 3", "mean is True: write one number"),
        ("labels.txt", "", "is empty"),
        ("labels.txt", "0: red\n1: green\n3: blue\n", "no class 2 between 1 'green' and 3 'blue'"),
    ],
)
def test_what_stands_beside_a_model_is_read_strictly(file, content, sentence, shelf, repository):
    shelf.write("dogs", "1")
    (shelf.write("cats", "1") / file).write_text(content)
    models = repository()
    [status] = models.versions("cats")
    assert (status.state, sentence in status.reason) == (State.END, True), status.reason
    assert models.get("dogs")


def test_labels_beside_a_model_may_be_a_label_map(shelf, repository):
    labels = shelf.write("cats", "1") / "labels.txt"
    labels.write_text('{"2": "blue", "0": "red", "1": "green"}')
    assert repository().get("cats").info.labels == ("red", "green", "blue")


def test_a_file_that_crashes_the_runtime_stays_out(shelf, repository, look, monkeypatch):
    shelf.write("cats", "1")
    models = repository()
    monkeypatch.setattr(trial, "run", crash)
    shelf.write("cats", "2")
    look(models, lambda: newest(models).state is State.END)
    assert "SIGSEGV" in newest(models).reason
    assert answer(models) == ("1", "cats-1 red")


def crash(*_, **__):
    raise TrialCrashed("The runtime crashes with SIGSEGV.")


def test_what_may_pass_is_tried_again(shelf, repository, look, monkeypatch):
    monkeypatch.setattr(model, "_FIRST_RETRY_SECONDS", 0.2)
    shelf.write("cats", "1")
    models = repository()
    run, tries = trial.run, []

    def killed_twice(*arguments, **options):
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise TrialUnfinished("It was killed for want of memory.")
        return run(*arguments, **options)

    monkeypatch.setattr(trial, "run", killed_twice)
    shelf.write("cats", "2")
    look(models, lambda: answer(models) == ("2", "cats-2 red"))
    assert len(tries) == 3
    assert tries[2] - tries[1] > tries[1] - tries[0]


def test_files_replaced_under_the_same_number_are_taken_as_a_whole(shelf, repository, look):
    place = shelf.write("cats", "1")
    models = repository()
    incoming = shelf.write("cats", "2", "other", hidden=True)
    place.rename(place.with_name(".old"))
    incoming.rename(place)
    look(models, lambda: models.get().info.labels[0] == "other red")
    assert models.get().info.sha256 == shelf.sha256("other")
    assert newest(models).state is State.AVAILABLE


def test_files_replaced_by_damaged_ones_leave_what_was_loaded(shelf, repository, look):
    place = shelf.write("cats", "1")
    models = repository()
    (place / "labels.txt").write_text("one\n")
    look(models, lambda: newest(models).reason)
    assert newest(models).state is State.AVAILABLE
    assert answer(models) == ("1", "cats-1 red")


def test_touched_files_are_not_loaded_again(shelf, repository, look):
    place = shelf.write("cats", "1")
    models = repository()
    before = models.get()
    os.utime(place / "model.tflite")
    (place / "model.tflite").chmod(0o600)
    end = time.monotonic() + 1
    look(models, lambda: time.monotonic() > end)
    assert models.get() is before


def test_a_kubernetes_volume_is_followed_through_its_links(shelf, repository, look):
    for revision in ("a", "b"):
        shelf.write(f"{revision}", "1", revision)
        (shelf.root / revision).rename(shelf.root / f"..{revision}")
    (shelf.root / "..data").symlink_to("..a")
    (shelf.root / "cats").symlink_to("..data")
    models = repository()
    assert answer(models) == ("1", "a red")
    (shelf.root / "..new").symlink_to("..b")
    (shelf.root / "..new").replace(shelf.root / "..data")
    look(models, lambda: answer(models) == ("1", "b red"))


def test_an_unreadable_directory_changes_nothing_and_is_said_once(
    shelf, repository, look, caplog, monkeypatch
):
    shelf.write("cats", "1")
    models = repository()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("cats"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        for _ in range(5):
            models.look()
    assert answer(models) == ("1", "cats-1 red")
    assert caplog.text.count("Permission denied") == 1
    shelf.write("cats", "2")
    look(models, lambda: answer(models)[0] == "2")


def test_no_error_ends_the_watch(shelf, repository, until, monkeypatch, caplog):
    shelf.write("cats", "1")
    models = repository(poll_seconds=0.1)
    looked = []

    def fail():
        looked.append(1)
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(models._watcher, "_look", fail)
    models.start()
    until(lambda: len(looked) > 4)
    assert caplog.text.count("Traceback") == 1
    monkeypatch.setattr(models._watcher, "_look", models.look)
    shelf.write("cats", "2")
    until(lambda: answer(models)[0] == "2")


def test_a_look_at_a_thousand_versions_that_did_not_change_is_cheap(shelf, repository):
    """No file of theirs is looked at: only the names, and the one that answers."""
    shelf.write("cats", "5000")
    for number in range(1000):
        (shelf.root / "cats" / str(number)).mkdir()
    models = repository()
    models.look()
    started = time.thread_time()
    for _ in range(5):
        models.look()
    assert (time.thread_time() - started) / 5 < 0.2
    shutil.rmtree(shelf.root)
