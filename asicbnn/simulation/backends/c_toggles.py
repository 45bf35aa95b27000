"""C that counts toggles: the every-net program, which writes down each cycle, and the tally.

A cycle becomes a row of bits (`record`). Sixteen rows later a tally compares each row with the one
before and adds the differences, bit position by bit position, in *planes*: plane k holds bit k of
every position's count, so that one vector operation counts hundreds of bits at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from asicbnn.simulation.backends.c_function import FunctionWriter, Sharing
from asicbnn.simulation.backends.c_source import write_functions
from asicbnn.simulation.backends.c_values import PRELUDE
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, read_netlist, wire_order
from asicbnn.simulation.backends.record import (
    Origins,
    Record,
    bytes_of,
    is_recorded,
    lay_out,
    origins,
)
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout, limbs_of

BATCH_ROWS = 16
COUNT_PLANES = 48  # 2**48 cycles before a count could overflow

_RECORD_TYPES = """\
typedef uint16_t __attribute__((may_alias)) u2_;
typedef uint32_t __attribute__((may_alias)) u4_;
typedef u __attribute__((may_alias)) u8_;
"""
_TYPE_OF_BYTES = {1: "uint8_t", 2: "u2_", 4: "u4_", 8: "u8_"}

# CSA: a full adder on vectors. The tree adds sixteen rows of differences to planes 0 to 3 and
# leaves one carry of weight sixteen (Harley and Seal's popcount, by position).
_TALLY = """\
#ifdef __AVX512F__
typedef u V __attribute__((vector_size(64), aligned(64), may_alias));
#else
typedef u V __attribute__((vector_size(32), aligned(32), may_alias));
#endif
#define ROW {row_bytes}
#define AT(base, row) (*(V *)((char *)(base) + (u)(row) * ROW + i))
#define CSA(h, l, a, b, c) {{ V a_ = (a), b_ = (b), c_ = (c), x_ = a_ ^ b_; \\
  h = (a_ & b_) | (x_ & c_); l = x_ ^ c_; }}
#define D(n) (AT(T, n) ^ AT(T, (n) - 1))

