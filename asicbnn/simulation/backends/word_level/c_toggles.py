"""C that counts toggles: sixteen cycles of the plain build, then every net in all of them at once.

The plain build steps through the cycles; before each step what registers hold and memories return
is copied to columns. All other nets follow from these (`c_columns`), and a tally compares each
cycle's value of a net with the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, read_netlist, wire_order
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout, limbs_of
from asicbnn.simulation.backends.word_level.c_columns import PRELUDE as COLUMN_PRELUDE
from asicbnn.simulation.backends.word_level.c_columns import ColumnWriter, cell
from asicbnn.simulation.backends.word_level.c_function import FunctionWriter, Sharing
from asicbnn.simulation.backends.word_level.c_source import cut, write_functions
from asicbnn.simulation.backends.word_level.c_values import PRELUDE
from asicbnn.simulation.backends.word_level.columns import (
    ALIGNMENT,
    BYTE_BITS,
    CYCLES,
    Columns,
    bytes_per_cycle,
    lay_out,
    limbs_per_cycle,
)

WIDE_PARTS = 8
"""Counters of a wide wire, added up at the end: limbs of a vector are counted side by side."""

_HEAD = PRELUDE + COLUMN_PRELUDE

_TALLY = """\
typedef uint32_t V32_at __attribute__((vector_size(64), aligned(4), may_alias));
typedef u L8 __attribute__((vector_size(64), aligned(64), may_alias));
typedef u L8_at __attribute__((vector_size(64), aligned(8), may_alias));
#ifdef __AVX512VPOPCNTDQ__
#include <immintrin.h>
static inline V32 ones_in(V32 d) {{ return (V32)_mm512_popcnt_epi32((__m512i)d); }}
static inline L8 ones_in_limbs(L8 d) {{ return (L8)_mm512_popcnt_epi64((__m512i)d); }}
#else
#define SUM_BYTES(d, k) \\
  d -= (d >> 1) & 0x5555555555555555ull / k; \\
  d = (d & 0x3333333333333333ull / k) + ((d >> 2) & 0x3333333333333333ull / k); \\
  d = (d + (d >> 4)) & 0x0f0f0f0f0f0f0f0full / k; \\
  d *= 0x0101010101010101ull / k;
