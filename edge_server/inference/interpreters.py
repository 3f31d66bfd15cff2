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
        self._shown: Sequence[Tensor] = ()
        # There are at most as many requests as may work; none is turned away here.
        self._pool = Pool(self.models, max_waiting=2**16)
        self.threads_alone = 0
        self._alone: Pool[Model] | None = None

    def try_each(self, shown: Sequence[Tensor]) -> None:
        """Run each on the first of these inputs (1, h, w, c), on the next where that fails.

        Raises ModelFileError where none of them has a finite answer.
        """
        self._shown = shown
        for model in self.models:
            self._try(model)

    def widen(self, threads: int) -> None:
        """Have one more, of so many threads, for requests that are alone.

        Raises ModelFileError where it does not load or run.
        """
        model = Model(self._bundle.file.data, threads=threads, name=self._bundle.name)
        self._try(model)
        self._alone, self.threads_alone = Pool([model], max_waiting=2**16), threads

    def _try(self, model: Model) -> None:
        """Some files fail only when they are run, and the first run is slow."""
        refusals = []
        for tensor in self._shown:
            try:
                answers = dequantize(model.run(tensor), model.output)
            except ModelFileError as error:
                refusals.append(error)
                continue
            if np.isfinite(answers).all():
                return
            refusals.append(
                ModelFileError(
                    f"{self._bundle.name} puts out numbers that are not finite: convert it again."
                )
            )
        raise refusals[0]

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
