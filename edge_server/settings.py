"""Every setting of the server once: name, type, default, help and the reason for the default.

A new setting is one new field here: option, variable, key and `edge-server config` follow from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from camera.errors import CameraError
from edge_server.configuration import command_line, sources
from edge_server.configuration.declaration import declared, setting
from edge_server.configuration.sources import Reading
from edge_server.errors import SettingError
from edge_server.inference import delegate as delegates
from edge_server.inference import region as regions
from edge_server.inference.preprocessing import PRESETS
from edge_server.mqtt import broker, topics
from edge_server.origins import check_origins
from edge_server.page import colors, logo
from edge_server.repository import rules

BUNDLED_MODEL: Final = Path(__file__).parent / "models" / "digits.tflite"


def _check_camera(spec: str) -> None:
    if spec == "none":
        return
    from camera.sources.spec import from_spec  # noqa: PLC0415, who has no camera needs none of them

    try:
        from_spec(spec)
    except CameraError as error:
        raise SettingError(str(error)) from error


def _check_delegate_options(options: Sequence[str]) -> None:
    for option in options:
        delegates.pair(option)


def _check_region(text: str) -> None:
    regions.parse(text)


def _check_pins(texts: Sequence[str]) -> None:
    rules.parse_pins(texts)


def _check_labels(texts: Sequence[str]) -> None:
    rules.parse_labels(texts)


@dataclass(frozen=True)
class Settings:
    """What the server runs with. Paths and addresses are as given; 0 means choose."""

    model: Path | None = setting(
        None,
        "the .tflite file to serve (default: the bundled digit classifier)",
        "FILE",
        reason="a fresh installation answers at once, with a model whose accuracy is known",
    )
    models: Path | None = setting(
        None,
        "a directory of models, DIR/NAME/VERSION/model.tflite, instead of --model; changes in it "
        "are followed without a restart",
        "DIR",
        reason="one model in one file is the simple way",
    )
    default_model: str | None = setting(
        None,
        "which of --models answers where a request names none, on the kiosk page and to the camera "
        "(default: the only one, else the first by name)",
        "NAME",
        reason="with one model there is nothing to choose",
    )
    pin: tuple[str, ...] = setting(
        (),
        "version to serve instead of the newest, for each model; the file DIR/NAME/pin goes first",
        "NAME=VERSION",
        check=_check_pins,
        reason="whoever copies a new version there wants it to answer",
    )
    version_label: tuple[str, ...] = setting(
        (),
        "version to keep loaded beside the one that is served, under a label of TensorFlow Serving",
        "NAME:LABEL=VERSION",
        check=_check_labels,
        reason="each version that is kept loaded takes memory",
    )
    models_poll: float = setting(
        1.0,
        "seconds between two looks into --models",
        "SECONDS",
        minimum=0.1,
        maximum=3600,
        reason="a look costs a few system calls for each model, and sees what NFS and rsync do",
    )
    labels: Path | None = setting(
        None,
        "labels, one a line, for a model that carries none or wrong ones",
        "FILE",
        reason="a file that was made for this server carries its labels",
    )
    preprocessing: str | None = setting(
        None,
        "how pixels were normalized in training, for a model that does not say it",
        choices=tuple(PRESETS),
        reason="a file that was made for this server says it, and a guess would give wrong answers",
    )
    color_order: str | None = setting(
        None,
        "order of the colours that --preprocessing means (default: bgr for caffe, else rgb)",
        choices=("rgb", "bgr"),
        reason="each convention has a usual order, and few models differ",
    )
    host: str = setting(
        "127.0.0.1",
        "address to listen on; 0.0.0.0 for the whole LAN",
        "ADDRESS",
        reason="other machines get in only when asked for: an open port is a decision",
    )
    port: int = setting(
        8080,
        "port to listen on; 0 chooses a free one",
        "N",
        minimum=0,
        maximum=65535,
        reason="the usual port of a web server that is not run by root",
    )
    token_file: Path | None = setting(
        None,
        "file with a token a line; who asks for anything but health has to send one of them",
        "FILE",
        reason="this machine alone gets in as it is; who opens the port chooses the tokens",
    )
    cors: tuple[str, ...] = setting(
        (),
        "origin whose web pages may ask this server, such as https://example.org; * for all",
        "ORIGIN",
        reason="no page that somebody visits may look through this device's camera by itself",
        check=check_origins,
    )
    allow_host: tuple[str, ...] = setting(
        (),
        "name under which the server is reached, where it is one of the public DNS",
        "NAME",
        reason="without tokens, a foreign page could get in by a name that it leads to this device",
    )
    tls_cert: Path | None = setting(
        None,
        "certificate for HTTPS, PEM, with its chain; needs --tls-key",
        "FILE",
        reason="a certificate has to be made for the name under which the device is reached",
    )
    tls_key: Path | None = setting(
        None,
        "private key of --tls-cert, PEM, without a password",
        "FILE",
        reason="it belongs to the certificate",
    )
    camera: str | None = setting(
        None,
        "camera: demo, usb:0, csi:0, rtsp://HOST/PATH, http://HOST/PATH, folder:DIR, file:CLIP or "
        "none; `python -m camera list` knows all (default: demo with the bundled model, else none)",
        "SPEC",
        check=_check_camera,
        reason="no camera is opened unasked, and the demo's digits fit the bundled model alone",
    )
    classify_fps: float = setting(
        0.0,
        "frames of the camera that are classified each second, at most (0: as many as pay)",
        "N",
        minimum=0,
        maximum=120,
        reason="ten a second while the scene changes and four while it does not, never more than "
        "half of the time, and uploads go first",
    )
    region: str | None = setting(
        None,
        "part of the camera's picture to classify: left edge, upper edge, width and height as "
        "fractions of the upright picture, such as 0.25,0,0.5,1",
        "X,Y,WIDTH,HEIGHT",
        check=_check_region,
        reason="nobody but you knows where in the picture the things will be",
    )
    smoothing: float = setting(
        0.5,
        "seconds over which the camera's answers are averaged (0: each frame for itself)",
        "SECONDS",
        minimum=0,
        maximum=60,
        reason="a label stops to flicker, and a person who puts something down waits no longer "
        "for it than to look up",
    )
    min_confidence: float = setting(
        0.5,
        "confidence from which on an answer is sure; below, page and events say that it is not",
        "0..1",
        minimum=0,
        maximum=1,
        reason="from half on, no other class can be as likely",
    )
    subscribers: int = setting(
        8,
        "most programs that follow GET /camera/events at once",
        "N",
        minimum=0,
        maximum=256,
        reason="each holds a thread; a page and a home automation need one each",
    )
    mqtt: str | None = setting(
        None,
        "MQTT broker that is told what the camera sees: mqtt://USER@HOST, or mqtts://USER@HOST for "
        "an encrypted connection; needs requirements-mqtt.txt",
        "ADDRESS",
        check=broker.check,
        reason="what a camera sees leaves the device only when asked for",
    )
    mqtt_password_file: Path | None = setting(
        None,
        "file with the password for --mqtt in its first line",
        "FILE",
        reason="others on the device see what stands in a command line",
    )
    mqtt_ca: Path | None = setting(
        None,
        "certificate, PEM, of whoever signed that of the broker of mqtts://",
        "FILE",
        reason="the system's own authorities do for a broker with a public name",
    )
    mqtt_topic: str = setting(
        "",
        "topic below which all is published (default: edge-server/ and the device's name)",
        "TOPIC",
        check=topics.check,
        reason="of twenty kiosks each has a name, and so a topic of its own",
    )
    mqtt_discovery: str = setting(
        "homeassistant",
        "topic where Home Assistant looks for new devices; none for not telling it",
        "TOPIC",
        check=topics.check,
        reason="that is Home Assistant's own default, and nobody else reads there",
    )
    title: str = setting(
        "",
        "heading of the kiosk page (default: the model's name)",
        "TEXT",
        reason="the model's name says what is served",
    )
    logo: Path | None = setting(
        None,
        "logo for the kiosk page, an SVG or PNG file",
        "FILE",
        check=logo.check,
        reason="the page needs none, and which is right its owner knows",
    )
    colors: str = setting(
        "",
        "colours of the pages, such as 'accent=#0b6e4f, paper=#fffdf5': paper, ink, accent, line, "
        "and with dark- before it each for dark screens; those that could not be read are refused",
        "NAME=COLOUR,...",
        check=colors.check,
        reason="the colours that come with the pages can be read from afar, by day and by night",
    )
    interpreters: int = setting(
        0,
        "interpreters, each with the whole model (0: measured at start, at most 4)",
        "N",
        minimum=0,
        maximum=64,
        reason="many of one thread or one of many: which answers most pictures depends on the "
        "model and the cores, so it is tried",
    )
    threads: int = setting(
        0,
        "threads of each interpreter (0: with the interpreters as many as there are cores)",
        "N",
        minimum=0,
        maximum=64,
        reason="more threads than cores only wait for each other",
    )
    delegate: str = setting(
        "",
        "library of an accelerator that is to run the model: libedgetpu.so.1, or any external "
        "delegate of TensorFlow Lite; the CPU does where it can't",
        "LIBRARY",
        reason="the CPU runs every model, and an accelerator has to be there",
    )
    delegate_options: tuple[str, ...] = setting(
        (),
        "what the delegate is told, each key=value",
        "KEY=VALUE",
        check=_check_delegate_options,
        reason="each library has its own, and none that it needs",
    )
    timeout: float = setting(
        10.0,
        "seconds from the arrival of a request to its answer",
        "SECONDS",
        minimum=0.01,
        maximum=600,
        reason="a person waits so long and not longer, and no request waits for ever",
    )
    upload_timeout: float = setting(
        60.0,
        "seconds that the body of a request may take to come",
        "SECONDS",
        minimum=0.1,
        maximum=3600,
        reason="the largest body in half a minute is 10 Mbit/s; slower ones hold memory for long",
    )
    queue: int = setting(
        32,
        "requests that may wait for an interpreter before more get 503",
        "N",
        minimum=0,
        maximum=10_000,
        reason="each holds a thread and its picture; more could not be answered in time",
    )
    max_body: int = setting(
        32,
        "largest request body, MiB",
        "MIB",
        minimum=1,
        maximum=1024,
        reason="room for several photos of a telephone, and not for filling the device's memory",
    )
    max_pixels: int = setting(
        50,
        "largest picture, megapixels",
        "MP",
        minimum=1,
        maximum=178,  # Pillow itself refuses more
        reason="above that of most cameras; decoded, it takes 150 MB",
    )
    max_images: int = setting(
        64,
        "most images in one request",
        "N",
        minimum=1,
        maximum=4096,
        reason="one request must not keep the interpreters from all others for long",
    )
    viewers: int = setting(
        8,
        "most viewers of the camera's stream at once",
        "N",
        minimum=0,
        maximum=256,
        reason="each holds a thread and a share of the network; a kiosk needs one",
    )
    log_level: str = setting(
        "info",
        "how much is logged",
        choices=("debug", "info", "warning", "error"),
        reason="one line a request is what an operator asks for first",
    )
    log_format: str = setting(
        "text",
        "how: key=value for people, or one JSON object a line for programs",
        choices=("text", "json"),
        reason="a log is read on the device before anything collects it",
    )

    @property
    def model_file(self) -> Path:
        return self.model if self.model is not None else BUNDLED_MODEL

    @property
    def camera_spec(self) -> str | None:
        """The camera's specification, None for no camera."""
        if self.camera is None:
            return "demo" if self.model is None and self.models is None else None
        return None if self.camera == "none" else self.camera


def read(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings from command line, environment and file; None means those of this process.

    Raises SettingError, with a sentence for each wrong name and value. --help ends the process.
    """
    return read_with_sources(parser(), arguments, environment).settings


def read_with_sources(
    options: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Reading[Settings]:
    """As read(), with the place that each comes from; `options` has those of parser()."""
    return sources.read(Settings, options, arguments, environment)


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m edge_server`."""
    made = command_line.Parser(
        prog="edge-server",
        description="Serve an image classifier over HTTP, from uploads and a camera. Each option "
        "can also be given as an environment variable (--max-body as EDGE_MAX_BODY) or in a TOML "
        "file (max-body = 32); the command line goes before the environment, and that before the "
        "file.",
        epilog="Other commands: `edge-server config` shows every setting, where its value comes "
        "from and why its default is as it is; `edge-server selftest FILE` runs the samples that a "
        "model carries and shows whether this device answers as it should.",
    )
    command_line.add_options(made, declared(Settings))
    return made