static inline V32 ones_in(V32 d) {{ SUM_BYTES(d, 0x100000001ull) return d >> 24; }}
static inline L8 ones_in_limbs(L8 d) {{ SUM_BYTES(d, 1) return d >> 56; }}
#endif
typedef uint8_t B64 __attribute__((vector_size(64), aligned(64), may_alias));
#ifdef __AVX512BITALG__
static inline B64 ones_in_bytes(B64 d) {{ return (B64)_mm512_popcnt_epi8((__m512i)d); }}
#else
static inline B64 ones_in_bytes(B64 b) {{
  L8 d = (L8)b;
  d -= (d >> 1) & 0x5555555555555555ull;
  d = (d & 0x3333333333333333ull) + ((d >> 2) & 0x3333333333333333ull);
  return (B64)((d + (d >> 4)) & 0x0f0f0f0f0f0f0f0full);
}}
#endif
/* each wire's bytes a cycle later, the first one from the sixteen cycles before */
static inline B64 a_cycle_before(B64 now, B64 last) {{
  B64 before;
#if defined(__AVX512BW__) && defined(__x86_64__)
  asm("vpalignr $15, %2, %1, %0" : "=v"(before) : "v"(now), "v"(last));
#else
  const u *n = (const u *)&now, *o = (const u *)&last;
  u *b = (u *)&before;
  for (int k = 0; k < 8; k += 2) {{
    b[k] = n[k] << 8 | o[k + 1] >> 56;
    b[k + 1] = n[k + 1] << 8 | n[k] >> 56;
  }}
#endif
  return before;
}}
static void tally_tiny(const char *V, B64 *last, B64 *toggles, int is_first) {{
  for (int i = 0; i < {tiny_vectors}; i++) {{
    const B64 now = *(const B64 *)(V + {alignment} + 64 * i);
    if (is_first)
      for (int k = 0; k < 64; k += {cycles}) last[i][k + {last_cycle}] = now[k];
    toggles[i] += ones_in_bytes(now ^ a_cycle_before(now, last[i]));
    last[i] = now;
  }}
}}
static void flush_tiny(B64 *toggles, u *totals) {{
  for (int i = 0; i < {tiny_vectors}; i++) {{
    const uint8_t *at = (const uint8_t *)(toggles + i);
    for (int k = 0; k < 4; k++) {{
      u sum = 0;
      for (int t = 0; t < {cycles}; t++) sum += at[{cycles} * k + t];
      totals[4 * i + k] += sum;
    }}
    toggles[i] = (B64){{0}};
  }}
}}
static void tally_narrow(const char *V, h_ *last, V32 *toggles, int is_first) {{
  const V32 first = {{~0u}};
  for (int i = 0; i < {narrow}; i++) {{
    const h_ *at = (const h_ *)(V + {first_narrow} + {column} * i);
    V32 now = *(const V32 *)at, before = *(const V32_at *)(at - 1);
    before = (before & ~first) | (ALL32(is_first ? at[0] : last[i]) & first);
    last[i] = at[{last_cycle}];
    toggles[i] += ones_in(now ^ before);
  }}
}}
static const struct {{ uint32_t offset, limbs; }} WIDE[] = {{ {wide} {{0, 0}} }};
static void tally_wide(char *V, L8 *toggles, int is_first) {{
  for (int i = 0; WIDE[i].limbs; i++) {{
    const int limbs = WIDE[i].limbs;
    l_ *at = (l_ *)(V + WIDE[i].offset);
    L8 found = {{0}};
    if (limbs == 1) {{ /* most of them: no loops of unknown length */
      if (is_first) at[-1] = at[0];
      for (int k = 0; k < {cycles}; k += 8)
        found += ones_in_limbs(*(L8 *)(at + k) ^ *(L8_at *)(at + k - 1));
      at[-1] = at[{last_cycle}];
    }} else {{
      if (is_first) memcpy(at - limbs, at, 8 * limbs);
      for (int k = 0; k < {cycles} * limbs; k += 8)
        found += ones_in_limbs(*(L8 *)(at + k) ^ *(L8_at *)(at + k - limbs));
      memcpy(at - limbs, at + {last_cycle} * limbs, 8 * limbs);
    }}
    toggles[i] += found;
  }}
}}
"""

_LOOP = """\
static const struct {{ uint32_t offset, bytes; }} INPUTS[] = {{ {inputs} {{0, 0}} }};
static void repeat(char *V, u from, u to) {{
  for (int i = 0; INPUTS[i].bytes; i++) {{
    const u bytes = INPUTS[i].bytes;
    memcpy(V + INPUTS[i].offset + bytes * to, V + INPUTS[i].offset + bytes * from, bytes);
  }}
}}
typedef void run_(u *S, u cycles);
u count(u *S, char *V, char *last, char *toggles, run_ *run, u cycles, u is_primed, u flag) {{
  u done = 0, pending = 0, ended = 0;
  B64 *const tiny = (B64 *)(toggles + {tiny_at});
  while (done < cycles && !ended) {{
    u rows = 0, most = cycles - done < {cycles} ? cycles - done : {cycles};
    while (rows < most && !ended) {{
      {take}
      run(S, 1);
      rows++;
      ended = flag && S[flag - 1];
    }}
    for (u t = rows; t < {cycles}; t++) repeat(V, rows - 1, t);
    {evaluate}
    const int is_first = !is_primed && !done;
    tally_tiny(V, (B64 *)(last + {last_tiny}), tiny, is_first);
    tally_narrow(V, (h_ *)last, (V32 *)toggles, is_first);
    tally_wide(V, (L8 *)(toggles + {wide_at}), is_first);
    done += rows;
    if (++pending == {most_pending}) {{
      flush_tiny(tiny, (u *)(toggles + {totals_at}));
      pending = 0;
    }}
  }}
  flush_tiny(tiny, (u *)(toggles + {totals_at}));
  return flag && !ended ? 0 : done;
}}
"""


@dataclass(frozen=True, eq=False)
class ToggleSource:
    """C files of a toggle build and what it works on.

    ``u count(u *S, char *V, char *last, char *toggles, run, u cycles, u is_primed, u flag)`` runs
    cycles with the plain build's ``run`` on state S and adds to the toggles: 16 counters of 32 bits
    per narrow wire, then 8 of 64 bits per wide one. V are the columns; ``last`` holds what
    narrow wires were in the last cycle if ``is_primed``, else the first one is not compared. With
    ``flag`` (a limb of the state, plus 1) it stops after the cycle that sets it. Returns the cycles
    run, 0 if a flag was never set.

    scratch_limbs  size of the state with this build's scratch behind the plain one's
    """

    files: tuple[str, ...]
    columns: Columns
    scratch_limbs: int


class _InputWriter(FunctionWriter):
    """Writes what registers hold and memories return into cycle ``t`` of their columns."""

    parameters: ClassVar[str] = "u *S, char *V, u t"

    def __init__(self, sharing: Sharing, columns: Columns) -> None:
        super().__init__(sharing)
        self._columns = columns

    def write(self, net: Net) -> None:
        super().write(net)
        if net.op == "m":
            self.write_down(net.dests[0])

    def write_down(self, wire: Wire) -> None:
        value, place = self.value(wire), cell(self._columns, wire, "t")
        if value.bits <= LIMB_BITS:
            self.line(f"{place} = {value.text};")
        else:
            self.line(f"memcpy({place}, {value.text}, {8 * limbs_of(value.bits)});")


def generate_toggles(block: Any, plain: StateLayout) -> ToggleSource:
    """Translate a block for counting.

    plain  the state of the plain build, which this one reads
    """
    results = [net.dests[0] for net in block.logic if net.op not in "r@"]
    netlist = read_netlist(block, watched=sorted(results, key=wire_order))
    columns = lay_out([*netlist.registers, *(net.dests[0] for net in netlist.nets)])
    layout = StateLayout(dict(plain.registers), dict(plain.memories), plain.total_limbs)
    take, inputs = _inputs(netlist, layout, columns)
    evaluate = _evaluation([net for net in netlist.nets if net.op != "m"], columns)
    files = [_HEAD + text for text in (*take, *evaluate)]
    files.append(_HEAD + _loop(columns, inputs, len(take), len(evaluate)))
    return ToggleSource(tuple(files), columns, layout.total_limbs)


def _inputs(
    netlist: Netlist, layout: StateLayout, columns: Columns
) -> tuple[list[str], list[Wire]]:
    """Functions that copy one cycle's registers and memory data, and the wires they write."""
    reads = [net for net in netlist.nets if net.op == "m"]
    needed = {id(wire) for net in reads for wire in net.args}
    cone: list[Net] = []
    for net in reversed(netlist.nets):
        if net.op == "m" or id(net.dests[0]) in needed:
            cone.append(net)
            needed |= {id(wire) for wire in net.args}
    only_reads = Netlist(netlist.registers, {}, netlist.memories, (), tuple(reversed(cone)))
    registers = _InputWriter(Sharing(layout, {}, {}, set()), columns)
    for register in netlist.registers:
        registers.write_down(register)
    writers = [
        registers,
        *write_functions(only_reads, layout, lambda sharing: _InputWriter(sharing, columns)),
    ]
    texts = [writer.text(f"take{index}", "") for index, writer in enumerate(writers)]
    return texts, [*netlist.registers, *(net.dests[0] for net in reads)]


