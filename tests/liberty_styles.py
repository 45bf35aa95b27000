"""One small library, written the way five vendors write theirs.

Every delay, slew and energy is a straight line in input slew and load, so that tables of any size
hold the same library, interpolation is exact, and figures follow by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

VOLTAGE_V = 1.2
PIN_FF = 2.0
CLOCK_PIN_FF = 1.5


@dataclass(frozen=True)
class Line:
    """offset + per_ff * load [fF] + per_ps * slew [ps]."""

    offset: float
    per_ff: float
    per_ps: float

    def at(self, slew_ps: float, load_ff: float) -> float:
        return self.offset + self.per_ff * load_ff + self.per_ps * slew_ps


@dataclass(frozen=True)
class Part:
    """A cell: functions of its outputs, area and the lines of its tables (ps and fJ)."""

    functions: Mapping[str, str]
    area: float
    delay: Line
    energy: Line
    inputs: str = ""
    storage: str = ""  # flop, latch or gate
    clock: str = ""
    reset: str = ""


SLEW = Line(20, 5, 0.2)
PARTS: Mapping[str, Part] = {
    "INV": Part({"Y": "!A"}, 1.0, Line(5, 2, 0.1), Line(0.5, 0, 0.001), "A"),
    "NAND2": Part({"Y": "!(A&B)"}, 1.5, Line(7, 3, 0.1), Line(0.7, 0, 0.001), "A B"),
    "NOR2": Part({"Y": "!(A|B)"}, 1.5, Line(8, 4, 0.1), Line(0.8, 0, 0.001), "A B"),
    "AND2": Part({"Y": "A&B"}, 2.0, Line(15, 2, 0.1), Line(1.1, 0, 0.001), "A B"),
    "OR2": Part({"Y": "A|B"}, 2.0, Line(16, 2, 0.1), Line(1.2, 0, 0.001), "A B"),
    "XOR2": Part({"Y": "(A&!B)|(!A&B)"}, 3.0, Line(20, 3, 0.1), Line(1.6, 0, 0.001), "A B"),
    "XNOR2": Part({"Y": "!((A&!B)|(!A&B))"}, 3.0, Line(21, 3, 0.1), Line(1.7, 0, 0.001), "A B"),
    "MUX2": Part({"Y": "(A&!S)|(B&S)"}, 3.5, Line(25, 2, 0.1), Line(2.0, 0, 0.001), "A B S"),
    "HA": Part({"S": "A^B", "CO": "A&B"}, 5.0, Line(30, 2, 0.1), Line(2.2, 0, 0.001), "A B"),
    "FA": Part(
        {"S": "A^B^C", "CO": "(A&B)|(A&C)|(B&C)"},
        8.0, Line(40, 2, 0.1), Line(2.6, 0, 0.001), "A B C",
    ),
    "BUF": Part({"Y": "A"}, 1.4, Line(12, 1.5, 0.1), Line(0.9, 0, 0.001), "A"),
    "DFF": Part({"Q": "IQ"}, 9.0, Line(50, 2, 0.1), Line(3, 0, 0.002), "D", "flop", "CK"),
    "DFFR": Part({"Q": "IQ"}, 10.0, Line(55, 2, 0.1), Line(3, 0, 0.002), "D R", "flop", "CK", "R"),
    "LATCH": Part({"Q": "IQ"}, 7.0, Line(45, 2, 0.1), Line(2.9, 0, 0.002), "D", "latch", "G"),
    "ICG": Part({"GCK": ""}, 8.5, Line(30, 2, 0.1), Line(2.4, 0, 0.002), "E", "gate", "CK"),
}  # fmt: skip
CLOCK_ENERGY = Line(4.0, 0, 0.001)
SETUP_PS = 30.0  # of falling data; a third of it of rising
LEAKAGE_NW = 0.02


@dataclass(frozen=True)
class Style:
    """How a vendor writes: units, names, spelling of expressions, and what else stands around."""

    time_unit: str = '"1ns"'
    ps: float = 1e-3
    capacitive_load_unit: str = "(1,pf)"
    ff: float = 1e-3
    leakage_power_unit: str = 'leakage_power_unit : "1nW";'
    nw: float = 1.0
    voltage_unit: str = '"1V"'
    v: float = 1.0
    cell_name: Callable[[str], str] = "{}_X1".format
    expression: Callable[[str], str] = '"{}"'.format
    quote: str = '"'
    axes: tuple[str, ...] = ("slew", "load")
    indices_in_table: bool = True
    leakage: str = "cell"  # cell, states or supplies
    around_table: str = ""
    around_cell: str = ""
    header: str = ""
    end: str = ";"
    newline: str = "\n"

    def library(self, parts: Mapping[str, Part] = PARTS) -> str:
        """Return the text of a Liberty file."""
        cells = "\n".join(self._cell(name, part) for name, part in parts.items())
        text = f"""/* written for a test */
