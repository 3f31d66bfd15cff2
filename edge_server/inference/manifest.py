"""edge.json: what a .tflite file says of itself, beyond standard TFLite Metadata.

One dataclass a section, read strictly: a manifest of a newer format is refused in words.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

from edge_server.errors import ModelFileError
from edge_server.inference.preprocessing import Preprocessing

FILE_NAME: Final = "edge.json"
LABELS_NAME: Final = "labels.txt"
FORMAT_VERSION: Final = 1


class Output(str, Enum):
    """What the numbers are that the model puts out."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"  # softmax is applied when they are read
    SIGMOID = "sigmoid"  # a probability for each class by itself


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
    """edge.json. `tolerance` is the largest difference of a golden sample's score (0..1) that
    another processor or runtime may show."""

    name: str
    preprocessing: Preprocessing
    output: Output
    recipe: str
    source: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    operators: tuple[dict[str, Any], ...] = ()
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
        document = json.loads(data)
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
            validation=document["validation"],
            tolerance=float(document["golden"]["tolerance"]),
            golden=tuple(_golden(sample) for sample in document["golden"]["samples"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"The edge.json inside {name} can't be read ({error!r}): convert the model again."
        ) from error


def _golden(document: dict[str, Any]) -> Golden:
    def scores(key: str) -> tuple[Score, ...]:
        return tuple(Score(int(s["index"]), float(s["score"])) for s in document[key])

    golden = Golden(str(document["file"]), scores("original"), scores("candidate"))
    if not golden.candidate:
        raise ValueError(f"golden sample {golden.file} has no answer")
    return golden
