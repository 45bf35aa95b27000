"""JSON Schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from asicbnn.spec.check import KINDS, Kind
from asicbnn.spec.schema import schema


def everything_in(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    inner = [found for child in children for found in everything_in(child)]
    return [node, *inner] if isinstance(node, dict) else inner


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_json_and_complete(kind: Kind) -> None:
    body = schema(kind)
    assert json.loads(json.dumps(body)) == body
    assert body["title"] == f"asicbnn {kind}"
    assert body["additionalProperties"] is False
    references = {n["$ref"] for n in everything_in(body) if isinstance(n.get("$ref"), str)}
    assert references <= {f"#/$defs/{name}" for name in body.get("$defs", {})}


def test_an_editor_sees_description_unit_range_and_default() -> None:
    body = schema("accelerator")
    assert body["$defs"]["Unroll"]["properties"]["out_channels"] == {
        "description": "output channels computed at once [PEs]",
        "type": "integer",
        "minimum": 1,
        "maximum": 4096,
        "default": 32,
    }
    lanes = body["$defs"]["Array"]["properties"]["lanes"]
    assert lanes["const"] == "per_dimension"
    assert "not yet built" in lanes["description"]
    assert body["required"] == ["name"]


def test_a_field_called_title_is_kept() -> None:
    assert "title" in schema("workload")["properties"]


def test_shipped_accelerators_match_their_schema() -> None:
    for file in sorted((Path(__file__).parents[2] / "arch_specs").glob("*.yaml")):
        kind: Kind = "sweep" if "sweep" in file.name else "accelerator"
        jsonschema.validate(yaml.safe_load(file.read_text()), schema(kind))