def _evaluation(nets: Sequence[Net], columns: Columns) -> list[str]:
    texts = []
    for index, part in enumerate(cut(nets)):
        writer = ColumnWriter(columns)
        for net in part:
            writer.write(net)
        texts.append(writer.text(f"evaluate{index}"))
    return texts


def _loop(columns: Columns, inputs: Sequence[Wire], takes: int, parts: int) -> str:
    declared = "".join(f"void take{i}(u *S, char *V, u t);\n" for i in range(takes))
    declared += "".join(f"void evaluate{i}(char *V);\n" for i in range(parts))
    offset_of = columns.offsets
    wide = [f"{{{offset_of[id(w)]}, {limbs_per_cycle(w.bitwidth)}}}," for w in columns.wide]
    copied = [f"{{{offset_of[id(w)]}, {bytes_per_cycle(w.bitwidth)}}}," for w in inputs]
    tally = _TALLY.format(
        narrow=len(columns.narrow), wide=" ".join(wide), cycles=CYCLES, last_cycle=CYCLES - 1,
        alignment=ALIGNMENT, column=4 * CYCLES, first_narrow=columns.first_narrow,
        tiny_vectors=tiny_vectors(columns),
    )  # fmt: skip
    loop = _LOOP.format(
        inputs=" ".join(copied), cycles=CYCLES,
        take=" ".join(f"take{i}(S, V, rows);" for i in range(takes)),
        evaluate=" ".join(f"evaluate{i}(V);" for i in range(parts)),
        most_pending=255 // BYTE_BITS, last_tiny=last_tiny(columns),
        **vars(Counters.of(columns)),
    )  # fmt: skip
    return declared + tally + loop


def last_tiny(columns: Columns) -> int:
    """Where the last vectors of the tiny wires lie, behind the last values of the narrow ones."""
    return -(-4 * len(columns.narrow) // ALIGNMENT) * ALIGNMENT


def tiny_vectors(columns: Columns) -> int:
    """Vectors of bytes that hold the tiny wires, four in each."""
    return -(-len(columns.tiny) // 4)


@dataclass(frozen=True)
class Counters:
    """Where the counters lie, in bytes: of narrow wires at 0, then tiny ones, their totals, wide.

    tiny_at    16 counters of 8 bits per tiny wire, added to the totals before they overflow
    totals_at  a counter of 64 bits per tiny wire      wide_at  `WIDE_PARTS` per wide wire
    """

    tiny_at: int
    totals_at: int
    wide_at: int
    total_bytes: int

    @classmethod
    def of(cls, columns: Columns) -> Counters:
        """Lay out the counters of some columns."""
        vectors = tiny_vectors(columns)
        tiny_at = 4 * CYCLES * len(columns.narrow)
        totals_at = tiny_at + ALIGNMENT * vectors
        wide_at = -(-(totals_at + 8 * 4 * vectors) // ALIGNMENT) * ALIGNMENT
        return cls(tiny_at, totals_at, wide_at, wide_at + 8 * WIDE_PARTS * len(columns.wide))
