"""The request that this thread works on: its id, and what its line of the log shall say."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

# What may stand in a header and in a log as it is: visible ASCII, no spaces.
_SANE: Final = re.compile(r"[\x21-\x7e]{1,128}")


def _made() -> str:
    return f"{random.getrandbits(128):032x}"  # to be told from others, not to be secret


@dataclass
class RequestContext:
    """One request. `noted` goes into its log line; `kept` is let go of when it is answered.

    One that is `routine` comes many times a second for days: its line is for who looks for details.
    """

    id: str = field(default_factory=_made)
    noted: dict[str, Any] = field(default_factory=dict)
    kept: dict[int, Callable[[], None]] = field(default_factory=dict)
    routine: bool = False

    def take_over(self, sent: str) -> None:
        """Use the id that the client sent, if it is visible ASCII of at most 128 characters."""
        if _SANE.fullmatch(sent):
            self.id = sent

    def let_go(self) -> None:
        """Hand back what the request has kept, such as its place among those that compute."""
        while self.kept:
            self.kept.popitem()[1]()


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def current() -> RequestContext | None:
    """The request of this thread; None outside of one."""
    return _current.get()


@contextmanager
def begin(context: RequestContext | None = None) -> Iterator[RequestContext]:
    """A request, for as long as the block lasts; a new one where none is given."""
    context = context or RequestContext()
    token = _current.set(context)
    try:
        yield context
    finally:
        context.let_go()
        _current.reset(token)


def note(**fields: Any) -> None:
    """Put these into the log line of the request, such as model and version. No image content."""
    context = current()
    if context is not None:
        context.noted.update(fields)


def routine() -> None:
    """The request is one of many that a page or program sends to follow something."""
    context = current()
    if context is not None:
        context.routine = True


def let_go() -> None:
    """Hand back what the request of this thread has kept, before it waits for something else."""
    context = current()
    if context is not None:
        context.let_go()
