"""One sigmoid unit, as in the Keras tutorial of cats and dogs, is built as two classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from builds import arguments
from colour_photos import Photos, write_photos
from commands import Ran
from edge_server.inference import bundle
from edge_server.inference.manifest import Output


def test_one_sigmoid_unit_is_built_with_two_labels(
    models: Path,
    photos: Photos,
    edge_convert: Callable[..., Ran],
    tmp_path: Path,
) -> None:
    # It puts out how sure it is of red.
    files = write_photos(tmp_path / "photos", 24)
    rows = [f"{file.name},{int('red' in file.name)}" for file in files]
    table = tmp_path / "photos.csv"
    table.write_text("\n".join(["file,label_index", *rows]) + "\n")
    labels = tmp_path / "labels.txt"
    labels.write_text("other\nred\n")
    output = tmp_path / "out"
    ran = edge_convert(
        *arguments(models / "one_number", output, photos, validation=table, labels=labels)
    )
    assert ran.status == 0, ran.said
    assert "the same answer as the original on 100.0% of 24 photos" in ran.said
    made = bundle.read(output / "model.tflite")
    assert made.labels == ("other", "red")
    assert made.output is Output.SIGMOID
    # Other readers would call its one number by the first label.
    assert made.standard is not None
    assert not made.standard.label_file
    # The samples that prove the file on a device tell both classes.
    assert made.manifest is not None
    assert {sample.candidate[0].index for sample in made.manifest.golden} == {0, 1}
    assert all(len(sample.candidate) == 2 for sample in made.manifest.golden)
