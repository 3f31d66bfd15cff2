"""Errors of conversion. Exit status 2: what was given is wrong; 1: it could not be done."""

from __future__ import annotations

from edge_server.errors import EdgeError


class UsageError(EdgeError):
    """The command names something that is not what it should be."""

    exit_status = 2


class BuildError(EdgeError):
    """The conversion, or a check of what came out, did not succeed."""

    exit_status = 1


class RecipeFailed(BuildError):
    """The model can't be converted, or run, by the recipe that was asked for; another may do."""


def first_line(error: Exception) -> str:
    """The first line of a library's message, short, without its final full stop."""
    text = str(error).strip()
    return text.splitlines()[0][:200].rstrip(".") if text else type(error).__name__
