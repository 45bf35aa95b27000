"""What a reader is told beside the figures: caveats by weight, then plain facts, in user's words.

Results carry every remark as the model that made it words it, for scripts; pages and terminals
show them from here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from asicbnn.result import PARTS
from asicbnn.technology.liberty.composing import names_of_stand_ins

_WORDS: Mapping[str, str] = {
    "path_relative_error": "relative error of logic paths",
    "clock_tree_fanout": "fan-out of clock trees in memories of cells",
    "clock_wire_ff_per_mm": "capacitance of clock wires [fF/mm]",
    "clock_tree_wire_um_per_sink": "wire of clock trees in memories of cells per sink [um]",
    "wire_ff_per_mm": "capacitance of wires [fF/mm]",
    "setup_ps": "setup time [ps]",
    "node_nm": "process node [nm]",
    "clock_gate": "clock gate",
    "clock_buffer": "clock buffer",
    "random_bit": "activity of a random bit",
    "weight_bit": "activity of weights",
    "input_bit": "activity of inputs",
    "map_bit": "activity of the bits of a map",
    "product_bit": "activity of products and counters",
    "sum_bit": "activity of counts and sums",
    "carry_bits": "switching carry bits of an accumulator",
    "sequencer_activity": "activity of the sequencer",
    "operand_loads_activity": "of the control of operand registers",
    "operand_fills_activity": "of the same by words filled",
    "dma_weights_activity": "of the DMA by weights",
    "dma_addresses_activity": "of the DMA by addresses",
    "dma_inputs_activity": "of the DMA by inputs",
    "dma_host_activity": "of the DMA by the host's words",
    "configuration_activity": "of configuration",
    "host_port_activity": "of the host port",
    "output_activity": "of the output stage by steps",
    "finished_words_activity": "of the output stage by finished words",
    "full_adder_inverting": "inverting full adder",
    "half_adder_inverting": "inverting half adder",
    "full_adder": "full adder",
    "half_adder": "half adder",
    "flop": "flip-flop",
    "mux2": "multiplexer",
    "store_weight": "weight store",
    "store_activation": "activation store",
    **{name: name.replace("_", " ") for name in PARTS if name.endswith("_buffer")},
    **names_of_stand_ins(),
    "flop_inverting": "inverting flip-flop",
    "flop_with_reset": "flip-flop with reset",
}
_INTERNAL = re.compile(rf"(?<![\w.-])(?:{'|'.join(_WORDS)})(?![\w.-])")
_WEIGHTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^levels ",
        r"not covered|does not run|hard to believe",
        r"^the clock period",
        r"^SRAM timing|^SRAM (of \S+ )?is scaled",
        r"popcount",
        r"not calibrated",
        r"assumed",
    )
)
_MACROS = re.compile(r"^SRAM of (?P<size>\d+ x \d+ bit) is (?P<count>\d+) macros$")
_FACTS = re.compile(r"^best is the best|is composed of")
_WIRES = re.compile(r"^(link wires .* area, )([\d.]+)( mm; .*)()$")
_PERIOD = re.compile(r"^(the clock period is .*: )(\d+)( ps, )(.*)$")

_UNMAPPED = re.compile(r"^(\w+ memories were mapped at [^,]*, not at )([\d,]+)(: .*)$")


@dataclass(frozen=True)
class Remarks:
    """Remarks about results: caveats, the heaviest first, and facts that put nothing in doubt."""

    caveats: tuple[str, ...]
    facts: tuple[str, ...]


def remarks(flags: Collection[str]) -> Remarks:
    """Sort the flags of results; those that differ in a number alone become one sentence."""
    macros = [found for flag in flags if (found := _MACROS.match(flag))]
    others = list(_with_ranges(flag for flag in flags if not _MACROS.match(flag)))
    caveats = [flag for flag in others if not _FACTS.search(flag)]
    facts = [flag for flag in others if _FACTS.search(flag)]
    if macros:
        sizes = ", ".join(f"{found['size']} is {found['count']}" for found in macros)
        facts.append(f"SRAM of more than one macro: {sizes}")
    caveats.sort(key=_weight)
    return Remarks(tuple(map(worded, caveats)), tuple(map(worded, facts)))


def worded(flag: str) -> str:
    """Return a sentence with names of fields and parts replaced by words."""
    return _INTERNAL.sub(lambda found: _WORDS[found[0]], flag)


def _weight(flag: str) -> int:
    ranks = (rank for rank, pattern in enumerate(_WEIGHTS) if pattern.search(flag))
    return next(ranks, len(_WEIGHTS))


def _with_ranges(flags: Iterable[str]) -> Iterable[str]:
    """Yield flags; those alike but for a length or a period are one, with its least and most.

    Sizes no memory was mapped at are listed: what lies between two of them may have been.
    """
    alike: dict[str, list[re.Match[str]]] = {}
    unmapped: dict[tuple[str, str], list[str]] = {}
    for flag in flags:
        if found := _WIRES.match(flag) or _PERIOD.match(flag):
            alike.setdefault(found[1], []).append(found)
        elif found := _UNMAPPED.match(flag):
            unmapped.setdefault((found[1], found[3]), []).append(found[2])
        else:
            yield flag
    for (said, why), sizes in unmapped.items():
        ordered = sorted(sizes, key=lambda size: int(size.replace(",", "")))
        yield f"{said}{' or '.join(ordered)}{why}"
    for said, group in alike.items():
        yield f"{said}{_span(m[2] for m in group)}{group[0][3]}{_band(m[4] for m in group)}"


def _span(numbers: Iterable[str]) -> str:
    """Return numbers as ``1.5`` or ``0.15 to 8.8``, with separators of thousands."""
    ordered = sorted(numbers, key=float)
    ends = dict.fromkeys((ordered[0], ordered[-1]))
    return " to ".join(f"{int(n):,}" if n.isdigit() else n for n in ends)


def _band(bands: Iterable[str]) -> str:
    """Return bands as ``+-2%`` or ``+-2% to +-17%``; those that are no percentage come last."""
    known = dict.fromkeys(bands)
    shares = sorted((b for b in known if b.endswith("%")), key=lambda b: float(b[2:-1]))
    span = [" to ".join(dict.fromkeys((shares[0], shares[-1])))] if shares else []
    return " or ".join(span + [b for b in known if not b.endswith("%")])


__all__ = ["Remarks", "remarks", "worded"]
