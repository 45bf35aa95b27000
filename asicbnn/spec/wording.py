"""What a field wants, in the reader's words.

pydantic says "Input should be a valid integer, unable to parse string as an integer"; a user wants
"expected an integer from 1 to 16 [bit], got 'sixty'". The sentence is made from the same annotation
that does the checking, so the two cannot drift apart.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from asicbnn.spec.document import Node

_LONGEST_VALUE = 40
_LONGEST_WORD = 80  # beyond it nobody misspelt a number or a key, and matching takes long
_UNION = (Union, types.UnionType)


@dataclass(frozen=True)
class Wanted:
    """The annotation, constraints and notes that apply at one path of a spec."""

    annotation: Any
    metadata: tuple[Any, ...] = ()
    description: str = ""
    extra: tuple[tuple[str, Any], ...] = ()

    def note(self, name: str, default: Any = None) -> Any:
        """Return a note of the field's ``json_schema_extra`` (unit, wanted, not_yet_built)."""
        return dict(self.extra).get(name, default)

    @property
    def phrase(self) -> str:
        """What is wanted: ``an integer from 1 to 16 [bit]``."""
        phrase = self.note("wanted") or _phrase(self.annotation, self.metadata)
        return phrase + (f" [{unit}]" if (unit := self.note("unit")) else "")

    @property
    def models(self) -> list[type[BaseModel]]:
        """The models a value here may be."""
        return [m for m in union_members(self.annotation) if _is_model(m)]

    @property
    def choices(self) -> list[str]:
        """The words a value here may be."""
        members = union_members(self.annotation)
        values = [v for m in members if get_origin(m) is Literal for v in get_args(m)]
        return [value for value in values if isinstance(value, str)]

    def takes(self, kind: type) -> bool:
        """Return whether a value of the plain type ``kind`` may stand here."""
        members = union_members(self.annotation)
        literals = [v for m in members if get_origin(m) is Literal for v in get_args(m)]
        return kind in members or any(type(value) is kind for value in literals)


def wanted_of(field: FieldInfo) -> Wanted:
    """Return what a pydantic field wants."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return Wanted(
        field.annotation, tuple(field.metadata), field.description or "", tuple(extra.items())
    )


def bare(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an annotation without `Annotated` and the metadata that was in it."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        inner, deeper = bare(inner)
        return inner, (*deeper, *metadata)
    return annotation, ()


def union_members(annotation: Any) -> list[Any]:
    """Return what a value may be: the members of a union without None, or the type itself."""
    inner, _ = bare(annotation)
    if get_origin(inner) not in _UNION:
        return [inner]
    return [m for arg in get_args(inner) if arg is not type(None) for m in union_members(arg)]


def is_branching(annotation: Any) -> bool:
    """Return whether pydantic puts the name of the branch taken into an error's location."""
    inner, _ = bare(annotation)
    arguments = get_args(inner) if get_origin(inner) in _UNION else ()
    return len([a for a in arguments if a is not type(None)]) > 1


def entry_of(wanted: Wanted, position: int | str) -> Wanted | None:
    """Return what an entry of a list, tuple or mapping wants."""
    for member in union_members(wanted.annotation):
        origin, arguments = get_origin(member), get_args(member)
        if origin is dict and len(arguments) == 2:
            return _annotated(arguments[1])
        if origin is list and arguments:
            return _annotated(arguments[0])
        if origin is tuple and arguments:
            last = arguments[1:] == (Ellipsis,)
            index = 0 if last else position
            if isinstance(index, int) and index < len(arguments):
                return _annotated(arguments[index])
    return None


def _annotated(annotation: Any) -> Wanted:
    inner, metadata = bare(annotation)
    notes = [item for item in metadata if isinstance(item, FieldInfo)]
    own = wanted_of(notes[-1]) if notes else Wanted(inner)
    return Wanted(inner, metadata, own.description, own.extra)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _flat(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flat(tuple(item.metadata))
        else:
            yield item


def _bounds(metadata: tuple[Any, ...]) -> str:
    """Return constraints as words: `` from 1 to 16``."""
    found: dict[str, Any] = {}
    for item in _flat(metadata):
        for name in ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length"):
            if (value := getattr(item, name, None)) is not None:
                found[name] = value
    if "ge" in found and "le" in found:
        words = [f"from {found.pop('ge')} to {found.pop('le')}"]
    else:
        words = []
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "a multiple of"}
    words += [f"{sign} {found[name]}" for name, sign in signs.items() if name in found]
    return f" {' and '.join(words)}" if words else ""


