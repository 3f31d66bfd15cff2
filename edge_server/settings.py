"""Every setting once: name, type, default, reason. Command line over EDGE_* environment.

The command line's parser is made from these fields, so that a new setting is one new field here.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge_server.errors import SettingError
from edge_server.inference.preprocessing import PRESETS

BUNDLED_MODEL: Final = Path(__file__).parent / "models" / "digits.tflite"


def _setting(default: Any, help_text: str, metavar: str | None = None, **bounds: Any) -> Any:
    metadata = {"help": help_text, "metavar": metavar, **bounds}
    return field(default=default, metadata=metadata)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@dataclass(frozen=True)
class Settings:
    """What the server runs with. Paths and addresses are as given; 0 means choose."""

    model: Path | None = _setting(
        None, "the .tflite file to serve (default: the bundled digit classifier)", "FILE"
    )
    labels: Path | None = _setting(
        None, "labels, one a line, for a model that carries none or wrong ones", "FILE"
    )
    preprocessing: str | None = _setting(
        None,
        "how pixels were normalized in training, for a model that does not say it",
        choices=tuple(PRESETS),
    )
    color_order: str | None = _setting(
        None,
        "order of the colours that --preprocessing means (default: bgr for caffe, else rgb)",
        choices=("rgb", "bgr"),
    )
    # Reachable from other machines only when asked for: an open port is a decision.
    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0 for the whole LAN", "ADDRESS")
    port: int = _setting(
        8080, "port to listen on; 0 chooses a free one", "N", minimum=0, maximum=65535
    )
    token_file: Path | None = _setting(
        None,
        "file with a token a line; who asks for anything but health has to send one of them",
        "FILE",
    )
    camera: str | None = _setting(
        None,
        "camera: demo, usb:0, folder:DIR, file:CLIP or none "
        "(default: demo with the bundled model, else none)",
        "SPEC",
    )
    title: str = _setting("", "heading of the kiosk page (default: the model's name)", "TEXT")
    # One interpreter a core gives the best throughput; a second thread in each helps one caller
    # but not many. Two are enough for most devices and keep memory low.
    interpreters: int = _setting(
        0,
        "interpreters, each with the whole model (0: one a core, at most 2)",
        "N",
        minimum=0,
        maximum=64,
    )
    threads: int = _setting(
        0, "threads of each interpreter (0: the cores, shared out)", "N", minimum=0, maximum=64
    )
    timeout: float = _setting(
        10.0, "seconds a request may wait for an interpreter", "SECONDS", minimum=0.01, maximum=600
    )
    queue: int = _setting(
        32,
        "requests that may wait for an interpreter before more get 503",
        "N",
        minimum=0,
        maximum=10_000,
    )
    max_body: int = _setting(32, "largest request body, MiB", "MIB", minimum=1, maximum=1024)
    # Pillow itself refuses more than 178 million.
    max_pixels: int = _setting(50, "largest picture, megapixels", "MP", minimum=1, maximum=178)
    max_images: int = _setting(64, "most images in one request", "N", minimum=1, maximum=4096)
    viewers: int = _setting(
        8, "most viewers of the camera's stream at once", "N", minimum=0, maximum=256
    )
    log_level: str = _setting(
        "info", "how much is logged", choices=("debug", "info", "warning", "error")
    )

    @property
    def model_file(self) -> Path:
        return self.model if self.model is not None else BUNDLED_MODEL

    @property
    def camera_spec(self) -> str | None:
        """The camera's specification, None for no camera."""
        if self.camera is None:
            return "demo" if self.model is None else None
        return None if self.camera == "none" else self.camera

    @property
    def interpreter_count(self) -> int:
        return self.interpreters or min(2, _cores())

    @property
    def thread_count(self) -> int:
        return self.threads or max(1, _cores() // self.interpreter_count)


def read(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a command line and an environment.

    Raises SettingError for a value that does not fit. An unknown option ends the process with
    exit status 2 and a sentence, as argparse does.
    """
    environment = os.environ if environment is None else environment
    given = {k: v for k, v in vars(parser().parse_args(arguments)).items() if v is not None}
    values: dict[str, Any] = {}
    for setting in dataclasses.fields(Settings):
        variable = f"EDGE_{setting.name.upper()}"
        if setting.name in given:
            values[setting.name] = _checked(setting, given[setting.name], _option(setting.name))
        elif environment.get(variable):
            values[setting.name] = _checked(setting, environment[variable], variable)
    return Settings(**values)


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m edge_server`."""
    made = argparse.ArgumentParser(
        prog="edge-server",
        description="Serve an image classifier over HTTP, from uploads and a camera. Each option "
        "can also be given as an environment variable: --port as EDGE_PORT.",
        epilog="Another command: `edge-server selftest FILE` runs the samples that a model carries "
        "and shows whether this device answers as it should.",
    )
    for setting in dataclasses.fields(Settings):
        text = setting.metadata["help"]
        if setting.default not in (None, "") and "0:" not in text:
            text += f" (default: {setting.default})"
        choices = setting.metadata.get("choices")
        made.add_argument(
            _option(setting.name),
            dest=setting.name,
            metavar="|".join(choices) if choices else setting.metadata["metavar"],
            help=text,
        )
    return made


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _checked(setting: dataclasses.Field[Any], text: str, where: str) -> Any:
    """The text as the setting's type, within its bounds. `where` is what the user wrote."""
    choices = setting.metadata.get("choices")
    if choices and text not in choices:
        raise SettingError(f"{where} is '{text}': use one of {', '.join(choices)}.")
    if setting.type not in ("int", "float"):
        return Path(text) if "Path" in str(setting.type) else text
    minimum, maximum = setting.metadata["minimum"], setting.metadata["maximum"]
    try:
        number = int(text) if setting.type == "int" else float(text)
    except ValueError:
        number = None
    if number is None or not minimum <= number <= maximum:
        kind = "a whole number" if setting.type == "int" else "a number"
        raise SettingError(f"{where} is '{text}': use {kind} from {minimum} to {maximum}.")
    return number
