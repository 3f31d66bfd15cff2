"""What is in a SavedModel, read from saved_model.pb without TensorFlow, in a moment."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from convert.errors import UsageError
from convert.inspecting import inspection_functions, inspection_guess, inspection_tracing
from convert.inspecting.inspection_functions import Library, Node, node_name
from convert.inspecting.inspection_protobuf import Message
from convert.sources import source_path

# Fields of SavedModel, MetaGraphDef and what is in them.
_META_GRAPHS: Final = 2
_META_INFO, _META_GRAPH_DEF, _META_SIGNATURES = 1, 2, 5
_INFO_TAGS, _INFO_TENSORFLOW = 4, 5
_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS = 1, 2
_TENSOR_NAME, _TENSOR_DTYPE, _TENSOR_SHAPE = 1, 2, 3
_SHAPE_DIMENSION, _SHAPE_UNKNOWN_RANK = 2, 3
_ATTRIBUTE_SHAPE: Final = 7

_DTYPES: Final = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16",
    20: "resource", 21: "variant", 22: "uint32", 23: "uint64",
}  # fmt: skip
_INITIALIZER: Final = "__saved_model_init_op"
_KERAS_VERSION: Final = re.compile(rb'"keras_version": ?"([0-9][0-9A-Za-z.\-]{0,20})"')


@dataclass(frozen=True)
class Tensor:
    """An input or output of a signature; `shape` has None where a size is free, and is None
    where not even the number of dimensions is known."""

    name: str
    node: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def is_image(self) -> bool:
        return self.shape is not None and len(self.shape) == 4 and self.shape[3] in (1, 3)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": None if self.shape is None else list(self.shape),
        }


@dataclass(frozen=True)
class Signature:
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def image(self) -> Tensor | None:
        """The one image input, if it has one and beside it only switches (TensorFlow 1)."""
        images = [tensor for tensor in self.inputs if tensor.is_image()]
        others = [tensor for tensor in self.inputs if tensor.shape != ()]
        return images[0] if len(images) == 1 and others == images else None


@dataclass(frozen=True)
class SavedModel:
    """`parameters` counts the numbers in the variables that the signatures compute with."""

    path: Path
    tensorflow: str
    keras: str | None
    tags: tuple[str, ...]
    signatures: tuple[Signature, ...]
    variables: int
    parameters: int
    library: Library


def read(path: Path) -> SavedModel:
    """Read a SavedModel's directory.

    Raises UsageError where it is none or its saved_model.pb is damaged.
    """
    source_path.check_path(path)
    file = path / "saved_model.pb"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} can't be read ({error.strerror}): inspect reads the binary form that "
            "tf.saved_model.save() writes."
        ) from error
    try:
        return _read(path, data)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{file} is damaged or incomplete: copy the SavedModel again or save it again."
        ) from error


def _read(path: Path, data: bytes) -> SavedModel:
    graphs = list(Message(data).messages(_META_GRAPHS))
    if not graphs:
        raise ValueError("no graph")
    # The graph for serving, where there are others for training too.
    serving = [g for g in graphs if "serve" in g.message(_META_INFO).texts(_INFO_TAGS)]
    meta = (serving or graphs)[0]
    signatures = tuple(
        Signature(
            name, _tensors(signature, _SIGNATURE_INPUTS), _tensors(signature, _SIGNATURE_OUTPUTS)
        )
        for name, signature in sorted(meta.mapping(_META_SIGNATURES).items())
        if name != _INITIALIZER
    )
    library = inspection_functions.read(meta.message(_META_GRAPH_DEF))
    sizes = _parameters(library, signatures)
    info = meta.message(_META_INFO)
    return SavedModel(
        path=path,
        tensorflow=info.text(_INFO_TENSORFLOW),
        keras=_keras(path, data, signatures),
        tags=info.texts(_INFO_TAGS),
        signatures=signatures,
        variables=len(sizes),
        parameters=sum(sizes),
        library=library,
    )


def _tensors(signature: Message, field: int) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            name,
            node_name(info.text(_TENSOR_NAME)),
            _DTYPES.get(info.number(_TENSOR_DTYPE), f"type {info.number(_TENSOR_DTYPE)}"),
            _shape(info.message(_TENSOR_SHAPE)),
        )
        for name, info in sorted(signature.mapping(field).items())
    )


def _shape(message: Message) -> tuple[int | None, ...] | None:
    if message.number(_SHAPE_UNKNOWN_RANK):
        return None
    sizes = [dimension.number(1) for dimension in message.messages(_SHAPE_DIMENSION)]
    return tuple(None if size < 0 else size for size in sizes)


def _parameters(library: Library, signatures: tuple[Signature, ...]) -> list[int]:
    """How many numbers each variable holds that the signatures compute with."""
    results = tuple(tensor.node for signature in signatures for tensor in signature.outputs)
    return [
        math.prod(max(d.number(1), 0) for d in _attribute_shape(node).messages(_SHAPE_DIMENSION))
        for node in library.variables(results)
    ]


def _attribute_shape(node: Node) -> Message:
    return node.attributes.get("shape", Message(b"")).message(_ATTRIBUTE_SHAPE)


def _keras(path: Path, data: bytes, signatures: tuple[Signature, ...]) -> str | None:
    """Which Keras wrote it, as far as it says."""
    metadata = path / "keras_metadata.pb"
    described = metadata.read_bytes() if metadata.is_file() else b""
    found = _KERAS_VERSION.search(described) or _KERAS_VERSION.search(data)
    if found:
        return found[1].decode()
    if described:
        return "2"
    names = {signature.name for signature in signatures}
    # model.export() of Keras 3 writes every endpoint twice.
    return "3" if {"serve", "serving_default"} <= names else None


def distinct(signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
    """Without Keras 3's `serve`, where it is the same as `serving_default`."""
    by_name = {s.name: s for s in signatures}
    one, other = by_name.get("serve"), by_name.get("serving_default")
    if one is None or other is None:
        return signatures

    def form(s: Signature) -> list[tuple[Any, ...]]:
        return [(t.name, t.dtype, t.shape) for t in (*s.inputs, *s.outputs)]

    same = form(one) == form(other)
    return tuple(s for s in signatures if s is not one) if same else signatures


