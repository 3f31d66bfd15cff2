"""The document of `inspect` as text for a person: what matters to them first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from convert.inspecting.inspection_layout import Page, shorten

_KINDS: Final = {
    "tflite": "TFLite model",
    "saved_model": "TensorFlow SavedModel",
    "keras": "Keras model (.keras)",
    "h5": "Keras model (HDF5)",
}
_OPERATORS: Final = 12
_NAME: Final = 48


def render(document: dict[str, Any]) -> str:
    """Lines of at most 100 columns, without a newline at the end."""
    page = Page()
    page.line(str(document["path"]))
    page.field("kind", f"{_KINDS[document['kind']]}, {document['size_bytes']:,} bytes")
    if document["kind"] == "tflite":
        _tflite(page, document)
    else:
        _source(page, document)
    return str(page)


# --- .tflite ----------------------------------------------------------------------------------


def _tflite(page: Page, document: dict[str, Any]) -> None:
    page.field("sha256", document["sha256"])
    manifest = document["manifest"]
    if manifest is not None:
        page.field("name", f"{manifest['name']}, {manifest['recipe']} for {manifest['target']}")
    _serving(page, document)
    for problem in document["problems"]:
        page.field("problem", problem)
    _graph(page, document["graph"])
    _runtime(page, document)
    _carried(page, document)
    if manifest is not None:
        _manifest(page, manifest, document["golden"])
    if document["oddities"]:
        page.section("Oddities")
        for oddity in document["oddities"]:
            page.note(oddity)
    if "tensors" in document["graph"]:
        _tensors(page, document["graph"]["tensors"])


def _serving(page: Page, document: dict[str, Any]) -> None:
    serving = document["serving"]
    if not serving["possible"]:
        page.field("served", f"no: {serving['reason']}")
    elif not serving["options"]:
        page.field("served", "as it is: labels and preprocessing are inside")
    else:
        page.field("served", f"with {' and '.join(serving['options'])}: {serving['reason']}")
    if document["preprocessing_guess"] is not None:
        _guess(page, document["preprocessing_guess"])


def _graph(page: Page, graph: dict[str, Any]) -> None:
    page.section("Graph")
    for kind, tensor, columns in _aligned(graph):
        page.field(kind, f"{columns}  {_shape(tensor)}")
        if tensor["quantization"] is not None:
            page.field("", _quantization(tensor))
    for signature in graph["signatures"]:
        names = [", ".join(signature[kind]) for kind in ("inputs", "outputs")]
        page.field("signature", f"{signature['name'] or '(no name)'}: {' -> '.join(names)}")
    weights = graph["weights"]
    total = sum(w["bytes"] for w in weights)
    parts = ", ".join(f"{w['dtype']} {w['bytes']:,}" for w in weights)
    if len(weights) == 1:
        parts = f"all {weights[0]['dtype']}"
    page.field("weights", f"{total:,} bytes" + (f": {parts}" if weights else ""))
    page.field("tensors", f"{graph['tensor_count']:,}")
    if graph["description"]:
        page.field("description", graph["description"])
    operators = graph["operators"]
    page.section(f"Operators ({sum(o['count'] for o in operators)})")
    rows = [
        [f"{o['count']}", o["name"], f"version {o['version']}", "custom" if o["custom"] else ""]
        for o in operators
    ]
    page.table(rows, right=(0,))


def _aligned(holder: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Inputs and outputs: which it is, the tensor, its name and dtype in columns."""
    tensors = [(kind, t) for kind in ("input", "output") for t in holder[f"{kind}s"]]
    names = [shorten(t["name"] or "(no name)", _NAME) for _, t in tensors]
    name_width = max(map(len, names), default=0)
    dtype_width = max((len(t["dtype"]) for _, t in tensors), default=0)
    return [
        (kind, t, f"{name:<{name_width}}  {t['dtype']:<{dtype_width}}")
        for (kind, t), name in zip(tensors, names, strict=True)
    ]


