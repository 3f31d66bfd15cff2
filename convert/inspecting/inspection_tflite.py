"""What is in a .tflite file: the document that `inspect` prints, for people and machines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from convert.device import compatibility
from convert.file import tflite_schema
from convert.inspecting import inspection_graph, inspection_guess
from convert.inspecting.inspection_graph import DAMAGE, Graph, Tensor
from edge_server.errors import EdgeError, SettingError
from edge_server.inference import bundle, tflite_file
from edge_server.inference import tflite_metadata as fields
from edge_server.inference.bundle import Bundle
from edge_server.inference.flatbuffer import Table
from edge_server.inference.manifest import Golden, Score
from edge_server.inference.tflite_file import METADATA_ENTRY, TfliteFile

_CLAIM: Final = "min_runtime_version"
_INPUT_DTYPES: Final = ("float32", "uint8", "int8")


def document(path: Path, *, all_tensors: bool = False) -> dict[str, Any]:
    """All that a .tflite says. Numbers that are not finite are None, for JSON.

    Raises ModelFileError where it is none or is damaged. What only stands beside the graph
    (edge.json, labels) and can't be read is a sentence under "problems".
    """
    file = tflite_file.read(path)
    graph = inspection_graph.read(file.data, str(path))
    problems: list[str] = []
    known: Bundle | None = None
    try:
        known = bundle.read(path)
    except EdgeError as error:
        problems.append(str(error))
    serving = _serving(graph, known, problems)
    return {
        "kind": "tflite",
        "path": str(path),
        "name": known.name if known else path.stem,
        "size_bytes": len(file.data),
        "sha256": file.sha256,
        "graph": _graph(graph, all_tensors=all_tensors),
        "runtime": _runtime(file, graph),
        "metadata": _metadata(file),
        "attached": [{"file": n, "bytes": len(c)} for n, c in file.attached.items()],
        "labels": _labels(known),
        "manifest": _manifest(known),
        "golden": _golden(known, file),
        "serving": serving,
        "preprocessing_guess": _guess(graph, serving["options"]),
        "oddities": _oddities(graph),
        "problems": problems,
    }


def _graph(graph: Graph, *, all_tensors: bool) -> dict[str, Any]:
    tensors = [tensor for subgraph in graph.subgraphs for tensor in subgraph.tensors]
    # Tensors may share a buffer: it is counted once.
    weights = {t.buffer: t for t in tensors if t.buffer_bytes}
    sizes: Counter[str] = Counter()
    for tensor in weights.values():
        sizes[tensor.dtype] += tensor.buffer_bytes
    described: dict[str, Any] = {
        "schema_version": graph.schema_version,
        "description": graph.description,
        "subgraphs": len(graph.subgraphs),
        "inputs": [_tensor(tensor) for tensor in graph.main.inputs],
        "outputs": [_tensor(tensor) for tensor in graph.main.outputs],
        "signatures": [
            {
                "name": signature.key,
                "inputs": dict(signature.inputs),
                "outputs": dict(signature.outputs),
            }
            for signature in graph.signatures
        ],
        "operators": [
            {"name": o.name, "version": o.version, "count": o.count, "custom": o.custom}
            for o in graph.operators
        ],
        "tensor_count": len(tensors),
        "weights": [{"dtype": dtype, "bytes": size} for dtype, size in sizes.most_common()],
        "buffers": vars(graph.buffers).copy(),
    }
    if all_tensors:
        described["tensors"] = [
            {"subgraph": number, **_tensor(tensor)}
            for number, subgraph in enumerate(graph.subgraphs)
            for tensor in subgraph.tensors
        ]
    return described


def _tensor(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    real = tensor.real_range
    return {
        "index": tensor.index,
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "shape_signature": list(tensor.shape_signature),
        "quantization": quantization
        and {
            "scale": [_finite(scale) for scale in quantization.scale],
            "zero_point": list(quantization.zero_point),
            "axis": quantization.axis if len(quantization.scale) > 1 else None,
        },
        "real_range": real and [_finite(real[0]), _finite(real[1])],
        "constant_bytes": tensor.buffer_bytes,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _runtime(file: TfliteFile, graph: Graph) -> dict[str, Any]:
    operators = [tflite_schema.Operator(o.name, o.version) for o in graph.operators]
    return {
        "oldest": compatibility.oldest_runtime(operators),
        "claimed": file.metadata.get(_CLAIM, b"").rstrip(b"\0").decode("utf-8", "replace") or None,
        "select_tf": [o.name for o in operators if o.name.startswith(compatibility.FLEX)],
        "custom": [
            o.name
            for o in graph.operators
            if o.custom and not o.name.startswith(compatibility.FLEX)
        ],
    }


def _metadata(file: TfliteFile) -> dict[str, Any] | None:
    """The standard TFLite Metadata, and which metadata entries there are; None where none are."""
    if not file.metadata:
        return None
    described: dict[str, Any] = {
        "entries": [{"name": n, "bytes": len(c)} for n, c in file.metadata.items()],
        "standard": None,
    }
    content = file.metadata.get(METADATA_ENTRY, b"")
    standard = fields.read(content)
    if standard is None:
        return described
    try:
        model = Table.root(content)
        texts = {
            "description": model.text(fields.ModelMetadata.DESCRIPTION),
            "version": model.text(fields.ModelMetadata.VERSION),
            "author": model.text(fields.ModelMetadata.AUTHOR),
            "license": model.text(fields.ModelMetadata.LICENSE),
            "min_parser_version": model.text(fields.ModelMetadata.MIN_PARSER_VERSION),
        }
    except DAMAGE:
        return described
    described["standard"] = {
        "name": standard.name,
        **{key: text or None for key, text in texts.items()},
        "color_space": "grayscale" if standard.grayscale else "rgb",
        "mean": [_finite(v) for v in standard.mean],
        "std": [_finite(v) for v in standard.std],
        "label_file": standard.label_file,
    }
    return described


def _labels(known: Bundle | None) -> dict[str, Any] | None:
    if known is None or not known.labels:
        return None
    return {"count": len(known.labels), "first": list(known.labels[:5]), "last": known.labels[-1]}


def _manifest(known: Bundle | None) -> dict[str, Any] | None:
    """edge.json, but for what stands elsewhere in the document."""
    manifest = known.manifest if known else None
    if manifest is None:
        return None
    return {
        "name": manifest.name,
        "recipe": manifest.recipe,
        "output": manifest.output.value,
        "preprocessing": manifest.preprocessing.to_json(),
        "target": manifest.target,
        "resizable_batch": manifest.resizable_batch,
        "source": manifest.source,
        "tools": manifest.tools,
        "validation": manifest.validation,
        "tolerance": manifest.tolerance,
    }


def _golden(known: Bundle | None, file: TfliteFile) -> list[dict[str, Any]]:
    if known is None or known.manifest is None:
        return []

    def best(scores: Sequence[Score]) -> dict[str, Any] | None:
        if not scores:
            return None
        index = scores[0].index
        label = known.labels[index] if 0 <= index < len(known.labels) else str(index)
        return {"index": index, "label": label, "score": _finite(scores[0].score)}

    def one(sample: Golden) -> dict[str, Any]:
        return {
            "file": sample.file,
            "bytes": len(file.attached.get(sample.file, b"")),
            "original": best(sample.original),
            "answer": best(sample.candidate),
        }

    return [one(sample) for sample in known.manifest.golden]


def image_shape(graph: Graph) -> tuple[int, int, int]:
    """(height, width, channels) of the picture that an image classifier takes.

    Raises SettingError, with a reason that stands within a sentence, where it is none.
    """
    inputs, outputs = graph.main.inputs, graph.main.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise SettingError(
            f"it has {len(inputs)} inputs and {len(outputs)} outputs, where an image classifier "
            "has one of each"
        )
    shape, dtype = inputs[0].shape, inputs[0].dtype
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or min(shape) < 1:
        raise SettingError(
            f"it takes {list(shape)}, where an image classifier takes one picture, "
            "[1, height, width, 1 or 3]"
        )
    if dtype not in _INPUT_DTYPES:
        raise SettingError(
            f"it takes {dtype} numbers, where an image classifier takes float32, uint8 or int8"
        )
    return shape[1], shape[2], shape[3]


def _serving(graph: Graph, known: Bundle | None, problems: Sequence[str]) -> dict[str, Any]:
    """Whether the server can serve it, and which options it would need for that."""
    try:
        height, width, channels = image_shape(graph)
    except SettingError as error:
        return {"possible": False, "options": [], "reason": str(error)}
    if known is None:
        return {"possible": False, "options": [], "reason": "; ".join(problems)}
    options, reasons = [], []
    classes = graph.main.outputs[0].elements
    if not known.labels:
        options.append("--labels")
        reasons.append("it carries no labels: without them classes are called by their number")
    elif known.label_file and len(known.label_file.for_classes(classes)) != classes:
        options.append("--labels")
        reasons.append(f"it carries {len(known.labels)} labels for {classes} classes")
    try:
        known.preprocessing(width, height, channels)
    except SettingError:
        options.append("--preprocessing")
        reasons.append("it does not say how its input was normalized")
    except (EdgeError, ValueError) as error:
        return {"possible": False, "options": [], "reason": str(error)}
    return {"possible": True, "options": options, "reason": "; ".join(reasons) or None}


def _guess(graph: Graph, options: Sequence[str]) -> dict[str, Any] | None:
    """What its input's quantization tells, for a file that does not say its preprocessing."""
    if "--preprocessing" not in options:
        return None
    return inspection_guess.guess_by_range(graph.main.inputs[0].real_range).to_json()


def _oddities(graph: Graph) -> list[str]:
    """What is allowed, or at least loads, but is worth knowing."""
    buffers, said = graph.buffers, []
    if buffers.misaligned:
        said.append(
            f"Constants that do not begin at a multiple of 16 bytes, as the schema asks: "
            f"{buffers.misaligned}. Runtimes load the file all the same."
        )
    if buffers.missing:
        said.append(f"Buffers that tensors name and the file does not have: {buffers.missing}.")
    if buffers.unused_bytes:
        said.append(f"Bytes of buffers that nothing uses: {buffers.unused_bytes:,}.")
    if buffers.outside:
        said.append(f"Buffers that stand behind the FlatBuffer (large model): {buffers.outside}.")
    unused = [o.name for o in graph.operators if not o.count]
    if unused:
        said.append(f"Operators that are listed and never used: {', '.join(unused)}.")
    if len(graph.subgraphs) > 1:
        said.append(f"It holds {len(graph.subgraphs)} graphs; the first is the one that runs.")
    return said
