"""The forms of factors: what is mapped, placed or routed, over what is counted for it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from asicbnn.technology.form import Figure, Form, Name, NotNegative


class RoutedEntry(Form):
    """What finished runs of a place-and-route flow added, as `calibrate --from-metrics` fits it.

    Each figure carries the relative error that its spread over the runs means; what no run stated
    is left out, and the open designs stand in. Meanings: `routing.RoutedFactors`.
    """

    runs: Annotated[int, Field(ge=1)]
    placement_density: Figure | None = None
    growth: Figure | None = None
    sizing: Figure | None = None
    repair_ge_per_load: Figure | None = None
    clock_area_ge_per_sink: Figure | None = None
    detour: Figure | None = None
    datapath_spacings: Figure | None = None
    control_spacings: Figure | None = None
    power_ratio: Figure | None = None


class CalibrationFactor(Form):
    """What gates are, over what is estimated for them.

    factor  fitted on half of the designs      spread  relative half-width of 95 % of the residuals
    points  designs the factor was fitted on
    terms   of an energy: the factor of each term by itself, where they were told apart; those that
            are not here take `factor`
    """

    factor: PositiveFloat
    spread: NotNegative
    points: Annotated[int, Field(ge=1)]
    source: Name
    note: str = ""
    terms: dict[Name, NotNegative] = Field(default_factory=dict)


class CalibrationEntry(Form):
    """Factors of one structure, as `asicbnn calibrate` writes them; None where none was measured.

    area    of a component: of its gates beside flops, adders and multiplexers that hold, which are
            mapped one to one; of an accelerator: of the sum of its components; of a cell that is
            mapped alike everywhere: of what the technology has for it
    delay   of an accelerator: of its paths beside the popcount's; of a popcount: of the path
            through it; of adders: of their delays within either, before its factor
    energy  of a part of the logic (`calibration.SWITCHING`) or the clock: of what its events take;
            of an accelerator and an array: of the sum of its parts
    """

    area: CalibrationFactor | None = None
    delay: CalibrationFactor | None = None
    energy: CalibrationFactor | None = None


class ReadFactors(Form):
    """Factors of reads in one order, each over what is counted for its own part of them.

    lines      of words, with their buffers
    addresses  decoder and address pins        columns  the OR of a bit over all words
    words      their number, rising, that each of `addresses` and `columns` holds for; those
               between are interpolated in log2 of it
    spread     of the whole read
    points     memories the factors were fitted on
    """

    lines: NotNegative
    words: tuple[Annotated[int, Field(ge=2)], ...]
    addresses: tuple[PositiveFloat, ...]
    columns: tuple[PositiveFloat, ...]
    spread: NotNegative
    points: Annotated[int, Field(ge=1)]
    source: Name
    note: str = ""

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.words) == len(self.addresses) == len(self.columns) >= 1:
            raise ValueError("words, addresses and columns must have one length, at least 1")
        if list(self.words) != sorted(set(self.words)):
            raise ValueError("words must rise")
        return self


class CellMemoryEntry(Form):
    """What memories of latches or of flip-flops are as gates, over what is counted for them.

    area, leakage  of the logic; rows, data register and clock gates are mapped one to one
    reads         of an access by the order of addresses: each the next, or any
    read_energy, read_addresses  in files that were calibrated before reads had factors by order:
                  of an access and its decoder, where the second is missing of both
    write_energy  of an access beside write_lines: what is written on the pins of a group of rows;
                  the spread of both is that of their sum
    idle_energy   of a cycle without access
    access        of the longest path beside access_levels: the levels of the OR over all words
    """

    area: CalibrationFactor
    leakage: CalibrationFactor
    reads: dict[Literal["sequential", "random"], ReadFactors] = Field(default_factory=dict)
    read_energy: CalibrationFactor | None = None
    read_addresses: CalibrationFactor | None = None
    write_energy: CalibrationFactor
    write_lines: CalibrationFactor
    idle_energy: CalibrationFactor
    access: CalibrationFactor
    access_levels: CalibrationFactor

    @model_validator(mode="after")
    def _reads_are_priced(self) -> Self:
        if self.read_energy is None and set(self.reads) != {"sequential", "random"}:
            raise ValueError("reads must have sequential and random, or there must be read_energy")
        return self


class PlacedWires(Form):
    """What wires of a part of the logic take once placed, over what the law of their block gives.

    factor  geometric mean over the designs it was fitted on
    spread  another design lies within factor / (1 + spread) and factor x (1 + spread), 19 times of
            20
    points  designs the factor was fitted on
    """

    factor: PositiveFloat
    spread: NotNegative
    points: Annotated[int, Field(ge=1)]
    source: Name
