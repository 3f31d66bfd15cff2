"""The interpreters of one model: some that share the load, and one for whoever is alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from edge_server.deadline import Deadline
from edge_server.errors import ModelFileError
from edge_server.inference.bundle import Bundle
from edge_server.inference.classification import Timing
from edge_server.inference.delegate import Delegate
from edge_server.inference.pool import Pool
from edge_server.inference.preprocessing import Tensor
from edge_server.inference.runtime import Model, dequantize


class Interpreters:
    """`count` interpreters of `threads` threads each, on a delegate if there is one."""

    def __init__(
        self, bundle: Bundle, *, count: int, threads: int, delegate: Delegate | None = None
    ) -> None:
        """Raises ModelFileError where the runtime refuses the model, DelegateFailed."""
        self._bundle = bundle
        self.models: Sequence[Model] = [
            Model(bundle.file.data, threads=threads, name=bundle.name, delegate=delegate)
            for _ in range(count)
        ]
        self.count, self.threads = count, threads
        # There are at most as many requests as may work; none is turned away here.
        self._pool = Pool(self.models, max_waiting=2**16)
        self.threads_alone = 0
        self._alone: Pool[Model] | None = None

    def try_each(self) -> None:
        """Run each once, on a black picture. Raises ModelFileError."""
        for model in self.models:
            _try(self._bundle.name, model)

    def widen(self, threads: int) -> None:
        """Have one more, of so many threads, for requests that are alone.

        Raises ModelFileError where it does not load or run.
        """
        model = Model(self._bundle.file.data, threads=threads, name=self._bundle.name)
        _try(self._bundle.name, model)
        self._alone, self.threads_alone = Pool([model], max_waiting=2**16), threads

    def narrow(self) -> None:
        """Do without the one of widen()."""
        self._alone, self.threads_alone = None, 0

    def run(self, tensor: Tensor, deadline: Deadline, *, alone: bool) -> tuple[Tensor, Timing]:
        """The model's own output for (n, h, w, c), and each picture's share of the time.

        `alone` says that nobody else works. Raises DeadlineExceeded, ClientGone, ModelFileError.
        """
        start = time.perf_counter()
        wide = self._alone
        pool = wide if alone and wide is not None and wide.free else self._pool
        # Whether the client is still there was asked a moment ago; it is again after a wait.
        with pool.borrow(deadline.unwatched() if pool.free else deadline) as model:
            borrowed = time.perf_counter()
            model.resize(len(tensor))
            raw = model.run(tensor)
            done = time.perf_counter()
        share = 1e3 / len(tensor)
        return raw, Timing(queue=(borrowed - start) * share, invoke=(done - borrowed) * share)


def _try(name: str, model: Model) -> None:
    """Run a model once, on a black picture: some fail only then, and the first run is slow.

    Raises ModelFileError.
    """
    raw = model.run(np.zeros(model.input.shape, model.input.dtype))
    if not np.isfinite(dequantize(raw, model.output)).all():
        raise ModelFileError(
            f"{name} puts out numbers that are not finite for a black picture: convert it again."
        )
