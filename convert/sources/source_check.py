"""Proof, on pictures, that a model's function of one image answers as the original does."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tensorflow as tf

from convert.errors import UsageError
from convert.sources import source_path
from convert.sources.source import Source
from edge_server.inference.preprocessing import FloatTensor

# Of the largest score: far above what another order of additions does, far below what dropout
# and the statistics of another batch do.
_SAME: Final = 1e-2
# float16 and bfloat16 have 11 and 8 bits: another order of additions shows.
_SAME_IN_HALF: Final = 1e-1
# Chance may give the same answer twice, above all where few numbers drop out.
_REPEATS: Final = 4


def check(source: Source, tensors: FloatTensor) -> None:
    """Compare the answers to different pictures, (n, height, width, channels), in every way.

    Raises UsageError where the single image function does not work, or an answer hangs on chance
    or on the pictures beside it, as it does in a graph that was saved while it trained. Raises
    PicturesRefused where the graph does not take these numbers.
    """
    alone = [_alone(source, tensors) for _ in range(_REPEATS)]
    together = [source.predict(tensors) for _ in range(_REPEATS)]
    if not all(_same(answers, alone[0], _SAME) for answers in alone):
        raise UsageError(_by_chance(source))
    if all(_same(answers, alone[0], _SAME) for answers in together):
        return
    if source.half:
        # float32 rounds otherwise; how much that matters, the validation of the file tells.
        singly = np.concatenate([source.predict(tensor[None]) for tensor in tensors])
        if all(_same(answers, singly, _SAME_IN_HALF) for answers in together):
            return
    if source.batch not in (None, 1):
        raise source.does_not_work(ValueError("the answer hangs on the pictures beside it"))
    if not all(_same(answers, together[0], _SAME) for answers in together):
        raise UsageError(_by_chance(source))
    raise UsageError(_by_the_batch(source))


def _alone(source: Source, tensors: FloatTensor) -> FloatTensor:
    function = source.single_image_function()
    try:
        rows = [function(tf.constant(t[None]))[source.output_name].numpy() for t in tensors]
    except tf.errors.OpError as error:
        if source.batch in (None, 1):
            raise source.refuses(error, tensors) from error
        raise source.does_not_work(error) from error
    return np.concatenate(rows)


def _same(answers: FloatTensor, expected: FloatTensor, allowed: float) -> bool:
    largest = np.nan_to_num(np.abs(expected), nan=0, posinf=0).max(axis=1, keepdims=True)
    close: Any = np.isclose(answers, expected, rtol=0, atol=allowed * largest, equal_nan=True)
    return bool(close.all())


def _by_chance(source: Source) -> str:
    return (
        f"{source.path} answers the same picture otherwise the next time: dropout or augmentation "
        f"is at work in it, as in training. {_way_out(source)}"
    )


def _by_the_batch(source: Source) -> str:
    return (
        f"{source.path} answers a picture otherwise beside another one: it computes with the whole "
        f"batch, as batch normalization does in training. {_way_out(source)}"
    )


def _way_out(source: Source) -> str:
    if source.training is not None:
        return (
            f"Its layer '{source.training}' is called with training=True: leave that out, and "
            "save the model again."
        )
    if source.format == source_path.SAVED_MODEL:
        return (
            "Keras's export() writes such a model where resizing, cropping or augmentation is part "
            "of it: save it with model.save('model.keras') and give that file. Else save it with "
            "training=False."
        )
    return "Take that layer out, and save the model again."
