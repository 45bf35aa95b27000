"""PyRTL's FastSimulation without its limits on width: same generator, same values.

Of two ports that write one word in a cycle PyRTL lets the one win that its set of nets happens to
yield last; here it is the one built last, as in every other back end.

PyRTL spells masks and constants in decimal, which Python refuses beyond 4300 digits (14 kbit),
and writes a concatenation of thousands of parts as one expression, too deep for Python's compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyrtl

from asicbnn.simulation.backends.netlist import state_of

MOST_TERMS = 200
"""Terms of one expression; Python's compiler gives up somewhat beyond a thousand."""
_MOST_DECIMAL_BITS = 14_000
_WRITE = ("    if ", "        mem_ws.append(")
"""How the lines of a write port begin, and no others."""


class _Hexadecimal(int):
    """A number that is always spelt in hexadecimal, which has no limit."""

    def __format__(self, form: str) -> str:
        return hex(self)


class _Watch:
    """What FastSimulation asks of a tracer, for wires that are looked at from outside."""

    def __init__(self, names: Sequence[str]) -> None:
        self.trace = dict.fromkeys(names)

    def _set_initial_values(self, *_: Any) -> None: ...

    def add_fast_step(self, simulation: Any) -> None: ...


class WideFastSimulation(pyrtl.FastSimulation):  # type: ignore[misc]
    """FastSimulation of any width, with write ports in the order they were built.

    watch  wires whose values `context` holds after a step, beside registers; no constants
    """

    def __init__(self, block: Any, watch: Sequence[str] = ()) -> None:
        for wire in block.wirevector_set:
            if wire.bitwidth > _MOST_DECIMAL_BITS:
                wire._bitmask = _Hexadecimal((1 << wire.bitwidth) - 1)  # as `bitmask` caches it
        super().__init__(tracer=_Watch(watch) if watch else None, block=block)

    def _arg_varname(self, wire: Any) -> str:
        if isinstance(wire, pyrtl.Const):
            return hex(wire.val)
        return str(super()._arg_varname(wire))

    def _compiled(self) -> str:
        *program, leave = str(super()._compiled()).split("\n")
        body = [_split_terms(line) for line in program if not line.startswith(_WRITE)]
        return "\n".join([*body, *self._writes(), leave])

    def _writes(self) -> Iterator[str]:
        """The statements of the write ports, spelt as PyRTL does, per memory as built."""
        for memory in state_of(self.block)[1]:
            for net in memory.writeport_nets:
                address, word, enable = map(self._arg_varname, net.args)
                yield f"    if {enable}:"
                yield f'        mem_ws.append(("{self._mem_varname(memory)}", {address}, {word}))'


def _split_terms(line: str) -> str:
    """Write an assignment of very many terms, joined by OR, as several."""
    if line.count("|") < MOST_TERMS:
        return line
    target, _, expression = line.partition(" = ")
    separator = " | " if " | " in expression else "|"
    terms = expression.split(separator)
    if len(terms) <= MOST_TERMS:
        return line
    indent = target[: len(target) - len(target.lstrip())]
    pieces = [terms[i : i + MOST_TERMS] for i in range(0, len(terms), MOST_TERMS)]
    lines = [f"{target} = {separator.join(pieces[0])}"]
    lines += [f"{indent}{target.strip()} |= {separator.join(piece)}" for piece in pieces[1:]]
    return "\n".join(lines)
