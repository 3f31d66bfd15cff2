"""A SavedModel -> the signature to convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import tensorflow as tf

# No public function lists the graphs of a SavedModel.
from tensorflow.python.tools import saved_model_utils

from convert.errors import UsageError, first_line
from convert.sources.signature import Signature, as_dict

# What the signature of a SavedModel is called that has none but can be called itself.
CALL: Final = "__call__"


def load(path: Path, signature: str | None) -> Signature:
    """Load a SavedModel and choose the signature.

    Where it has none, the function that its `__call__` was saved with serves as one.
    Raises UsageError where it can't be loaded, lacks the signature, or has several to choose from.
    """
    model = _load(path)
    if not model.signatures:
        return _callable(path, model, signature)
    name = _choose(path, model, signature)
    function = model.signatures[name]
    return Signature(
        name=name,
        where=f"The signature '{name}' of {path}",
        function=function,
        inputs=function.structured_input_signature[1],
        outputs=function.structured_outputs,
        trackable=model,
        others=tuple(other for other in _distinct(model) if other != name),
    )


def _load(path: Path) -> Any:
    """The graph for serving, or the one graph that there is. Raises UsageError."""
    try:
        return tf.saved_model.load(str(path), tags=_tags(path))
    except Exception as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{path} can't be loaded as a SavedModel ({first_line(error)}): copy it again, or "
            "save it again."
        ) from error


def _tags(path: Path) -> list[str] | None:
    """The tags to load by; None leaves the choice of a single graph to TensorFlow.

    One folder may hold graphs for training and for other hardware too, each with its own tags.
    """
    tag_sets = [set(tags) for tags in saved_model_utils.get_saved_model_tag_sets(str(path))]
    if len(tag_sets) < 2:
        return None
    for usual in ({"serve"}, set()):
        if usual in tag_sets:
            return sorted(usual)
    listed = "; ".join(", ".join(sorted(tags)) for tags in tag_sets)
    raise UsageError(
        f"{path} holds several graphs, tagged {listed}, and none that is tagged serve alone: "
        "export one that is."
    )


def _choose(path: Path, model: Any, chosen: str | None) -> str:
    names = _distinct(model)
    listed = ", ".join(names)
    if chosen is not None:
        if chosen not in model.signatures:
            raise UsageError(f"{path} has no signature '{chosen}': choose one of {listed}.")
        return chosen
    if len(names) > 1:
        raise UsageError(f"{path} has several signatures ({listed}): choose one with --signature.")
    return names[0]


def _distinct(model: Any) -> list[str]:
    """The names of the signatures. Keras 3 exports one twice, as serve and serving_default."""
    names = set(model.signatures)
    if {"serve", "serving_default"} <= names:
        one, other = model.signatures["serve"], model.signatures["serving_default"]
        same = one.structured_input_signature == other.structured_input_signature
        if same and one.structured_outputs == other.structured_outputs:
            names.remove("serve")
    return sorted(names)


def _callable(path: Path, model: Any, chosen: str | None) -> Signature:
    """The one saved call of the model itself that takes a tensor and does not train."""
    saved = getattr(getattr(model, CALL, None), "concrete_functions", ())
    calls = [call for function in saved if (call := _Call.of(model, function)) is not None]
    if chosen not in (None, CALL) or len(calls) != 1:
        several = " and can be called in several ways" if len(calls) > 1 else ""
        raise UsageError(
            f"{path} has no signatures{several}: save the model with model.export(), "
            "or tf.saved_model.save(model, path, signatures=...)."
        )
    call = calls[0]
    name = call.spec.name if (call.spec.name or "").isidentifier() else "image"

    def function(**tensors: Any) -> dict[str, Any]:
        return as_dict(call(tensors[name]))

    return Signature(
        name=CALL,
        where=str(path),
        function=function,
        inputs={name: call.spec},
        outputs=as_dict(call.outputs),
        trackable=model,
    )


class _Call:
    """A saved call of a model: one tensor goes in, everything else is as it was saved."""

    def __init__(self, model: Any, arguments: Any, spec: Any, outputs: Any) -> None:
        self.spec = spec
        self.outputs = outputs
        self._model = model
        self._arguments = arguments

    @classmethod
    def of(cls, model: Any, function: Any) -> _Call | None:
        """None where it takes several tensors, or none, or trains."""
        arguments = function.structured_input_signature
        leaves = tf.nest.flatten(arguments)
        specs = [leaf for leaf in leaves if isinstance(leaf, tf.TypeSpec)]
        if len(specs) != 1 or any(leaf is True for leaf in leaves):
            return None
        return cls(model, arguments, specs[0], function.structured_outputs)

    def __call__(self, tensor: Any) -> Any:
        args, kwargs = tf.nest.map_structure(
            lambda leaf: tensor if isinstance(leaf, tf.TypeSpec) else leaf, self._arguments
        )
        return self._model(*args, **kwargs)
