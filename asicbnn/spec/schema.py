"""JSON Schema of the spec files, so that editors complete and check the YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from asicbnn.spec.check import Kind, model_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file: accelerator, workload, sweep or mapping.

    An editor with yaml-language-server uses it from the line
    ``# yaml-language-server: $schema=accelerator.schema.json``.
    """
    return schema_of(kind, model_of(kind))


def schema_of(kind: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of files that a model reads, titled by their kind."""
    body = _for_readers(model.model_json_schema())
    return {"$schema": _DIALECT, **body, "title": f"asicbnn {kind}"}


def _for_readers(node: Any, *, is_named: bool = False) -> Any:
    """Move our notes into the descriptions and drop the titles pydantic makes of the names.

    is_named : the keys of ``node`` are names of fields or definitions, not words of the schema
    """
    if isinstance(node, list):
        return [_for_readers(item) for item in node]
    if not isinstance(node, dict):
        return node
    if is_named:
        return {name: _for_readers(child) for name, child in node.items()}
    notes = ("unit", "wanted", "not_yet_built", "title")
    kept = {
        key: child if key in ("default", "const", "enum", "examples")
        else _for_readers(child, is_named=key in ("properties", "$defs"))
        for key, child in node.items()
        if key not in notes
    }  # fmt: skip
    if unit := node.get("unit"):
        kept["description"] = f"{node.get('description', '')} [{unit}]".strip()
    if node.get("not_yet_built"):
        kept["description"] = f"{node.get('description', '')} (other values: not yet built)".strip()
    return kept
