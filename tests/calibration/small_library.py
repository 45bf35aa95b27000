"""A Liberty file of a dozen cells, small enough to be read at a glance and mapped in a moment."""

from __future__ import annotations

from asicbnn.technology.liberty import read

SLEWS, LOADS = (10, 100), (1, 50)
_HEAD = """\
library (small) {
  delay_model : table_lookup;
  time_unit : "1ps";
  voltage_unit : "1V";
  capacitive_load_unit (1, ff);
  leakage_power_unit : "1nW";
  nom_voltage : 1.0;
  nom_temperature : 25.0;
  nom_process : 1.0;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  lu_table_template (delay) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("10, 100"); index_2 ("1, 50");
  }
  lu_table_template (setup) {
    variable_1 : constrained_pin_transition; variable_2 : related_pin_transition;
    index_1 ("10, 100"); index_2 ("10, 100");
  }
"""
GATES = {
    "INV": ("!A", "negative_unate", 1.0, 8),
    "BUF": ("A", "positive_unate", 1.5, 15),
    "NAND2": ("!(A&B)", "negative_unate", 2.0, 11),
    "NOR2": ("!(A|B)", "negative_unate", 2.0, 13),
    "AND2": ("A&B", "positive_unate", 2.5, 20),
    "XOR2": ("A^B", "non_unate", 4.0, 25),
    "NAND3": ("!(A&B&C)", "negative_unate", 2.6, 14),
}


def delay_ps(base, slew, load):
    """What a delay table of these cells holds: linear in both."""
    return base + 0.1 * slew + 0.5 * load


def slew_ps(base, slew, load):
    return 0.5 * base + 0.05 * slew + 0.8 * load


def _table(kind, rule, base):
    rows = ", ".join(f'"{", ".join(f"{rule(base, s, c):.4f}" for c in LOADS)}"' for s in SLEWS)
    return f"{kind} (delay) {{ values ({rows}); }}"


def _arc(related, sense, base, kind=""):
    timing = f"timing_type : {kind}; " if kind else ""
    tables = " ".join(
        [
            _table("cell_rise", delay_ps, base), _table("cell_fall", delay_ps, 1.2 * base),
            _table("rise_transition", slew_ps, base), _table("fall_transition", slew_ps, base),
        ]
    )  # fmt: skip
    return f'timing () {{ related_pin : "{related}"; timing_sense : {sense}; {timing}{tables} }}'


def _input(name, ff=2.0, extra=""):
    return f"pin ({name}) {{ direction : input; capacitance : {ff}; {extra} }}"


def gate(name, function, sense, area, base, extra=""):
    inputs = [pin for pin in "ABC" if pin in function]
    arcs = " ".join(_arc(pin, sense, base) for pin in inputs)
    power = 'internal_power () { related_pin : "A"; power (scalar) { values ("1"); } }'
    pins = " ".join(map(_input, inputs))
    out = f'pin (Y) {{ direction : output; function : "{function}"; {arcs} {power} }}'
    return f"  cell ({name}) {{\n    area : {area}; {extra}\n    {pins}\n    {out}\n  }}\n"


def adder(name, inputs, total, carry, area=10.0):
    pins = list("ABC")[:inputs]
    arcs = " ".join(_arc(pin, "non_unate", 40) for pin in pins)
    outs = "".join(
        f'pin ({out}) {{ direction : output; function : "{function}"; {arcs} }} '
        for out, function in (("S", total), ("CO", carry))
    )
    return f"  cell ({name}) {{ area : {area}; {' '.join(map(_input, pins))} {outs} }}\n"


_SETUP = (
    'timing () { related_pin : "CK"; timing_type : setup_rising; '
    + "".join(f'{edge}_constraint (setup) {{ values ("5, 6", "7, 8"); }} '
              for edge in ("rise", "fall")) + "}"
)  # fmt: skip


def flop(name="DFF", data="D", area=6.0):
    pins = [_input("D", 1.5, _SETUP), _input("CK", 1.0, "clock : true;")]
    pins += [_input("DE", 1.0, _SETUP)] if "DE" in data else []
    out = _arc("CK", "non_unate", 30, "rising_edge")
    state = f'ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "{data}"; }}'
    return (
        f"  cell ({name}) {{ area : {area}; {state} {' '.join(pins)} "
        f'pin (Q) {{ direction : output; function : "IQ"; {out} }} }}\n'
    )


CELLS = {
    **{name: gate(name, *figures) for name, figures in GATES.items()},
    "NAND2_X4": gate("NAND2_X4", *GATES["NAND2"][:2], 6.0, 9),
    "NAND2_X2": gate("NAND2_X2", *GATES["NAND2"][:2], 3.0, 10),
    "ISO": gate("ISO", "A&B", "positive_unate", 0.5, 5, "is_isolation_cell : true;"),
    "NEVER": gate("NEVER", "!(A|B)", "negative_unate", 0.5, 5, "dont_use : true;"),
    "FA": adder("FA", 3, "A^B^C", "(A&B)|(C&(A|B))"),
    "HA": adder("HA", 2, "A^B", "A&B", 7.0),
    "DFF": flop(),
    "DFFE": flop("DFFE", "(D&DE)|(IQ&!DE)", 5.0),
}


def text(*left_out, **replaced):
    """The library's text, cells left out or replaced."""
    kept = {name: cell for name, cell in {**CELLS, **replaced}.items() if name not in left_out}
    return _HEAD + "".join(kept.values()) + "}\n"


def written(folder, *left_out, **replaced):
    """Write the library; return what the reader makes of it, and its path."""
    path = folder / "small.lib"
    path.write_text(text(*left_out, **replaced))
    return read([path]), path