static inline int any(V v) {{
  u d = 0;
  for (int i = 0; i < (int)(sizeof(V) / 8); i++) d |= v[i];
  return d != 0;
}}
static inline void carry_on(u *P, u i, int k, V c) {{
  for (; k < {planes} && any(c); k++) {{ V p = AT(P, k); AT(P, k) = p ^ c; c &= p; }}
}}
static void tally_batch(const char *T, u *P) {{
  for (u i = 0; i < ROW; i += sizeof(V)) {{
    V p0 = AT(P, 0), p1 = AT(P, 1), p2 = AT(P, 2), p3 = AT(P, 3);
    V a1, b1, a2, b2, a4, b4, a8, b8, c;
    CSA(a2, p0, p0, D(1), D(2)) CSA(b2, p0, p0, D(3), D(4)) CSA(a4, p1, p1, a2, b2)
    CSA(a2, p0, p0, D(5), D(6)) CSA(b2, p0, p0, D(7), D(8)) CSA(b4, p1, p1, a2, b2)
    CSA(a8, p2, p2, a4, b4)
    CSA(a2, p0, p0, D(9), D(10)) CSA(b2, p0, p0, D(11), D(12)) CSA(a4, p1, p1, a2, b2)
    CSA(a2, p0, p0, D(13), D(14)) CSA(b2, p0, p0, D(15), D(16)) CSA(b4, p1, p1, a2, b2)
    CSA(b8, p2, p2, a4, b4) CSA(c, p3, p3, a8, b8)
    AT(P, 0) = p0; AT(P, 1) = p1; AT(P, 2) = p2; AT(P, 3) = p3;
    carry_on(P, i, 4, c);
  }}
}}
static void tally(const char *T, u *P, u rows) {{
  if (rows == {batch}) {{ tally_batch(T, P); return; }}
  for (u i = 0; i < ROW; i += sizeof(V))
    for (u n = 1; n <= rows; n++) carry_on(P, i, 0, D(n));
}}
"""

_LOOP = """\
u count(u *S, char *T, u *P, u cycles, u is_primed, u flag) {{
  u n = 0;
  if (!is_primed && cycles) {{ char *R = T; {steps} n = 1; if (flag && S[flag - 1]) return n; }}
  while (n < cycles) {{
    u rows = 0, ended = 0, most = cycles - n < {batch} ? cycles - n : {batch};
    while (rows < most && !ended) {{
      char *R = T + ++rows * ROW; {steps}
      ended = flag && S[flag - 1];
    }}
    tally(T, P, rows);
    memcpy(T, T + rows * ROW, ROW);
    n += rows;
    if (ended) return n;
  }}
  return flag ? 0 : n;
}}
"""


@dataclass(frozen=True, eq=False)
class ToggleSource:
    """C files of a toggle build and what it works on.

    ``u count(u *S, char *T, u *P, u cycles, u is_primed, u flag)`` runs cycles on state S, each
    recorded in T (BATCH_ROWS + 1 rows) and compared with the one before, and adds the toggles to
    the planes P (COUNT_PLANES rows). T begins with the last cycle's row if ``is_primed``; else the
    first cycle has nothing to be compared with. With ``flag`` (a limb of the state, plus 1) it
    stops after the cycle that sets it. Returns the cycles run, 0 if a flag was never set.
    """

    files: tuple[str, ...]
    layout: StateLayout
    record: Record
    origins: Origins


class RecordingWriter(FunctionWriter):
    """Also write every recorded wire into the row R."""

    parameters: ClassVar[str] = "u *S, char *R"

    def __init__(self, sharing: Sharing, record: Record) -> None:
        super().__init__(sharing)
        self._record = record

    def write_registers(self, registers: tuple[Wire, ...]) -> None:
        for register in registers:
            self._write_down(register)

    def write(self, net: Net) -> None:
        super().write(net)
        (wire,) = net.dests
        if is_recorded(net) and wire not in self._fusion_of:
            self._write_down(wire)

    def _write_down(self, wire: Wire) -> None:
        offset, value = self._record.offsets[wire], self.value(wire)
        if value.bits <= LIMB_BITS:
            kind = _TYPE_OF_BYTES[bytes_of(value.bits)]
            self.line(f"*({kind} *)(R + {offset}) = {value.text};")
        else:
            self.line(f"memcpy(R + {offset}, {value.text}, {8 * limbs_of(value.bits)});")

    def _in_fusion(self, wire: Wire, name: str, lanes: int) -> None:
        if wire in self._record.offsets:
            self.line(f"*(v{lanes} *)(R + {self._record.offsets[wire]} + 8 * i) = {name};")


def generate_toggles(block: Any, plain: StateLayout) -> ToggleSource:
    """Translate a block for counting.

    plain  the state of another build, which this one works on; its own scratch lies behind
    """
    recorded = [net.dests[0] for net in block.logic if is_recorded(net) and net.op not in "r@"]
    netlist = read_netlist(block, watched=sorted(recorded, key=wire_order))
    record = lay_out(netlist.registers, netlist.nets)
    layout = StateLayout(dict(plain.registers), dict(plain.memories), plain.total_limbs)
    files = _files(netlist, layout, record)
    return ToggleSource(files, layout, record, origins(block, record))


def _files(netlist: Netlist, layout: StateLayout, record: Record) -> tuple[str, ...]:
    def writer(sharing: Sharing) -> RecordingWriter:
        return RecordingWriter(sharing, record)

    registers = writer(Sharing(layout, {}, {}, set()))
    registers.write_registers(netlist.registers)
    writers = [registers, *write_functions(netlist, layout, writer)]
    names = [f"part{index}" for index in range(len(writers))]
    head = PRELUDE + _RECORD_TYPES
    parts = [head + w.text(name, "") for w, name in zip(writers, names, strict=True)]
    declarations = "".join(f"void {name}(u *S, char *R);\n" for name in names)
    tally = _TALLY.format(row_bytes=record.row_bytes, planes=COUNT_PLANES, batch=BATCH_ROWS)
    loop = _LOOP.format(steps=" ".join(f"{name}(S, R);" for name in names), batch=BATCH_ROWS)
    return (*parts, head + declarations + tally + loop)
