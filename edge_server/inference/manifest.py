"""edge.json: what a .tflite file says of itself, beyond standard TFLite Metadata.

One dataclass a section, read strictly: a manifest of a newer format is refused in words.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, NoReturn

from edge_server.errors import ModelFileError
from edge_server.inference.preprocessing import Preprocessing

FILE_NAME: Final = "edge.json"
LABELS_NAME: Final = "labels.txt"
FORMAT_VERSION: Final = 1


class Output(str, Enum):
    """What the numbers are that the model puts out.

    A single number is about the second of two classes.
    """

    PROBABILITIES = "probabilities"
    LOGITS = "logits"  # softmax is applied when they are read
    SIGMOID = "sigmoid"  # a probability for each class by itself
    PERCENTAGES = "percentages"  # either of them, 0..100
    LEVELS = "levels"  # either of them, 0..255


@dataclass(frozen=True)
class Score:
    """A class and its score after softmax, 0..1."""

    index: int
    score: float


@dataclass(frozen=True)
class Golden:
    """A small picture inside the file, with the answers to it: best first, at most five."""

    file: str
    original: tuple[Score, ...]
    candidate: tuple[Score, ...]


@dataclass(frozen=True)
class Manifest:
    """edge.json.

    `target` names what the file was made for and run on. `resizable_batch` says that it was
    resized there to several pictures at once and answered each as it does alone. `tolerance` is
    the largest difference of a golden sample's score (0..1) that another processor or runtime may
    show. Of `validation`, from_bytes() vouches for the verdict, the number of samples, and the
    fractions 0..1 of both models (or null, without labels) and of their agreement.
    """

    name: str
    preprocessing: Preprocessing
    output: Output
    recipe: str
    source: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    operators: tuple[dict[str, Any], ...] = ()
    target: str = "litert"
    resizable_batch: bool = False
    validation: dict[str, Any] | None = None
    tolerance: float = 0.05
    golden: tuple[Golden, ...] = ()

    def to_bytes(self) -> bytes:
        """The document, the same bytes for the same content."""
        document = {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "preprocessing": self.preprocessing.to_json(),
            "output": self.output.value,
            "recipe": self.recipe,
            "source": self.source,
            "tools": self.tools,
            "operators": list(self.operators),
            "target": self.target,
            "resizable_batch": self.resizable_batch,
            "validation": self.validation,
            "golden": {
                "tolerance": self.tolerance,
                "samples": [asdict(sample) for sample in self.golden],
            },
        }
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def from_bytes(data: bytes, name: str) -> Manifest:
    """Read edge.json; `name` is the file's, for errors. Raises ModelFileError."""
    try:
        document = json.loads(data, parse_constant=_no_number)
        version = document["format_version"]
        if version != FORMAT_VERSION:
            raise ModelFileError(
                f"{name} was made by another version of this product (edge.json format {version}, "
                f"this one reads {FORMAT_VERSION}): update the device or convert the model again."
            )
        return Manifest(
            name=str(document["name"]),
            preprocessing=Preprocessing.from_json(document["preprocessing"]),
            output=Output(document["output"]),
            recipe=str(document["recipe"]),
            source=dict(document["source"]),
            tools=dict(document["tools"]),
            operators=tuple(document["operators"]),
            # Files of the first release lack these two.
            target=str(document.get("target", "litert")),
            resizable_batch=document.get("resizable_batch", False) is True,
            validation=_validation(document["validation"]),
            tolerance=float(document["golden"]["tolerance"]),
            golden=tuple(_golden(sample) for sample in document["golden"]["samples"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"The edge.json inside {name} can't be read ({error!r}): convert the model again."
        ) from error


def _no_number(token: str) -> NoReturn:
    raise ValueError(f"{token} is no number of JSON")


def _validation(document: Any) -> dict[str, Any] | None:
    """The section as it is, once it is known to hold what pages and log read of it."""
    if document is None:
        return None
    verdict, samples = document["verdict"], document["samples"]
    if verdict not in ("passed", "failed") or not isinstance(samples, int):
        raise ValueError(f"validation says {verdict!r} for {samples!r} samples")
    for part in ("original", "candidate", "agreement"):
        top1 = document[part]["top1"]
        if top1 is None and part != "agreement":
            continue
        if not isinstance(top1, (int, float)) or not 0 <= top1 <= 1:
            raise ValueError(f"validation's {part} is {top1!r}")
    return dict(document)


def _golden(document: dict[str, Any]) -> Golden:
    def scores(key: str) -> tuple[Score, ...]:
        return tuple(Score(int(s["index"]), float(s["score"])) for s in document[key])

    golden = Golden(str(document["file"]), scores("original"), scores("candidate"))
    if not golden.candidate:
        raise ValueError(f"golden sample {golden.file} has no answer")
    return golden
