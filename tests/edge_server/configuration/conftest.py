"""Settings of every type, as a server might declare them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_server.configuration import command_line, sources
from edge_server.configuration.declaration import declared, setting
from edge_server.errors import SettingError


def _even(number: int) -> None:
    if number % 2:
        raise SettingError("it is odd: use an even number.")


@dataclass(frozen=True)
class Example:
    """One setting of each type."""

    host: str = setting("127.0.0.1", "where", reason="safe")
    port: int = setting(80, "which", reason="usual", minimum=0, maximum=100)
    wait: float = setting(1.5, "how long", reason="patience", minimum=0.5, maximum=9)
    even: int | None = setting(None, "even", reason="x", minimum=0, maximum=9, check=_even)
    model: Path | None = setting(None, "what", "FILE", reason="none yet")
    colour: str | None = setting(None, "which", reason="none", choices=("red", "green"))
    metrics: bool = setting(False, "whether", reason="off")
    warm_up: bool = setting(True, "whether", reason="on")
    pin: tuple[str, ...] = setting((), "which", "NAME", reason="none")
    units: tuple[str, ...] = setting(("a",), "which", reason="a", choices=("a", "b", "c"))


Read = Callable[..., sources.Reading[Example]]


@pytest.fixture
def example() -> type[Example]:
    return Example


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the settings from words, variables and the text of a file."""

    def call(
        arguments: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        file: str | None = None,
    ) -> sources.Reading[Example]:
        parser = command_line.Parser(prog="x")
        command_line.add_options(parser, declared(Example))
        variables = dict(variables or {})
        if file is not None:
            path = tmp_path / "x.toml"
            path.write_text(file, encoding="utf-8")
            variables["EDGE_CONFIG"] = str(path)
        return sources.read(Example, parser, arguments, variables)

    return call


@pytest.fixture
def wrong(read: Read, tmp_path: Path) -> Callable[..., list[str]]:
    """The sentences with which it refuses them; the file is called F in them."""

    def call(*given: Any, **named: Any) -> list[str]:
        with pytest.raises(SettingError) as caught:
            read(*given, **named)
        return [sentence.replace(str(tmp_path / "x.toml"), "F") for sentence in caught.value.args]

    return call