library ({self.quote}vendor{self.quote}) {{
  delay_model : table_lookup;
  time_unit : {self.time_unit}{self.end}
  voltage_unit : {self.voltage_unit};
  {self.leakage_power_unit}
  capacitive_load_unit {self.capacitive_load_unit};
  nom_voltage : {VOLTAGE_V / self.v:g};
  nom_temperature : 25;
  nom_process : 1;
{self.header}
{self._template("lu_table_template", "tmg", "input_net_transition")}
{self._template("power_lut_template", "pwr", "input_transition_time")}
  power_lut_template (passive) {{
    variable_1 : input_transition_time; index_1 ("{self._axis("slew")}");
  }}
  lu_table_template (cons) {{
    variable_1 : constrained_pin_transition; variable_2 : related_pin_transition;
    index_1 ("{self._axis("slew")}"); index_2 ("{self._axis("slew")}");
  }}
{cells}
}}
"""
        return text.replace("\n", self.newline)

    @property
    def fj(self) -> float:
        """What one fJ is in the file: energy is in units of capacitance times voltage squared."""
        return self.ff / self.v**2

    def _values(self, axis: str) -> tuple[float, ...]:
        return (1.0, 20.0, 300.0) if axis == "slew" else (0.5, 4.0, 50.0)

    def _axis(self, axis: str) -> str:
        unit = self.ps if axis == "slew" else self.ff
        return ", ".join(f"{x * unit:.9g}" for x in self._values(axis))

    def _template(self, kind: str, name: str, slew: str) -> str:
        variables = {"slew": slew, "load": "total_output_net_capacitance"}
        lines = [f"variable_{i} : {variables[a]};" for i, a in enumerate(self.axes, start=1)]
        lines += [f'index_{i} ("{self._axis(a)}");' for i, a in enumerate(self.axes, start=1)]
        return f"  {kind} ({name}) {{ {' '.join(lines)} }}"

    def _table(self, kind: str, template: str, line: Line, unit: float) -> str:
        rows = []
        for outer in self._values(self.axes[0]):
            pairs = [
                (outer, inner) if self.axes[0] == "slew" else (inner, outer)
                for inner in self._values(self.axes[1])
            ]
            rows.append('"' + ", ".join(f"{line.at(*p) * unit:.9g}" for p in pairs) + '"')
        indices = ""
        if self.indices_in_table:
            indices = "".join(
                f'\n          index_{i} ("{self._axis(a)}");'
                for i, a in enumerate(self.axes, start=1)
            )
        values = ", \\\n            ".join(rows)
        return (
            f"        {kind} ({template}) {{{indices}\n"
            f"          values ( \\\n            {values} \\\n          );\n        }}"
        )

    def _cell(self, name: str, part: Part) -> str:
        pins = [self._input(pin, part) for pin in part.inputs.split()]
        if part.clock:
            pins.append(self._clock(part))
        pins += [self._output(pin, function, part) for pin, function in part.functions.items()]
        body = "\n".join([self._storage(part), *self._leakages(part), *pins, self.around_cell])
        cell = self.cell_name(name)
        return f"  cell ({cell}) {{\n    area : {part.area};\n{body}\n  }}"

    def _storage(self, part: Part) -> str:
        state = f"{self.quote}IQ{self.quote}, {self.quote}IQN{self.quote}"
        if part.storage == "gate":
            return f"    clock_gating_integrated_cell : {self.quote}latch_posedge{self.quote};"
        enable, clock, data = map(self.expression, ("G", "CK", "D"))
        if part.storage == "latch":
            return f"    latch ({state}) {{ enable : {enable}; data_in : {data}; }}"
        if part.storage == "flop":
            clear = f" clear : {self.expression('!R')};" if part.reset else ""
            return f"    ff ({state}) {{ clocked_on : {clock}; next_state : {data};{clear} }}"
        return ""

    def _leakages(self, part: Part) -> list[str]:
        nw = LEAKAGE_NW * self.nw
        if self.leakage == "cell":
            return [f"    cell_leakage_power : {nw:.9g};"]
        pin = (part.inputs or part.clock).split()[0]
        found = []
        for when, value in ((pin, 0.5 * nw), (f"!{pin}", 1.5 * nw)):
            supplies = {"VDD": value, "VSS": 0} if self.leakage == "supplies" else {"": value}
            for supply, its in supplies.items():
                by = f" related_pg_pin : {supply};" if supply else ""
                found.append(
                    f"    leakage_power () {{ value : {its:.9g}; "
                    f"when : {self.expression(when)};{by} }}"
                )
        return found

    def _input(self, pin: str, part: Part) -> str:
        enable = " clock_gate_enable_pin : true;" if part.storage == "gate" else ""
        timing = ""
        if part.storage == "flop" and pin == "D":
            tables = ""
            for edge, ps in (("rise", SETUP_PS / 3), ("fall", SETUP_PS)):
                numbers = ", ".join(9 * [f"{ps * self.ps:.9g}"])
                tables += f"{edge}_constraint (cons) {{ values ({numbers}); }} "
            what = f'related_pin : "{part.clock}"; timing_type : setup_rising;'
            timing = f" timing () {{ {what} {tables}}}"
        return (
            f"    pin ({pin}) {{ direction : input; capacitance : {PIN_FF * self.ff:.9g};"
            f"{enable}{timing} }}"
        )

    def _clock(self, part: Part) -> str:
        gate = " clock_gate_clock_pin : true;" if part.storage == "gate" else ""
        numbers = ", ".join(
            f"{CLOCK_ENERGY.at(x, 0) / 2 * self.fj:.9g}" for x in self._values("slew")
        )
        tables = "".join(
            f'{e}_power (passive) {{ values ("{numbers}"); }} ' for e in ("rise", "fall")
        )
        return (
            f"    pin ({part.clock}) {{ direction : input; clock : true;{gate} "
            f"capacitance : {CLOCK_PIN_FF * self.ff:.9g}; internal_power () {{ {tables}}} }}"
        )

    def _output(self, pin: str, function: str, part: Part) -> str:
        delays = [("cell_rise", part.delay), ("cell_fall", part.delay),
                  ("rise_transition", SLEW), ("fall_transition", SLEW)]  # fmt: skip
        timing = "\n".join(self._table(k, "tmg", line, self.ps) for k, line in delays)
        power = "\n".join(
            self._table(k, "pwr", part.energy, self.fj) for k in ("rise_power", "fall_power")
        )
        sources = part.clock or part.inputs
        kind = "timing_type : rising_edge;" if part.storage in ("flop", "latch") else ""
        arcs = "\n".join(
            f'      timing () {{\n        related_pin : "{source}"; {kind}\n{timing}\n'
            f"{self.around_table}      }}\n"
            f'      internal_power () {{\n        related_pin : "{source}";\n{power}\n      }}'
            for source in sources.split()
        )
        says = (
            f"function : {self.expression(function)};" if function else 'state_function : "CK*E";'
        )
        out = " clock_gate_out_pin : true;" if part.storage == "gate" else ""
        return f"    pin ({pin}) {{\n      direction : output; {says}{out}\n{arcs}\n    }}"


def _starred(text: str) -> str:
    return '"(' + text.replace("&", "*").replace("|", "+") + ')"'


_CURRENTS = """        output_current_rise () { vector (ccs) { reference_time : 0.1;
          index_1 ("0.01"); index_2 ("0.02"); values ("1, 2, 3, 4"); } }
        receiver_capacitance1_rise (rc) { values ("0.1, 0.2"); }
        ocv_sigma_cell_rise (tmg) { sigma_type : "early"; values ("1, 2, 3"); }
