"""Which name was meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`: one that it begins before all others.

    Case, dashes and underscores make no difference.
    """
    plain = {_plain(candidate): candidate for candidate in known}
    wanted = _plain(name)
    begun = [candidate for candidate in plain if wanted and candidate.startswith(wanted)]
    best = difflib.get_close_matches(wanted, begun or plain, n=1, cutoff=0.0)
    return plain[best[0]]


def _plain(name: str) -> str:
    return name.lower().lstrip("-").replace("_", "-")