def document(path: Path) -> dict[str, Any]:
    """All of it for people and machines. Raises UsageError."""
    model = read(path)
    try:
        signatures = [_signature(model, signature) for signature in distinct(model.signatures)]
    except ValueError as error:
        raise UsageError(f"{path / 'saved_model.pb'} is damaged: save it again.") from error
    return {
        "kind": "saved_model",
        "path": str(path),
        "size_bytes": sum(p.stat().st_size for p in path.rglob("*") if p.is_file()),
        "fingerprint": source_path.fingerprint(path),
        "written_by": {"tensorflow": model.tensorflow or None, "keras": model.keras},
        "tags": list(model.tags),
        "variables": model.variables,
        "parameters": model.parameters,
        "signatures": signatures,
        "build_needs": _build_needs(model),
    }


def _signature(model: SavedModel, signature: Signature) -> dict[str, Any]:
    results = tuple(tensor.node for tensor in signature.outputs)
    counts = model.library.operations(results)
    guess = None
    if signature.image is not None:
        trace = inspection_tracing.follow(model.library, signature.image.node)
        names = (model.path.resolve().name, *model.library.node_names())
        guess = inspection_guess.guess(signature.image.dtype, trace, names).to_json()
    return {
        "name": signature.name,
        "inputs": [tensor.to_json() for tensor in signature.inputs],
        "outputs": [tensor.to_json() for tensor in signature.outputs],
        "operators": [
            {"name": name, "count": count}
            for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ],
        "preprocessing_guess": guess,
    }


def _build_needs(model: SavedModel) -> list[str]:
    """Options that `build` can't do without for this model."""
    different = distinct(model.signatures)
    needs = ["--signature"] if len(different) > 1 else []
    images = [s.image for s in different if s.image is not None]
    if any(None in (image.shape or ())[1:3] for image in images):
        needs.append("--input-size")
    return needs
