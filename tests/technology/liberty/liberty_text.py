"""Liberty text for tests, written out in the ways different vendors write it."""

from __future__ import annotations

HEADER = """
  time_unit : "1ns";
  voltage_unit : "1V";
  leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1.0;
  nom_temperature : 25.0;
  nom_process : 1.0;
"""
TEMPLATE = """
  lu_table_template (delay_2x3) {
    variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.03");
    index_2 ("0.001, 0.002, 0.004");
  }
"""
INVERTER = """
  cell (INV) {
    area : 1.5;
    cell_leakage_power : 2.0;
    pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) {
      direction : output;
      function : "!A";
      timing () {
        related_pin : "A";
        timing_sense : negative_unate;
        cell_rise (delay_2x3) { values ("1, 2, 4", "3, 4, 6"); }
        cell_fall (delay_2x3) { values ("1, 2, 4", "3, 4, 6"); }
        rise_transition (delay_2x3) { values ("1, 2, 4", "3, 4, 6"); }
        fall_transition (delay_2x3) { values ("1, 2, 4", "3, 4, 6"); }
      }
    }
  }
"""


def library(*cells: str, header: str = HEADER, templates: str = TEMPLATE) -> str:
    """Return a whole Liberty file."""
    return f"library (demo) {{{header}{templates}{''.join(cells or (INVERTER,))}}}\n"
