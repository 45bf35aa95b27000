"""Verilog identifiers for the wires, registers and memories of a block.

PyRTL's temporary names count up over a whole process, so the same block gets others next time.
Here they are numbered afresh, in the order they were made: the same block, the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TEMPORARY = re.compile(r"(?:tmp|const_)(\d+)(?:_.*)?")
# Verilog 2005 and SystemVerilog 2017, which Verilator reads by default
_KEYWORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
checker class clocking cmos config const constraint context continue cover covergroup
coverpoint cross deassign default defparam design disable dist do edge else end endcase
endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface
endmodule endpackage endprimitive endprogram endproperty endsequence endspecify endtable
endtask enum event eventually expect export extends extern final first_match for force foreach
forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins
illegal_bins implements implies import incdir include initial inout input inside instance int
integer interconnect interface intersect join join_any join_none large let liblist library
local localparam logic longint macromodule matches medium modport module nand negedge nettype
new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed
parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown
pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real
realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal
showcancelled signed small soft solve specify specparam static string strong strong0 strong1
struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout
time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type
typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual
void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""


class Names:
    """Identifiers of one module: each is given once.

    reserved  identifiers that are taken from the start, such as ports of the writer's own
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(_KEYWORDS.split()) | set(reserved)

    def given(self, wanted: str) -> str:
        """Return `wanted` as an identifier nobody has yet."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", wanted) or "_"
        if name[0].isdigit():
            name = f"_{name}"
        candidate, number = name, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate)
        return candidate


def is_temporary(name: str) -> bool:
    """Say whether PyRTL made the name up."""
    return _TEMPORARY.fullmatch(name) is not None


def creation_order(name: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort key: names somebody gave, numbers in them by value, then made-up ones by their age."""
    parts = re.split(r"(\d+)", name)
    key = [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
    return is_temporary(name), key
