"""A parsed file: a tree of plain values in which every key and value knows its place.

The tree outlives parsing, so that rules which need a whole spec, or several files, can still point
at the line they mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from asicbnn.errors import Place, Problem

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a file to a value."""
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


@dataclass(slots=True)
class Node:
    """A value of the file and where it stands.

    value      : the scalar's value, or the children of a list or a mapping
    text       : a scalar's text as written, without its quotes
    line, column, length : counted from 0; line is -1 for a value that comes from no file
    is_plain   : a scalar without quotes
    is_refused : something is wrong with the YAML itself here, so its value means nothing
    has_unknown_keys : a mapping with a refused merge key, so that a missing key proves nothing
    key        : the key that leads to this value, if it is the value of a mapping
    """

    value: bool | int | float | str | list[Node] | dict[str, Node] | None
    line: int
    column: int
    length: int
    text: str = ""
    is_plain: bool = False
    is_refused: bool = False
    has_unknown_keys: bool = False
    key: Node | None = None

    def plain(self) -> Plain:
        """Return the value as Python's own None, bool, int, float, str, list and dict."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


@dataclass
class Document:
    """A parsed file: the tree, the problems of the YAML itself, and the means to word more."""

    name: str
    lines: list[str]
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def find(self, path: KeyPath) -> tuple[Node | None, int]:
        """Return the deepest node on ``path`` and how many parts of the path lead to it."""
        node = self.root
        for depth, part in enumerate(path):
            child = child_of(node, part)
            if child is None:
                return node, depth
            node = child
        return node, len(path)

    def place(self, node: Node) -> Place:
        """Return the place of a node."""
        line = self.lines[node.line] if node.line < len(self.lines) else ""
        return Place(node.line + 1, node.column + 1, node.length, line)

    def problem(
        self,
        path: KeyPath | str,
        message: str,
        help: str = "",
        *,
        also: tuple[KeyPath | str, ...] = (),
        at_key: bool = False,
    ) -> Problem:
        """Return a problem at ``path``; where the file lacks it, at the deepest key it has.

        at_key : underline the key instead of the value
        also   : further paths to quote, left out where the file lacks them
        """
        path = split_path(path) if isinstance(path, str) else path
        node, depth = self.find(path)
        if node is None or node.line < 0:
            return Problem(message, self.name, path=join_path(path), help=help)
        if (at_key or depth < len(path) or isinstance(node.value, dict)) and node.key:
            node = node.key
        here = self.place(node)
        others = [self.find(split_path(o) if isinstance(o, str) else o) for o in also]
        found = [
            other
            for (other, reach), asked in zip(others, also, strict=True)
            if other and reach == len(split_path(asked) if isinstance(asked, str) else asked)
        ]
        return Problem(
            message,
            self.name,
            here.line,
            here.column,
            join_path(path),
            here.source_line,
            here.length,
            help,
            tuple(self.place(other) for other in found),
        )


def child_of(node: Node | None, part: str | int) -> Node | None:
    """Return the child under a key or at a list position, or None."""
    if node is None:
        return None
    if isinstance(node.value, dict):
        return node.value.get(str(part))
    if isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part]
    return None


def join_path(path: KeyPath) -> str:
    """Return ``("layers", 2, "name")`` as ``layers[2].name``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def split_path(path: str) -> KeyPath:
    """Return ``layers[2].name`` as ``("layers", 2, "name")``."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)
    return tuple(int(index) if index else key for index, key in parts)
