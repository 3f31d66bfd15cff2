"""Settings from a TOML file: keys with dashes or underscores, no tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_server.configuration.declaration import Setting
from edge_server.configuration.nearest import nearest
from edge_server.configuration.values import shown
from edge_server.errors import SettingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def find(named: str) -> Path | None:
    """The file that --config or EDGE_CONFIG names; None for none.

    A dash before the path, as systemd's EnvironmentFile has it: read the file if there is one.
    """
    if not named:
        return None
    if named.startswith("-"):
        path = Path(named[1:])
        return path if path.exists() else None
    return Path(named)


def load(path: Path) -> dict[str, Any]:
    """The keys and values of the file. Raises SettingError where it can't be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            f"{path} can't be read ({error.strerror}): give the path of a file of settings."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not in UTF-8: save it so, as TOML has to be.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not valid TOML ({error}): mend it there.") from error


def given(
    settings: Sequence[Setting], document: dict[str, Any], path: Path
) -> tuple[dict[str, Any], list[str]]:
    """Value by setting's name, and a sentence for each key that is wrong."""
    known = {setting.name: setting for setting in settings}
    values: dict[str, Any] = {}
    wrong = []
    for key, value in document.items():
        name = key.replace("-", "_")
        if name not in known:
            what = "table" if isinstance(value, dict) else "setting"
            wrong.append(
                f"{path}: there is no {what} {shown(key)}: the nearest setting is "
                f"{nearest(key, (setting.key for setting in settings))}."
            )
        elif name in values:
            wrong.append(f"{path}: {known[name].key} stands there twice: keep one of them.")
        else:
            values[name] = value
    return values, wrong
