"""How the pictures of one request are shared out among interpreters, and whether as batches.

A batch saves what each run costs by itself: reading the weights of dense layers, starting the
operators. Convolutions gain nothing by it and may lose, since the activations of several pictures
leave the caches. So it is measured where it runs, when the model is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np

from edge_server.errors import ModelFileError
from edge_server.inference.preprocessing import Preprocessing
from edge_server.inference.probe import batch_refusal, pictures
from edge_server.inference.runtime import Model, dequantize

T = TypeVar("T")

# Four have most of the gain; more only cost memory.
BATCH: Final = 4
# Below this a gain is lost in the noise, and in keeping an interpreter from others for longer.
_SHARE_OF_TIME: Final = 0.85
_SECONDS: Final = 0.25
_MAX_ROUNDS: Final = 10


def size_that_pays(data: bytes, *, threads: int, spec: Preprocessing | None = None) -> int:
    """How many pictures to run at once: BATCH, or 1 where that is as fast or does not work.

    `spec` is how the model sees pictures.

    Resizes an interpreter of its own, which is gone afterwards with its memory, and takes a
    quarter of a second, or as long as sixteen runs of a slow model.
    """
    model = Model(data, threads=threads)
    tensor = pictures(model.input, BATCH, spec)
    try:
        alone = np.concatenate([model.run(picture[np.newaxis]) for picture in tensor])
    except ModelFileError:
        return 1
    if batch_refusal(model, tensor, dequantize(alone, model.output)) is not None:
        return 1
    one_by_one: list[float] = []
    together: list[float] = []
    end = time.monotonic() + _SECONDS
    while not together or (len(together) < _MAX_ROUNDS and time.monotonic() < end):
        # Of this thread alone, so that what else the machine does counts little.
        start = time.thread_time()
        for picture in tensor:
            model.run(picture[np.newaxis])
        middle = time.thread_time()
        # A request finds an interpreter for one picture and leaves it to the next as it comes.
        model.resize(BATCH)
        model.run(tensor)
        model.resize(1)
        one_by_one.append(middle - start)
        together.append(time.thread_time() - middle)
    return BATCH if min(together) <= _SHARE_OF_TIME * min(one_by_one) else 1


def chunks(count: int, workers: int, size: int) -> Iterator[range]:
    """The positions of `count` pictures, cut for `workers` that work side by side.

    Whole batches of `size` where there is one for every worker, the rest by itself: the
    interpreter has answered in these two sizes before, and a batch must not idle another worker.
    """
    batches = count // size if count >= size * workers else 0
    for number in range(batches):
        yield range(number * size, (number + 1) * size)
    for position in range(batches * size, count):
        yield range(position, position + 1)


def side_by_side(parts: Iterable[range], workers: int, work: Callable[[range], list[T]]) -> list[T]:
    """What `work` gives for the parts, in their order, by so many workers at once.

    Raises what `work` raises; what has not begun by then is dropped.
    """
    if workers == 1:
        return [answer for part in parts for answer in work(part)]
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as threads:
        return [answer for answers in threads.map(work, parts) for answer in answers]