def _phrase(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    inner, deeper = bare(annotation)
    metadata = (*metadata, *deeper)
    origin, arguments = get_origin(inner), get_args(inner)
    if origin in _UNION:
        parts = [_phrase(arg, metadata) for arg in sorted(arguments, key=lambda a: a is type(None))]
        parts = ["a mapping" if p.startswith("a mapping ") else p for p in parts]
        parts = list(dict.fromkeys(parts))
        return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
    if origin is Literal:
        return either([spoken(value) for value in arguments])
    if origin in (list, tuple):
        return _list_phrase(origin, arguments, metadata)
    if origin is dict or inner is dict:
        return f"a mapping{_size(metadata)}"
    if _is_model(inner):
        return f"a mapping with the keys {', '.join(list(inner.model_fields)[:12])}"
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
    if inner in (int, float):
        return names[inner] + _bounds(metadata)
    return "null" if inner in (None, type(None)) else names.get(inner, "a value")


def _list_phrase(origin: Any, arguments: tuple[Any, ...], metadata: tuple[Any, ...]) -> str:
    if origin is tuple and arguments[1:] != (Ellipsis,):
        first, *others = (_phrase(argument) for argument in arguments)
        return f"a list of {len(arguments)}: {', then '.join([first, *others])}"
    entry = _phrase(arguments[0]) if arguments else "a value"
    each = "" if entry == "a value" else f", each {entry}"
    return f"a list{_size(metadata)}{each}"


def _size(metadata: tuple[Any, ...]) -> str:
    sizes = list(_flat(metadata))
    fewest = next((m.min_length for m in sizes if getattr(m, "min_length", 0)), 0)
    most = next((m.max_length for m in sizes if getattr(m, "max_length", 0)), 0)
    if most:
        return f" with {fewest} to {most} entries"
    return f" with at least {fewest} {'entry' if fewest == 1 else 'entries'}" if fewest else ""


def either(words: list[str]) -> str:
    """Return ``a, b or c``."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def article(word: str) -> str:
    """Return ``a`` or ``an``, as the word asks for."""
    return "an" if word[:1].lower() in "aeiou" else "a"


def spoken(value: Any) -> str:
    """Return a plain value as YAML would write it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def given(node: Node) -> str:
    """Return what stands at a node, shortened: ``'sixty'``, ``64``, ``a list``, ``nothing``."""
    if isinstance(node.value, dict):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node.value, list):
        return f"a list of {len(node.value)}" if node.value else "an empty list"
    if node.value is None:
        return "nothing" if node.text == "" else node.text
    text = node.text if len(node.text) <= _LONGEST_VALUE else node.text[:_LONGEST_VALUE] + "..."
    text = text.replace("\n", " ")
    return f"'{text}'" if isinstance(node.value, str) else text


def suggest(word: str, candidates: list[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest candidate, or an empty text."""
    if len(word) > _LONGEST_WORD:
        return ""
    near = get_close_matches(word, candidates, 1, 0.6)
    if not near:
        near = get_close_matches(word.lower().replace("-", "_"), candidates, 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else ""


_TRUE, _FALSE = {"on", "yes", "y"}, {"off", "no", "n"}


def cure(node: Node, wanted: Wanted) -> str:
    """Return how to write a scalar that was meant as a number or truth value, or an empty text."""
    if isinstance(node.value, dict | list) or node.value is None:
        return ""
    lists = (m for m in union_members(wanted.annotation) if get_origin(m) in (list, tuple))
    if any(get_args(member)[1:] in ((), (Ellipsis,)) for member in lists):
        return f"write [{node.text}]" if len(node.text) <= _LONGEST_VALUE else "put it in [ ]"
    if isinstance(node.value, float):
        return _integer_cure(node.value, wanted)
    if not isinstance(node.value, str) or len(node.text) > _LONGEST_WORD:
        return ""
    text = node.text.strip()
    if wanted.takes(bool):
        word = text.lower()
        if word in _TRUE | _FALSE | {"true", "false"}:
            meant = "true" if word in _TRUE | {"true"} else "false"
            why = f"'{text}' is a text here" if node.is_plain else "quotes make it a text"
            return f"{why}: write {meant}"
    if not (wanted.takes(int) or wanted.takes(float)):
        return ""
    return _number_cure(text, node.is_plain, wanted)


def _integer_cure(number: float, wanted: Wanted) -> str:
    """Return how to write ``128.0`` or ``2e8`` where an integer is wanted."""
    if wanted.takes(float) or not wanted.takes(int) or not number.is_integer():
        return ""
    bounds = list(_flat((*wanted.metadata, *_metadata_of_integer(wanted.annotation))))
    below = any(number < m.ge for m in bounds if getattr(m, "ge", None) is not None)
    above = any(number > m.le for m in bounds if getattr(m, "le", None) is not None)
    if below or above:
        return f"as an integer it is {int(number):,}, out of range" if abs(number) < 1e15 else ""
    return f"an integer has no point and no exponent: write {int(number)}"


def _metadata_of_integer(annotation: Any) -> tuple[Any, ...]:
    """Return the constraints inside an annotation, of its integer where it is a union."""
    inner, metadata = bare(annotation)
    if get_origin(inner) in _UNION:
        for member in get_args(inner):
            if bare(member)[0] is int:
                return (*metadata, *bare(member)[1])
    return metadata


def _number_cure(text: str, is_plain: bool, wanted: Wanted) -> str:
    number = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
    if re.fullmatch(r"[-+]?\d+([_,']\d+)+(\.\d+)?", text):
        return f"write it without separators: {re.sub(r'[_,]', '', text)}"
    if re.fullmatch(r"[-+]?0\d[\d.]*", text):
        plain = re.sub(r"^([-+]?)0+(?=\d)", r"\1", text)
        return f"a leading 0 means octal to some readers: write {plain}"
    if not is_plain and re.fullmatch(number, text):
        return f"quotes make it a text: write {text}"
    if re.fullmatch(r"\d+(:\d+)+", text):
        return "some readers take this for a base-60 number: write a decimal number"
    if re.fullmatch(r"0[xob][0-9a-fA-F_]+", text):
        try:
            return f"write it in decimal: {int(text, 0)}"
        except ValueError:
            return "write it in decimal"
    if re.fullmatch(r"[-+]?\.?(inf|infinity|nan)", text, re.IGNORECASE) or (
        re.fullmatch(number, text) and "e" in text.lower()
    ):
        return "the number must be finite"
    if match := re.fullmatch(rf"({number})\s*([^\W\d_].*|[%µ].*)", text):
        unit = wanted.note("unit")
        key = (
            f"the unit is part of the key and is [{unit}]"
            if unit
            else "numbers are written without a unit"
        )
        return f"{key}: write a bare number, such as {match.group(1)}"
    return ""
