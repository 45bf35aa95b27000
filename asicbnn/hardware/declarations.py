"""What components declare about the netlist they build, so that nobody guesses it from patterns.

A netlist shows gates; whoever writes Verilog or folds logic wants to know that five of them are a
full adder, and that a row of memories is one word. The component that builds them says so here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pyrtl
from pyrtl import MemBlock, WireVector

AdderKind = Literal["full_adder", "half_adder"]


@dataclass(frozen=True, eq=False)
class Adder:
    """As many full or half adders as its wires have bits, side by side.

    inputs        two or three wires of equal width
    total, carry  the results
    inner         wires between the adder's own gates, read by nobody else
    """

    kind: AdderKind
    inputs: tuple[WireVector, ...]
    total: WireVector
    carry: WireVector
    inner: tuple[WireVector, ...]


@dataclass(frozen=True, eq=False)
class DeclaredMemory:
    """Memories that are read side by side: the slices of one word, lowest first.

    words  words there are, at most two to the power of the address bits
    """

    name: str
    words: int
    slices: tuple[MemBlock, ...]


@dataclass(eq=False)
class Declarations:
    """What was declared while a block was built, in that order."""

    adders: list[Adder] = field(default_factory=list)
    memories: list[DeclaredMemory] = field(default_factory=list)


def declarations(block: Any = None) -> Declarations:
    """Return what is declared for a block (default: the working block); add to it freely."""
    owner = pyrtl.working_block() if block is None else block
    if not hasattr(owner, "declared"):
        owner.declared = Declarations()
    found: Declarations = owner.declared
    return found
