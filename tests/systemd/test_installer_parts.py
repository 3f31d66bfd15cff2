"""scripts/install as far as it goes without root, and the parts that it is made of."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL = CHECKOUT / "scripts/install"
PARTS = CHECKOUT / "systemd/installer"


def bash(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *command], capture_output=True, text=True, timeout=30, check=False
    )


def call(part: str, *words: str, variables: str = "") -> subprocess.CompletedProcess[str]:
    """Call a function of a part, as the installer does: stopping at the first error."""
    script = f'set -euo pipefail; {variables} source "{PARTS / part}"; "$@"'
    return bash("-c", script, "bash", *words)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_is_silent() -> None:
    files = [str(INSTALL), *map(str, sorted(PARTS.glob("*.sh")))]
    result = subprocess.run(
        ["shellcheck", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--nonsense"],
        ["--port"],
        ["--port", "0"],
        ["--port", "65536"],
        ["--port", "http"],
        ["--timeout", "soon"],
        ["--camera", "demo\nEDGE_HOST=0.0.0.0"],
        ["--purge"],
        ["--model", "m.tflite", "--models", "/srv/models"],
        ["--models", "models"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_sentence_and_2(options: list[str]) -> None:
    result = bash(str(INSTALL), *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("install: ")
    assert result.stderr.endswith("scripts/install --help shows the options.\n")
    assert result.stderr.count("\n") == 1


def test_help_names_every_option() -> None:
    result = bash(str(INSTALL), "--help")
    assert result.returncode == 0
    for option in (
        "model",
        "models",
        "camera",
        "host",
        "port",
        "token-file",
        "python",
        "no-start",
        "uninstall",
        "purge",
    ):
        assert f"--{option} " in result.stdout
    assert "--uninstall " in result.stdout


def test_a_missing_model_is_one_sentence(tmp_path: Path) -> None:
    result = bash(str(INSTALL), "--model", str(tmp_path / "none.tflite"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "none.tflite" in result.stderr


@pytest.mark.parametrize(
    "value",
    ["usb:0?size=1280x720&fps=30", 'folder:/srv/my "pictures"', "a\\b", "$HOME `id` %n", "'x'"],
)
def test_a_setting_reads_as_it_was_set(tmp_path: Path, value: str) -> None:
    file = tmp_path / "edge-server.env"
    shutil.copy(CHECKOUT / "systemd/edge-server.env", file)
    assert call("settings.sh", "set_setting", str(file), "EDGE_CAMERA", value).returncode == 0
    assert call("settings.sh", "get_setting", str(file), "EDGE_CAMERA", "").stdout == value
    assert call("settings.sh", "get_setting", str(file), "EDGE_PORT", "8080").stdout == "8080"


def test_setting_changes_one_line_and_keeps_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "edge-server.env"
    file.write_text("# mine\n#EDGE_PORT=8080\nEDGE_HOST='::1'\nEDGE_PORT=1\nEDGE_TITLE=x\n")
    file.chmod(0o640)
    call("settings.sh", "set_setting", str(file), "EDGE_PORT", "2")
    assert file.read_text() == "# mine\nEDGE_PORT=\"2\"\nEDGE_HOST='::1'\nEDGE_TITLE=x\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert call("settings.sh", "get_setting", str(file), "EDGE_HOST", "").stdout == "::1"


def test_an_unset_setting_stays_as_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "edge-server.env"
    file.write_text("#EDGE_MODEL=a\nEDGE_MODEL=b\nEDGE_MODELS=c\n")
    call("settings.sh", "unset_setting", str(file), "EDGE_MODEL")
    assert file.read_text() == "#EDGE_MODEL=a\n#EDGE_MODEL=b\nEDGE_MODELS=c\n"
    assert call("settings.sh", "get_setting", str(file), "EDGE_MODEL", "").stdout == ""


@pytest.mark.parametrize("directory", ["/home/pi/models", "/tmp/models", "/nowhere/models"])
def test_models_that_the_service_could_not_see_are_one_sentence(directory: str) -> None:
    result = bash(str(INSTALL), "--models", directory)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert directory in result.stderr


def test_what_was_replaced_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "new").write_text("new ")
    (tmp_path / "old").write_text("old ")
    (tmp_path / "link").symlink_to("old")
    (tmp_path / "new link").symlink_to("new")
    script = f"""
        cd "{tmp_path}"; saved=$PWD/saved; source "{PARTS / "undo.sh"}"
        replace new old; replace "new link" link; replace new folder/made
        cat old link folder/made; readlink link
        put_back
    """
    result = bash("-euc", script)
    assert (result.stdout, result.stderr) == ("new new new new\n", "")
    assert (tmp_path / "old").read_text() == "old "
    assert str((tmp_path / "link").readlink()) == "old"
    assert not (tmp_path / "folder/made").exists()
    assert not list(tmp_path.rglob("*.incoming"))


@pytest.mark.parametrize(
    "line",
    [
        'host = "0.0.0.0"',
        "host='0.0.0.0' # all",
        '  host ="0.0.0.0"',
        'host = "::1"\nhost = "0.0.0.0"',
    ],
)
def test_a_text_of_a_toml_file_is_read(tmp_path: Path, line: str) -> None:
    file = tmp_path / "edge-server.toml"
    file.write_text(f"# host = 'x'\nhosts = 'y'\n{line}\nport = 9000 # mine\n")
    assert call("settings.sh", "get_toml", str(file), "host", "z").stdout == "0.0.0.0"
    assert call("settings.sh", "get_toml", str(file), "port", "z").stdout == "9000"


def test_what_a_toml_file_does_not_say_is_the_default(tmp_path: Path) -> None:
    missing = call("settings.sh", "get_toml", str(tmp_path / "none.toml"), "port", "8080")
    assert (missing.returncode, missing.stdout, missing.stderr) == (0, "8080", "")
