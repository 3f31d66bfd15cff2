"""Errors of conversion. Exit status 2: what was given is wrong; 1: it could not be done."""

from __future__ import annotations

import re
from typing import Final

from edge_server.errors import EdgeError
from edge_server.excerpt import excerpt, plain

# After these words TensorFlow and Keras say what went wrong; before them stand stacks and dumps.
_CAUSES: Final = (
    re.compile(r"Exception encountered: "),
    re.compile(r"Exception encountered when calling [^\n]*\n"),
    re.compile(r"\b[A-Z]\w*Error: "),
    re.compile(r"\(\d+\) [A-Z_]+: "),  # one of several root errors
)
# Lines that name places and not causes.
_PLACES: Final = re.compile(
    r"Graph execution error|Detected at node|Stack trace|<stack traces|File \"|in user code:"
    r"|\[\[|\d+ root error|Arguments received by|Call arguments received by|\.\.\.$"
    r"|Original stack trace"
)
_NODES: Final = re.compile(r"\{\{function_node [^}]*\}\}|\s*\[\[\{\{.*|\s*\[Op:[^\]]*\].*")


class UsageError(EdgeError):
    """The command names something that is not what it should be."""

    exit_status = 2


class PicturesRefused(UsageError):
    """The model's own graph does not take the numbers that it was given."""


class BuildError(EdgeError):
    """The conversion, or a check of what came out, did not succeed."""

    exit_status = 1


class RecipeFailed(BuildError):
    """The model can't be converted, or run, by the recipe that was asked for; another may do."""


def first_line(error: Exception) -> str:
    """What a library's message says of the cause, in one line, without its final full stop.

    Stacks, dumps of a configuration and the codes that colour a terminal are left out.
    """
    text = plain(str(error))
    for cause in _CAUSES:
        *_, last = cause.split(text)
        text = last if last.strip() else text
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not _PLACES.match(line)]
    return excerpt(_NODES.sub("", said[0])) if said else type(error).__name__
