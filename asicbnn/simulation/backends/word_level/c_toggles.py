"""C that counts toggles: sixteen cycles of the plain build, then every net in all of them at once.

The plain build steps through the cycles; before each step what registers hold and memories return
is copied to columns. All other nets follow from these (`c_columns`), and a tally compares each
cycle's value of a net with the one before. Clusters of nets whose inputs rest are left out: their
columns already hold what they would be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyrtl

from asicbnn.simulation.backends.netlist import (
    Net,
    Wire,
    read_netlist,
    weight,
    wire_order,
)
from asicbnn.simulation.backends.state_layout import StateLayout
from asicbnn.simulation.backends.word_level import c_source
from asicbnn.simulation.backends.word_level.c_columns import PRELUDE as COLUMN_PRELUDE
from asicbnn.simulation.backends.word_level.c_columns import ColumnWriter
from asicbnn.simulation.backends.word_level.c_taken import Rows, take_functions, taken_source
from asicbnn.simulation.backends.word_level.c_tally import (
    MOST_PENDING,
    MOST_PENDING_WIDE,
    Last,
    tally_source,
)
from asicbnn.simulation.backends.word_level.c_values import PRELUDE, limbs_of_number, literal
from asicbnn.simulation.backends.word_level.clusters import Cluster, clusters
from asicbnn.simulation.backends.word_level.columns import (
    CYCLES,
    Columns,
    input_groups,
    lay_out,
)

_HEAD = PRELUDE + COLUMN_PRELUDE

_LOOP = """\
/* which clusters have an input that changed now, or sixteen cycles ago: the others are at rest */
static const u INPUTS_OF[][{changed_words}] = {{ {inputs_of} }};
static void wake(const u *changed, u *changed_before, char *on, int is_first) {{
  u either[{changed_words}];
  for (int w = 0; w < {changed_words}; w++) {{
    either[w] = changed[w] | changed_before[w];
    changed_before[w] = changed[w];
  }}
  for (int i = 0; i < {clusters}; i++) {{
    u some = 0;
    for (int w = 0; w < {changed_words}; w++) some |= INPUTS_OF[i][w] & either[w];
    on[i] = is_first || some; /* some have no inputs: they are constant */
  }}
}}
typedef void run_(u *S, u cycles);
u count(u *S, char *V, char *last, char *toggles, run_ *run, u cycles, u is_primed, u flag) {{
  u done = 0, ended = 0, pending = 0, pending_wide = 0, changed[{changed_words}];
  char on[{clusters} + 1];
  while (done < cycles && !ended) {{
    u rows = 0, most = cycles - done < {cycles} ? cycles - done : {cycles};
    while (rows < most && !ended) {{
      {take}
      run(S, 1);
      rows++;
      ended = flag && S[flag - 1];
    }}
    for (u t = rows; t < {cycles}; t++) repeat(V, rows - 1, t);
    spread(V, rows);
    const int is_first = !is_primed && !done;
    memset(changed, is_first ? 0xff : 0, sizeof changed);
    tally_inputs(V, last, toggles, is_first, changed);
    wake(changed, (u *)(last + {changed_at}), on, is_first);
    {evaluate}
    for (int i = 0; i < {clusters}; i++)
      if (on[i]) tally(V, last, toggles, is_first, SPANS[i + 1]);
    done += rows;
    if (++pending == {most_pending}) {{
      flush_tiny(toggles);
      pending = 0;
    }}
    if (++pending_wide == {most_pending_wide}) {{
      flush_wide(toggles);
      pending_wide = 0;
    }}
  }}
  flush_tiny(toggles);
  flush_wide(toggles);
  return flag && !ended ? 0 : done;
}}
"""


@dataclass(frozen=True, eq=False)
class ToggleSource:
    """C files of a toggle build and what it works on.

    ``u count(u *S, char *V, char *last, char *toggles, run, u cycles, u is_primed, u flag)`` runs
    cycles with the plain build's ``run`` on state S and adds to the toggles (`Counters`). V are the
    columns; ``last`` (`Last`) holds the last cycle's values if ``is_primed``, else the first one is
    not compared. With ``flag`` (a limb of the state, plus 1) it stops after the cycle that sets it.
    Returns the cycles run, 0 if a flag was never set.

    values_bytes   size of V, columns first
    scratch_limbs  size of the state with this build's scratch behind the plain one's
    """

    files: tuple[str, ...]
    columns: Columns
    values_bytes: int
    scratch_limbs: int


def generate_toggles(block: Any, plain: StateLayout) -> ToggleSource:
    """Translate a block for counting.

    plain  the state of the plain build, which this one reads
    """
    results = [net.dests[0] for net in block.logic if net.op not in "r@"]
    netlist = read_netlist(block, watched=sorted(results, key=wire_order))
    copies = _copies(netlist.nets)
    logic = [net for net in netlist.nets if net.op != "m" and net.dests[0] not in copies]
    inputs = [*netlist.registers, *(net.dests[0] for net in netlist.nets if net.op == "m")]
    parts = clusters(logic, _inputs_as_bits(inputs), copies)
    made = [[net.dests[0] for net in part.nets] for part in parts]
    columns = lay_out([inputs, *made], copies)
    rows = Rows.of(netlist.registers, columns)
    layout = StateLayout(dict(plain.registers), dict(plain.memories), plain.total_limbs)
    take = take_functions(netlist, layout, columns, rows)
    evaluate = _evaluation(parts, columns)
    files = [_HEAD + text for text in (*take, *evaluate)]
    files.append(_HEAD + _loop(columns, rows, inputs, parts, len(take), len(evaluate)))
    return ToggleSource(tuple(files), columns, rows.total_bytes, layout.total_limbs)


def _inputs_as_bits(inputs: Sequence[Wire]) -> dict[int, int]:
    """Return the groups of columns that a wire no net computes is in, as bits, by identity."""
    groups_of = input_groups(lay_out([inputs], {}))
    return {id(wire): sum(1 << group for group in groups) for wire, groups in groups_of}


def _copies(nets: Sequence[Net]) -> dict[Wire, Wire]:
    """Wires that are always equal to another, which is none of them."""
    copies: dict[Wire, Wire] = {}
    for net in nets:
        is_whole = net.op == "w" or (
            net.op == "s" and net.op_param == tuple(range(net.args[0].bitwidth))
        )
        if not is_whole or isinstance(source := net.args[0], pyrtl.Const):
            continue
        if source.bitwidth == net.dests[0].bitwidth:
            copies[net.dests[0]] = copies.get(source, source)
    return copies


def _evaluation(parts: Sequence[Cluster], columns: Columns) -> list[str]:
    """Functions that evaluate the clusters that are on."""
    writers = [ColumnWriter(columns)]
    heavy = 0
    for index, part in enumerate(parts):
        own = sum(weight(net) for net in part.nets)
        if heavy and heavy + own > c_source.FUNCTION_WEIGHT:
            writers.append(ColumnWriter(columns))
            heavy = 0
        writers[-1].write_if(f"on[{index}]", part.nets)
        heavy += own
    return [writer.text(f"evaluate{index}") for index, writer in enumerate(writers)]


def _loop(
    columns: Columns,
    rows: Rows,
    inputs: Sequence[Wire],
    parts: Sequence[Cluster],
    takes: int,
    functions: int,
) -> str:
    declared = "".join(f"void take{i}(u *S, char *V, u t);\n" for i in range(takes))
    declared += "".join(
        f"void evaluate{i}(char *V, const char *on);\n" for i in range(functions)
    )
    last = Last.of(columns)
    inputs_of = [limbs_of_number(part.inputs, last.changed_words) for part in parts]
    loop = _LOOP.format(
        cycles=CYCLES,
        take=" ".join(f"take{i}(S, V, rows);" for i in range(takes)),
        evaluate=" ".join(f"evaluate{i}(V, on);" for i in range(functions)),
        most_pending=MOST_PENDING, most_pending_wide=MOST_PENDING_WIDE, clusters=len(parts),
        inputs_of=" ".join(f"{{{', '.join(map(literal, words))}}}," for words in inputs_of),
        changed_at=last.changed_at, changed_words=last.changed_words,
    )  # fmt: skip
    return declared + tally_source(columns) + taken_source(inputs, columns, rows) + loop
