"""Figures the models take for granted, read from `assumptions.yaml`: activities and warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from asicbnn.mapping.layout import Layout
from asicbnn.technology.form import Figure, Form, Name, read_form

_FILE = Path(__file__).parent / "assumptions.yaml"


class Assumptions(Form):
    """Activities [transitions per output and event] and the bound of what is plausible."""

    sources: dict[str, Name]
    random_bit: Figure
    weight_bit: Figure
    input_bit: Figure
    map_bit: Figure
    product_bit: Figure
    sum_bit: Figure
    carry_bits: Figure
    sequencer_activity: Figure
    operand_loads_activity: Figure
    operand_fills_activity: Figure
    dma_weights_activity: Figure
    dma_addresses_activity: Figure
    dma_inputs_activity: Figure
    dma_host_activity: Figure
    configuration_activity: Figure
    host_port_activity: Figure
    output_activity: Figure
    finished_words_activity: Figure
    undelayed_popcount_sliced: Figure
    undelayed_popcount_tree: Figure
    undelayed_last_register_sliced: Figure
    undelayed_last_register_tree: Figure
    undelayed_inner_registers_sliced: Figure
    undelayed_inner_registers_tree: Figure
    undelayed_accumulate: Figure
    undelayed_compare: Figure
    undelayed_psum_register: Figure
    measured_activity_relative_error: Figure
    cell_energy_relative_error: Figure
    cell_area_relative_error: Figure
    link_length_relative_error: Figure
    leakage_relative_error: Figure
    efficiency_record_tops_per_w: Figure
    datapath_record_tops_per_w: Figure

    def value_of(self, name: str) -> float:
        """Return the value of a figure."""
        figure: Figure = getattr(self, name)
        return figure.value

    def error_of(self, name: str) -> float:
        """Return the relative error of a figure, 0 for one that has none."""
        figure: Figure = getattr(self, name)
        return figure.relative_error or 0.0

    def flags(self, measured: Collection[str] = ()) -> Iterator[str]:
        """Yield a sentence that names every figure that is assumed.

        measured  activities that are not, without their `_activity`
        """
        known = {f"{name}_activity" for name in measured}
        figures = {n: getattr(self, n) for n in type(self).model_fields if n not in known}
        assumed = [
            f"{name} {figure.value:g}"
            for name, figure in figures.items()
            if isinstance(figure, Figure) and figure.assumed and not name.endswith("_error")
        ]
        if assumed:
            yield (
                f"{', '.join(assumed)} are assumed: as simulated without glitches "
                "[transitions per gate output and event]"
            )


@lru_cache(maxsize=1)
def assumptions() -> Assumptions:
    """Return the figures; the file is read once."""
    return read_form(Assumptions, _FILE.read_bytes(), _FILE.name)


def summed_planes(lay: Layout, lanes: int | None = None) -> float:
    """Bits of an accumulator that are taken to switch like random ones: the count and carries.

    lanes  that have work (default: all)
    """
    count_bits = (lanes or lay.lanes).bit_length()
    return min(lay.psum_bits, count_bits + assumptions().carry_bits.value)
