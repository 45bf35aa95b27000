"""How fields of a spec are declared: with what they mean and their unit, for all who ask."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue


def described(default: Any, description: str, *, unit: str = "", **bounds: Any) -> Any:
    """Return the field of a spec.

    unit    quoted where a value is refused
    bounds  as those of pydantic's `Field`
    """
    extra: dict[str, JsonValue] | None = {"unit": unit} if unit else None
    return Field(default, description=description, json_schema_extra=extra, **bounds)


def only(value: Any, description: str) -> Any:
    """Return a field that has one value today; any other is refused as not yet built."""
    return Field(value, description=description, json_schema_extra={"not_yet_built": True})


__all__ = ["described", "only"]
