"""JSON Schemas of annotated types: of the very TypedDicts that the wire's documents are made as.

mypy holds the code to those types and this module reads their schemas, so that a shape is said
once. The dialect is that of OpenAPI 3.1, JSON Schema 2020-12.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

Schema = dict[str, Any]

_SIMPLE: Final[dict[Any, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


@dataclass(frozen=True, eq=False)  # typing needs what it can hash
class About:
    """What an annotation adds to the schema of its type."""

    keywords: Mapping[str, Any]


def about(description: str = "", **keywords: Any) -> About:
    """For Annotated: a description, and keywords of JSON Schema; a trailing _ is left out."""
    named = {name.rstrip("_"): value for name, value in keywords.items()}
    return About(({"description": description} if description else {}) | named)


# A file's bytes: in a form, in a body or as an answer.
Bytes = Annotated[str, about(format="binary")]


class Schemas:
    """Makes schemas; each TypedDict gets one place among `components`, by its name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._types: dict[str, Any] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type. Raises TypeError for a type that has none."""
        if kind is Any:
            return {}
        if kind in _SIMPLE:
            return {"type": _SIMPLE[kind]}
        if isinstance(kind, type) and hasattr(kind, "__required_keys__"):
            return self._component(kind)
        write = self._generic.get(get_origin(kind))
        if write is None:
            raise TypeError(f"{kind!r} has no schema: use a TypedDict, or the types of JSON.")
        return write(self, *get_args(kind))

    def _annotated(self, kind: Any, *extras: About) -> Schema:
        schema = self.of(kind)
        for extra in extras:
            schema |= extra.keywords
        return schema

    def _literal(self, *values: Any) -> Schema:
        return {"enum": list(values)}

    def _list(self, item: Any) -> Schema:
        return {"type": "array", "items": self.of(item)}

    def _tuple(self, *kinds: Any) -> Schema:
        # Not prefixItems, which would say more: readers that grew up with OpenAPI 3.0 stumble.
        different = tuple(dict.fromkeys(kinds))
        item = self._union(*different) if len(different) > 1 else self.of(different[0])
        return {"type": "array", "items": item, "minItems": len(kinds), "maxItems": len(kinds)}

    def _dict(self, _key: Any, value: Any) -> Schema:
        return {"type": "object", "additionalProperties": self.of(value)}

    def _union(self, *kinds: Any) -> Schema:
        options = [self.of(kind) for kind in kinds]
        if all(list(option) == ["type"] for option in options):
            return {"type": [option["type"] for option in options]}
        return {"anyOf": options}

    def _component(self, kind: Any) -> Schema:
        name = kind.__name__
        if self._types.setdefault(name, kind) is not kind:
            raise TypeError(f"Two shapes are called {name}: rename one of them.")
        if name not in self.components:
            schema: Schema = {"type": "object"}
            self.components[name] = schema
            hints = get_type_hints(kind, include_extras=True)
            schema["description"] = " ".join((inspect.getdoc(kind) or "").split())
            schema["properties"] = {key: self.of(hint) for key, hint in hints.items()}
            if kind.__required_keys__:
                schema["required"] = [key for key in hints if key in kind.__required_keys__]
        return {"$ref": f"#/components/schemas/{name}"}

    _generic: ClassVar[dict[Any, Callable[..., Schema]]] = {
        Annotated: _annotated,
        Literal: _literal,
        list: _list,
        tuple: _tuple,
        dict: _dict,
        Union: _union,
        types.UnionType: _union,
    }