"""
_TEST_CELL = """    test_cell () { pin (D) { direction : input; signal_type : test_scan_in; } }
    pg_pin (VDD) { pg_type : primary_power; voltage_name : "VDD"; }
    dont_touch : false;
"""

STYLES: Mapping[str, Style] = {
    "nangate": Style(
        capacitive_load_unit="(1,ff)", ff=1.0, leakage="states",
        around_cell="    drive_strength : 1;",
        header=f"""  default_operating_conditions : typical;
  operating_conditions (typical) {{
    process : 1.0; voltage : {VOLTAGE_V}; temperature : 25.0; tree_type : "balanced_tree";
  }}""",
    ),
    "skywater": Style(
        capacitive_load_unit='(1.0000000000, "pf")', cell_name='"vendor__{}_1"'.format,
        header="""  define(def_sim_opt,library,string);
  wire_load("Small") { fanout_length( 1, 23.2); }""",
    ),
    "foundry": Style(
        time_unit='"1 ps"', ps=1.0, capacitive_load_unit='(1000.0, "ff")',
        leakage_power_unit='leakage_power_unit : "1pW";', nw=1e3,
        cell_name="{}D1BWP".format, expression=_starred, quote="", around_table=_CURRENTS,
        around_cell=_TEST_CELL.replace("test_cell", "user_group"), newline="\r\n",
        header="  define_group (user_group, cell);\n  voltage_map (VDD, 1.2); // core supply",
    ),
    "university": Style(
        axes=("load", "slew"), cell_name="{}X1".format, quote="",
        expression=lambda text: f'"({text})"', leakage_power_unit="", end="",
    ),
    "predictive": Style(
        time_unit='"10ps"', ps=0.1, capacitive_load_unit="(1,ff)", ff=1.0,
        leakage_power_unit="leakage_power_unit : 100pW;", nw=10.0, voltage_unit='"100mV"', v=0.1,
        cell_name="{}xp5_75t_R".format, expression="{}".format, quote="", leakage="supplies",
        indices_in_table=False,
    ),
}  # fmt: skip


def at_another_voltage(style: Style) -> Style:
    """Return the style with twice the time per table entry: a slow corner's tables."""
    return replace(style, ps=2 * style.ps)


STYLE = STYLES["skywater"]
"""The style of tests that are of no style."""


def but(*left_out: str, **others: Part) -> dict[str, Part]:
    """The parts of the test library without some, and with others instead."""
    parts = {name: part for name, part in PARTS.items() if name not in left_out}
    return parts | others


def changed(name: str, **changes: Any) -> Part:
    """A part of the test library with fields of its own."""
    return replace(PARTS[name], **changes)
