"""Places to work on requests: no more at a time than can be worked on side by side.

A request keeps its place until its answer is on its way. Work on more requests than there are
processors has them push each other out of the caches and wait for each other's lock, the GIL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from edge_server import request_context
from edge_server.deadline import Deadline
from edge_server.inference.pool import Occupancy, Pool, overloaded


class Places:
    """So many places, for which at most `max_waiting` requests wait."""

    def __init__(self, count: int, *, max_waiting: int) -> None:
        self._pool = Pool(range(count), max_waiting=max_waiting)

    @property
    def free(self) -> int:
        """How many places nobody has now."""
        return self._pool.free

    @property
    def holder_is_alone(self) -> bool:
        """Whether whoever has a place is the only one, and nobody waits."""
        found = self._pool.occupancy
        return found.busy <= 1 and found.waiting == 0

    @property
    def occupancy(self) -> Occupancy:
        """Who has the places now, and who waits for one."""
        return self._pool.occupancy

    @contextmanager
    def take(
        self, deadline: Deadline | float, *, again: bool = False, patient: bool = False
    ) -> Iterator[float]:
        """A place for the length of the block; gives the wait for it, and for the request's turn
        before, in milliseconds.

        Outside of a request's own thread it is given back at once, else when the request ends.
        `again` is for the later parts of a request that has had a place: it stands in line anew,
        but is not turned away, or the work on its first part was for nothing. `patient` is for work
        that is no request: all of those go first. Raises as Pool.borrow() does.
        """
        if not isinstance(deadline, Deadline):
            deadline = Deadline(deadline)
        if deadline.turn.is_turned_away and not again:
            raise overloaded(deadline.turn.ahead)
        start = time.perf_counter()
        context = request_context.current()
        kept = context.kept.pop(id(self), None) if context is not None else None
        if context is not None and kept is not None and again:
            kept()
            kept = None
            context.let_go()  # its turn too, for which others wait
        if kept is None:
            place = self._pool.take(deadline, admitted=again, patient=patient)
            kept = partial(self._pool.give, place)
        try:
            in_line = 0.0 if again else deadline.turn.waited
            yield (time.perf_counter() - start + in_line) * 1e3
        except BaseException:
            kept()
            raise
        if context is None:
            kept()
        else:
            context.kept[id(self)] = kept
