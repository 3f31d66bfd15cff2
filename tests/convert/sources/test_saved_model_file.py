"""SavedModels with several graphs, told apart by their tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.errors import UsageError
from convert.sources import source

SIDE = 8


def written(folder: Path, *tag_sets: list[str]) -> Path:
    """A TensorFlow 1 export with a graph for each set of tags; they differ in their scores."""
    import tensorflow as tf

    v1 = tf.compat.v1
    builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
    for number, tags in enumerate(tag_sets):
        with tf.Graph().as_default(), v1.Session() as session:
            image = v1.placeholder(tf.float32, [None, SIDE, SIDE, 3], "image")
            bias = v1.get_variable("b", initializer=np.zeros(3, np.float32))
            scores = tf.identity(tf.reduce_mean(image, [1, 2]) + bias + number, name="scores")
            session.run(v1.global_variables_initializer())
            signature = v1.saved_model.predict_signature_def({"image": image}, {"scores": scores})
            given = {"signature_def_map": {"serving_default": signature}}
            if number:
                builder.add_meta_graph(tags, **given)
            else:
                builder.add_meta_graph_and_variables(session, tags, **given)
    builder.save()
    return folder


@pytest.mark.parametrize(
    ("tag_sets", "chosen"),
    [
        ([["serve"], ["serve", "tpu"]], 0),  # an export for TPUs
        ([["train"], ["serve"]], 1),
        ([[], ["train"]], 0),  # TensorFlow Hub's first format
        ([["train"], []], 1),
        ([["train"]], 0),
        ([[]], 0),
        ([["serve", "gpu"]], 0),
    ],
)
def test_the_graph_for_serving_is_taken(
    tmp_path: Path, tag_sets: list[list[str]], chosen: int
) -> None:
    loaded = source.load(written(tmp_path / "m", *tag_sets), None)
    gray = np.full((1, SIDE, SIDE, 3), 0.25, np.float32)
    np.testing.assert_allclose(loaded.predict(gray), np.full((1, 3), chosen + 0.25))


def test_several_graphs_and_none_for_serving_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "m", ["serve", "tpu"], ["train"])
    with pytest.raises(UsageError, match=r"graphs, tagged serve, tpu; train, and none"):
        source.load(folder, None)


def test_a_damaged_one_is_called_damaged_and_not_cut_off(tmp_path: Path) -> None:
    folder = written(tmp_path / "m", ["serve"])
    for file in (folder / "variables").iterdir():
        file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(UsageError, match=r"can't be loaded as a SavedModel \(.*\): copy it again"):
        source.load(folder, None)
