"""What the configuration in a Keras file says of the model, before any of it is built.

Knows nothing of TensorFlow: a configuration is JSON, and what it names need not exist here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

# How Keras says that it doesn't know a class or function by its name.
_UNKNOWN: Final = re.compile(
    r"(?:Unknown (?:layer|object|\w+ function): |Could not locate (?:class|function) "
    r"|Cannot deserialize object of type |Could not interpret (?:activation|\w+) \w*(?:identifier)?"
    r":? ?)['`\"]([\w.>]+)['`\"]"
)
_OWN_MODULES: Final = frozenset(("builtins", "keras", "tensorflow", "tf_keras"))
# Keras' class of what a layer computes in; those of quantized layers have longer names.
_POLICY: Final = "DTypePolicy"
_QUANTIZED: Final = re.compile(r"(?:u?int\d+|float8|gptq|awq)[\w/]*_from_\w+")
# What a function is called whose name stands beside it.
_FUNCTION: Final = "function"


def objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every serialized object in a configuration, at any depth, the outer before the inner."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and "config" in config:
            yield config
        for value in config.values():
            yield from objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from objects(value)


def name_of(layer: dict[str, Any]) -> str:
    """What a layer is called, or else its class."""
    inner = layer.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return str(name or layer.get("name") or layer["class_name"])


def first(config: Any, class_name: str) -> dict[str, Any] | None:
    """The first object of a class."""
    return next((o for o in objects(config) if o["class_name"] == class_name), None)


def quantized(config: Any) -> bool:
    """Whether Keras' own model.quantize() has replaced weights by integers."""
    policies = {o["class_name"] for o in objects(config) if o["class_name"].endswith(_POLICY)}
    named = any(_QUANTIZED.fullmatch(text) for text in _strings(config))
    return named or not policies <= {_POLICY, f"Float{_POLICY}"}


def in_training(config: Any) -> str | None:
    """The name of a layer that the model calls with training=True, whoever calls the model."""
    for layer in objects(config):
        if _has_true(layer.get("inbound_nodes")):
            return name_of(layer)
    return None


def _has_true(nodes: Any) -> bool:
    if isinstance(nodes, dict):
        return nodes.get("training") is True or any(map(_has_true, nodes.values()))
    return isinstance(nodes, list) and any(map(_has_true, nodes))


def missing(config: Any, said: str) -> str | None:
    """The class or function of the author's own that the file needs and does not hold.

    `said` is what Keras answered when it failed to load the model. None where nothing is known
    to be missing.
    """
    known = {name for o in objects(config) for name in _names(o)} | set(_strings(config))
    # The last that Keras names: what stands before it is what it is part of.
    named = [name for name in _UNKNOWN.findall(said) if name in known and name != _FUNCTION]
    # A package of someone's own, as in Addons>GroupNormalization.
    registered = [n for o in objects(config) for n in _names(o) if _is_registered(n)]
    foreign = [next(_names(o)) for o in objects(config) if _is_foreign(o)]
    found = next(iter((*named[-1:], *foreign, *registered)), None)
    # Keras names the class alone; the package is what the author can find it by.
    return next((name for name in registered if name.endswith(f">{found}")), found)


def _names(serialized: dict[str, Any]) -> Iterator[str]:
    """What an object may be called by: its registered name, its class, a function's own name."""
    registered, inner = serialized.get("registered_name"), serialized.get("config")
    for name in (registered, serialized["class_name"]):
        if isinstance(name, str) and name != _FUNCTION:
            yield name
    if serialized["class_name"] == _FUNCTION and isinstance(inner, str):
        yield inner


def _strings(config: Any) -> Iterator[str]:
    """Every text in a configuration: the oldest files name a function by a text alone."""
    if isinstance(config, str):
        yield config
    elif isinstance(config, dict):
        for value in config.values():
            yield from _strings(value)
    elif isinstance(config, list):
        for value in config:
            yield from _strings(value)


def _is_registered(name: str) -> bool:
    return ">" in name and name.partition(">")[0].lower() not in _OWN_MODULES


def _is_foreign(layer: dict[str, Any]) -> bool:
    """Whether a .keras file says that an object's class is in a module of someone's own."""
    module = layer.get("module")
    return isinstance(module, str) and module.split(".")[0] not in _OWN_MODULES