def _shape(tensor: dict[str, Any]) -> str:
    shape, free = tensor["shape"], tensor["shape_signature"]
    return f"{shape}" if shape == free else f"{shape}, free as {free}"


def _quantization(tensor: dict[str, Any]) -> str:
    scales, zero_points = tensor["quantization"]["scale"], tensor["quantization"]["zero_point"]
    if len(scales) > 1:
        return f"{len(scales)} scales along axis {tensor['quantization']['axis']}"
    text = f"scale {_number(scales[0])}, zero point {zero_points[0]}"
    low, high = tensor["real_range"] or (None, None)
    return text if low is None else f"{text}: stands for {_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.4g}"


def _runtime(page: Page, document: dict[str, Any]) -> None:
    runtime = document["runtime"]
    page.section("Runtime (as TensorFlow counts versions)")
    if runtime["oldest"]:
        oldest = f"{runtime['oldest']}, by its operators"
    elif runtime["select_tf"]:
        oldest = f"one with TensorFlow's own operators: {', '.join(runtime['select_tf'])}"
    elif runtime["custom"]:
        oldest = f"one that brings the custom operators {', '.join(runtime['custom'])}"
    else:
        oldest = "newer than any that is known here"
    page.field("oldest", oldest)
    page.field("it claims", runtime["claimed"] or "nothing")


def _carried(page: Page, document: dict[str, Any]) -> None:
    """What other tools read in it too: standard metadata, labels, attached files."""
    page.section("TFLite Metadata")
    metadata = document["metadata"]
    standard = metadata["standard"] if metadata else None
    if standard is None:
        page.field("", "none")
    else:
        for key in ("name", "description", "version", "author", "license"):
            if standard[key]:
                page.field(key, standard[key])
        if standard["mean"] and standard["std"]:
            page.field("normalization", _arithmetic(standard["mean"], standard["std"]))
    labels = document["labels"]
    if labels is not None:
        shown = [_short(label) for label in labels["first"]]
        if labels["count"] > len(shown):
            shown += ["...", _short(labels["last"])]
        page.items("labels", [f"{labels['count']:,}: {shown[0]}", *shown[1:]])
    if metadata:
        page.items("entries", [e["name"] for e in metadata["entries"]])
    if document["attached"]:
        files = [f"{f['file']} {f['bytes']:,} bytes" for f in document["attached"]]
        page.items("files", files)


def _arithmetic(mean: Sequence[float | None], std: Sequence[float | None]) -> str:
    means, stds = (", ".join(_number(v) for v in values) for values in (mean, std))
    text = f"(pixel - {means}) / {stds}"
    if len(mean) == len(std) == 1 and mean[0] is not None and std[0]:
        text += f": {_number(-mean[0] / std[0])} to {_number((255 - mean[0]) / std[0])}"
    return text


def _manifest(page: Page, manifest: dict[str, Any], golden: Sequence[dict[str, Any]]) -> None:
    page.section("edge.json")
    spec = manifest["preprocessing"]
    page.field(
        "preprocessing",
        f"{spec['width']}x{spec['height']} {spec['color_order']}, {spec['fit']}, "
        f"{spec['filter']}, {_arithmetic(spec['mean'], spec['std'])}",
    )
    page.field("output", manifest["output"])
    resizable = "can be resized to several" if manifest["resizable_batch"] else "one picture"
    page.field("batch", resizable)
    source = manifest["source"]
    plain = {key: value for key, value in source.items() if not isinstance(value, dict)}
    page.items("source", [f"{key} {value}" for key, value in plain.items()])
    page.items("tools", [f"{key} {value}" for key, value in manifest["tools"].items()])
    page.field("validation", _validation(manifest["validation"]))
    if not golden:
        page.field("golden", "no samples")
        return
    page.section(f"Golden samples (scores may differ by {manifest['tolerance']:g})")
    page.table([[s["file"], _answer(s["answer"]), _answer(s["original"])] for s in _titled(golden)])


