"""What every error answers, whichever protocol it is asked in."""

from __future__ import annotations

from typing import Annotated, TypedDict

from edge_server.api.schema import about


class ErrorAnswer(TypedDict):
    """Why there is no answer."""

    error: Annotated[str, about("One sentence that says what to do.")]
