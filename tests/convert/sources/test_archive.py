"""Models in a zip: found, unpacked for a while, and bounded."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from convert.errors import UsageError
from convert.sources import archive, source, source_path

LABELS = b"0 red\n1 green\n2 blue\n3 yellow\n"
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(64)


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def folder_in(zip_file: Path, folder: Path, below: str) -> Path:
    with zipfile.ZipFile(zip_file, "w") as packed:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            packed.write(file, f"{below}{file.relative_to(folder).as_posix()}")
        packed.writestr("labels.txt", LABELS)
    return zip_file


def test_a_keras_file_and_its_labels_are_unpacked_and_gone_again(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "converted_keras.zip",
        **{"keras_model.h5": HDF5, "labels.txt": b"0 a\n", "__MACOSX/._keras_model.h5": b"mac"},
    )
    assert source_path.format_of(path) == source_path.ARCHIVE
    with archive.opened(path) as inside:
        assert inside.model.read_bytes() == HDF5
        assert inside.labels is not None
        assert inside.labels.read_text() == "0 a\n"
        folder = inside.model.parent
    assert not folder.exists()


def test_a_file_that_is_no_zip_is_opened_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(HDF5)
    with archive.opened(tmp_path / "m.h5") as inside:
        assert (inside.model, inside.labels) == (tmp_path / "m.h5", None)


@pytest.mark.parametrize("below", ["model.savedmodel/", "deep/down/model/", ""])
def test_a_packed_saved_model_answers_with_its_own_fingerprint(
    models: Path, tmp_path: Path, below: str
) -> None:
    """Teachable Machine packs model.savedmodel beside labels.txt."""
    path = folder_in(tmp_path / "converted_savedmodel.zip", models / "colours", below)
    loaded = source.load(path, None)
    assert (loaded.path, loaded.format, loaded.classes) == (path, "saved_model", 4)
    if below:  # at the top the labels are part of the folder
        assert loaded.fingerprint == source_path.fingerprint(models / "colours")
    assert loaded.fingerprint == source_path.fingerprint(path)
    assert loaded.label_file == LABELS


def test_several_models_are_listed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "two.zip", **{"a/one.h5": HDF5, "b/two.keras": b"x"})
    with pytest.raises(UsageError, match=r"several models \(a/one.h5, b/two.keras\)"):
        source_path.check_path(path)


@pytest.mark.parametrize("name", ["../outside.h5", "/etc/outside.h5", "a/../../outside.h5"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "evil.zip", **{name: HDF5})
    with pytest.raises(UsageError, match="pack the model again"), archive.opened(path):
        pass
    assert not list(tmp_path.parent.glob("outside.h5"))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as packed:
        link = zipfile.ZipInfo("model.h5")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, str(secret))
    with archive.opened(path) as inside:
        assert not inside.model.is_symlink()
        assert inside.model.read_text() == str(secret)


def test_what_would_unpack_to_more_than_a_model_is_refused_unread(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", **{"model.h5": bytes(1 << 20)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")  # the directory, where the sizes are believed
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="would unpack to more than 2 GB"):
        source_path.check_path(path)


def test_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MOST_FILES", 9)
    path = zipped(tmp_path / "many.zip", **{f"{n}": b"" for n in range(9)}, **{"model.h5": HDF5})
    with pytest.raises(UsageError, match="or 9 files"):
        source_path.check_path(path)


def test_a_keras_file_is_bounded_too(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.keras", **{"metadata.json": b"{}", "config.json": bytes(1 << 20)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="would unpack to more than 2 GB"):
        source_path.check_path(path)


@pytest.mark.parametrize("where", [b"PK\x01\x02", b"PK\x03\x04"])
def test_an_archive_with_a_password_or_damage_is_refused_in_words(
    tmp_path: Path, where: bytes
) -> None:
    path = zipped(tmp_path / "locked.zip", **{"model.h5": HDF5})
    data = bytearray(path.read_bytes())
    flags = data.index(where) + (8 if where == b"PK\x01\x02" else 30)
    data[flags] ^= 1  # encrypted; or another name than the directory's
    path.write_bytes(data)
    with pytest.raises(UsageError, match="can't be unpacked"), archive.opened(path):
        pass


def test_sentences_are_about_the_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path / "download.zip", **{"keras_model.h5": HDF5})
    with pytest.raises(UsageError) as caught:
        source.load(path, None)
    assert str(caught.value).startswith(f"{path} can't be read as a Keras file (")
    assert "/keras_model.h5" not in str(caught.value)
