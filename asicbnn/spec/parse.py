"""YAML text to a `Document`.

PyYAML's own constructors follow YAML 1.1 and lose the places, so `on` is True, `010` is 8, `2e8`
is a text and the second of two equal keys wins silently. Here the parser's events are taken as
they come: plain scalars become values by YAML 1.2's rules where those leave no doubt and stay
texts elsewhere, and what would surprise a reader (anchors, merge keys, tags, duplicate keys) is
refused at its line. Nothing nests deeper than `DEEPEST` levels, and since aliases are refused, no
file can grow beyond its own length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import yaml

from asicbnn.errors import Place, Problem
from asicbnn.spec.document import Document, Node

DEEPEST = 32
"""Levels of nesting a file may have."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_PRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 100
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def scalar_value(text: str) -> bool | int | float | str | None:
    """Return the value of a scalar without quotes, by the unambiguous part of YAML 1.2.

    ``010``, ``1_000``, ``12:30``, ``0x10``, ``.inf``, ``on`` stay texts: readers disagree on them,
    so whoever wanted a number or a truth value refuses them and says how to write it.
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def parse(text: str, name: str) -> Document:
    """Return the tree of a YAML text; problems of the YAML itself are collected in it.

    A document whose ``root`` is None could not be parsed at all and has at least one problem.
    """
    document = Document(name, _LINE_BREAK.split(text))
    if unprintable := _characters_refused(document):
        document.problems += unprintable
        return document
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(document, yaml.parse(text, Loader=loader))
    try:
        document.root = builder.build()
    except _TooDeepError:
        pass
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(document, error))
    return document


def _characters_refused(document: Document) -> list[Problem]:
    """Return problems for tabs outside comments and for characters YAML does not allow."""
    problems = []
    for number, line in enumerate(document.lines):
        if bad := _NOT_PRINTABLE.search(line):
            shown = Place(number + 1, bad.start() + 1, 1, _NOT_PRINTABLE.sub("?", line))
            message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
            problems.append(_at(document, shown, message, "delete it"))
        tab = re.split(r"(?:^|(?<=\s))#", line, maxsplit=1)[0].find("\t")
        if tab >= 0:
            shown = Place(number + 1, tab + 1, 1, line)
            problems.append(
                _at(document, shown, "a tab; YAML is laid out with spaces", "use spaces")
            )
    return problems


def _at(document: Document, place: Place, message: str, help: str = "") -> Problem:
    return Problem(
        message, document.name, place.line, place.column, "", place.source_line, place.length, help
    )


_SYNTAX = (  # (part of the parser's words, our sentence, the cure)
    ("mapping values are not allowed", "a ':' where no key can stand",
     "put a text with ': ' in quotes; keys of one mapping start in the same column"),
    ("quoted scalar", "a quote is not closed", "close it, or double a ' inside '...'"),
    ("flow mapping", "a '{' is not closed, or a ',' is missing in it", "expected ',' or '}'"),
    ("flow sequence", "a '[' is not closed, or a ',' is missing in it", "expected ',' or ']'"),
    ("cannot start any token", "no value can start with this character", "put the text in quotes"),
    ("block mapping", "this line does not line up with the keys above it",
     "keys of one mapping start in the same column"),
    ("block collection", "this line does not line up with the list above it",
     "items of one list start in the same column"),
    ("simple key", "expected a ':' after the key", "a key and its value are written 'key: value'"),
    ("document start", "text after the end of the document", "one file holds one document"),
    # newer releases of PyYAML give up before the events reach us
    ("maximum nesting depth", f"nested deeper than {DEEPEST} levels", "no spec nests that deep"),
)  # fmt: skip


def _syntax_problem(document: Document, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    default = (f"not valid YAML: {getattr(error, 'problem', None) or error}", "")
    message, help = next((rest for part, *rest in _SYNTAX if part in said), default)
    if mark is None:
        return Problem(message, document.name, help=help)
    line = min(mark.line, max(0, len(document.lines) - 1))
    column = mark.column if line == mark.line else len(document.lines[line])
    return _at(document, Place(line + 1, column + 1, 1, document.lines[line]), message, help)


class _TooDeepError(Exception):
    """The file nests deeper than `DEEPEST`."""


class _Builder:
    """Builds the tree from the parser's events and notes what is refused."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self.result = document
        self.events = events

    def build(self) -> Node | None:
        """Return the root of the only document, or None when there is none."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document", "one file holds one document")
                    break
                root = self._node(next(self.events), 0)
        if root is None or (root.value is None and root.text == "" and not root.is_refused):
            self.result.problems.append(Problem("the file is empty", self.result.name))
            return None
        return root

    def _refuse(self, event: yaml.Event, message: str, help: str) -> None:
        place = self.result.place(self._new(event))
        self.result.problems.append(_at(self.result, place, message, help))

    def _new(self, event: yaml.Event) -> Node:
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        line = self.result.lines[start.line] if start.line < len(self.result.lines) else ""
        last = end.column if end.line == start.line else len(line)
        return Node(None, start.line, start.column, max(1, last - start.column))

    def _node(self, event: yaml.Event, depth: int) -> Node:
        node = self._new(event)
        if depth > DEEPEST:
            self._refuse(event, f"nested deeper than {DEEPEST} levels", "no spec nests that deep")
            raise _TooDeepError
        self._check_properties(event, node)
        if isinstance(event, yaml.ScalarEvent):
            node.text = event.value
            node.is_plain = event.style in (None, "")
            node.value = scalar_value(event.value) if node.is_plain else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            node.value = self._children(depth)
        elif isinstance(event, yaml.MappingStartEvent):
            node.value = self._entries(node, depth)
        return node

    def _check_properties(self, event: yaml.Event, node: Node) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                event, f"the alias '*{anchor}'", "aliases are refused: write the value out"
            )
            node.is_refused = True
        elif anchor:
            self._refuse(event, f"the anchor '&{anchor}'", "anchors are refused: delete it")
        if tag is not None:
            name = tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"the tag '{name}'", "tags are refused: delete it")
            node.is_refused = True

    def _children(self, depth: int) -> list[Node]:
        children = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            children.append(self._node(event, depth + 1))
        return children

    def _entries(self, mapping: Node, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            child = self._node(next(self.events), depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                if not isinstance(event, yaml.AliasEvent):
                    self._refuse(event, "a list or a mapping as a key", "a key is one word")
                mapping.has_unknown_keys = True
            elif key.text == "<<" and key.is_plain:
                help = "merge keys are refused: write the keys out"
                self._refuse(event, "the merge key '<<'", help)
                mapping.has_unknown_keys = True
            elif key.text == "":
                self._refuse(event, "a value without a key", "write 'key: value'")
            elif key.text in entries:
                first = entries[key.text].key
                again = f"the key '{key.text}' is given twice"
                line = f"first in line {first.line + 1}: delete one of them" if first else ""
                self._refuse(event, again, line)
            else:
                child.key = key
                entries[key.text] = child
        return entries