def _titled(golden: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"file": "file", "answer": "this file", "original": "original"}, *golden]


def _answer(answer: Any) -> str:
    if answer is None or isinstance(answer, str):
        return answer or "none"
    return f"{_short(answer['label'])} {answer['score'] or 0.0:.3f}"


def _short(label: str) -> str:
    """The first of a label's synonyms."""
    return label.split(",", maxsplit=1)[0]


def _validation(validation: dict[str, Any] | None) -> str:
    if validation is None:
        return "none"
    agreement, (low, high) = validation["agreement"]["top1"], validation["agreement"]["interval"]
    text = (
        f"{validation['verdict']}: {agreement:.1%} ({low:.1%} to {high:.1%}) of "
        f"{validation['samples']} photos answered as the original"
    )
    before, after = validation["original"]["top1"], validation["candidate"]["top1"]
    if before is not None and after is not None:
        text += f", top-1 {before:.1%} -> {after:.1%}"
    return text


def _tensors(page: Page, tensors: Sequence[dict[str, Any]]) -> None:
    page.section("Tensors")
    rows = [["", "name", "dtype", "shape", "bytes", "scale", "zero"]]
    for tensor in tensors:
        quantization = tensor["quantization"] or {"scale": [], "zero_point": []}
        scales = quantization["scale"]
        one = len(scales) == 1
        rows.append(
            [
                str(tensor["index"]),
                tensor["name"],
                tensor["dtype"],
                "x".join(map(str, tensor["shape_signature"])),
                f"{tensor['constant_bytes']:,}" if tensor["constant_bytes"] else "",
                _number(scales[0]) if one else f"{len(scales)} scales" if scales else "",
                str(quantization["zero_point"][0]) if one else "",
            ]
        )
    page.table(rows, right=(0, 4, 5, 6), head=True)


# --- SavedModel, .keras, .h5 ------------------------------------------------------------------


def _source(page: Page, document: dict[str, Any]) -> None:
    page.field("fingerprint", document["fingerprint"])
    if document.get("name"):
        page.field("name", document["name"])
    versions = document["written_by"]
    by = [f"{name} {versions[key]}" for key, name in _WRITERS.items() if versions[key]]
    page.field("written by", ", ".join(by) or "not said")
    page.field("parameters", f"{document['parameters']:,} in {document['variables']} variables")
    if document["build_needs"]:
        page.field("build needs", " and ".join(document["build_needs"]))
    if not document["signatures"]:
        page.section("Signatures")
        page.field("", "none: save it with model.export(), or with signatures=...")
    for signature in document["signatures"]:
        saved_model = document["kind"] == "saved_model"
        page.section(f"Signature {signature['name']}" if saved_model else "Network")
        for kind, tensor, columns in _aligned(signature):
            page.field(kind, f"{columns}  {_sizes(tensor)}")
        operators = signature["operators"]
        listed = [f"{o['count']} {o['name']}" for o in operators[:_OPERATORS]]
        if len(operators) > _OPERATORS:
            listed.append(f"{len(operators) - _OPERATORS} kinds more")
        page.items("operators" if saved_model else "layers", listed or ["none"])
        if signature["preprocessing_guess"] is not None:
            _guess(page, signature["preprocessing_guess"])


_WRITERS: Final = {"tensorflow": "TensorFlow", "keras": "Keras"}


def _sizes(tensor: dict[str, Any]) -> str:
    shape, activation = tensor["shape"], tensor.get("activation")
    text = "of any shape"
    if shape is not None:
        text = f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
    return f"{text}  {activation}" if isinstance(activation, str) else text


def _guess(page: Page, guess: dict[str, Any]) -> None:
    options = guess["options"] or "no guess"
    page.field("preprocessing", f"{options} ({guess['advice']})" if guess["preset"] else options)
    for evidence in guess["evidence"]:
        page.bullet(evidence)
    if not guess["preset"]:
        page.bullet("run `python -m convert doctor` to measure")
