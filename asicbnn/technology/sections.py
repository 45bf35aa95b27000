"""Sections that a calibration writes into a technology file, whose other lines stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from asicbnn.technology.form import read_form
from asicbnn.technology.schema import TechnologyFile

_WIDTH = 110


def with_section(
    text: str, path: str, key: str, content: Mapping[str, Any], sources: Mapping[str, str]
) -> str:
    """Return a technology file with a section put in or replaced, and sources named.

    text, path  the file and what to call it in a complaint
    key         of the section, at the top level        content   what is below it
    sources     what the section's figures name, put among the file's

    Comments and order of everything else are kept. Raises SpecError if the file, or what it
    becomes, is no technology file.
    """
    read_form(TechnologyFile, text.encode(), path)
    kept = _without(text, key)
    kept = _with_sources(kept, sources)
    changed = f"{kept.rstrip()}\n\n{_dumped({key: dict(content)})}"
    read_form(TechnologyFile, changed.encode(), path)
    return changed


def _root(text: str) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it is a technology file
    return root


def _value(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((name, value) for name, value in mapping.value if name.value == key), None)


def _without(text: str, key: str, below: str = "") -> str:
    """Return a text without a key and its value, at the top level or in a section below it."""
    mapping: yaml.Node = _root(text)
    for name in (below, key):
        assert isinstance(mapping, yaml.MappingNode)
        if not name:
            continue
        if (found := _value(mapping, name)) is None:
            return text
        start, mapping = found
    last = mapping.end_mark
    lines = text.splitlines(keepends=True)
    return "".join(lines[: start.start_mark.line] + lines[last.line + (last.column > 0) :])


def _with_sources(text: str, sources: Mapping[str, str]) -> str:
    """Return a text with sources named at the end of its own; one of the same name is replaced."""
    found = _value(_root(text), "sources")
    assert found is not None  # a technology file has sources
    if text[found[1].start_mark.index] == "{":  # on one line, which has no end to add to
        before = yaml.safe_load(text)["sources"]
        return _without(text, "sources") + _dumped({"sources": {**before, **sources}})
    for name in sources:
        text = _without(text, name, below="sources")
    mapping = _value(_root(text), "sources")
    assert mapping is not None
    assert isinstance(mapping[1], yaml.MappingNode)
    last = mapping[1].value[-1][1].end_mark
    lines = text.splitlines(keepends=True)
    cut = last.line + (last.column > 0)
    while cut and not lines[cut - 1].strip():  # a folded text ends with the blank lines behind it
        cut -= 1
    indent = " " * mapping[1].start_mark.column
    added = [f"{indent}{line}\n" for line in _dumped(dict(sources)).splitlines()]
    return "".join([*lines[:cut], *added, *lines[cut:]])


def _dumped(content: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return text


__all__ = ["with_section"]
