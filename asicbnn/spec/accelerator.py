"""What an accelerator is: the fields of an accelerator file, their ranges, and the rules between.

The description, unit, default and range of each field stand here once; they check files, word the
complaints, and become the JSON Schema that editors read. Fields whose other values are still to be
built exist with the one value there is, so that files written today keep working.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import Field

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.accelerator_rules import broken_rules
from asicbnn.spec.beside import beside_or_here
from asicbnn.spec.document import join_path
from asicbnn.spec.external import PowerUp
from asicbnn.spec.extras import Extras
from asicbnn.spec.fields import described, only
from asicbnn.spec.memories import Buffers, Sram, Store
from asicbnn.spec.model import Complaint, SpecModel, field_paths
from asicbnn.spec.placement import Placement
from asicbnn.spec.reader import read, read_value
from asicbnn.spec.wording import suggest

Dataflow: TypeAlias = Literal[
    "output_stationary",
    "weight_stationary",
    "input_stationary",
    "row_stationary",
    "no_local_reuse",
    "best",
]
PostStep: TypeAlias = Literal["threshold", "max_pool", "argmax"]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"


class OperatingPoint(SpecModel):
    """Supply, temperature and clock."""

    voltage_v: float | None = described(
        None, "supply voltage; null takes the technology's own", unit="V", ge=0.1, le=10
    )
    temperature_c: float | None = described(
        None, "junction temperature; null takes the technology's own", unit="degC", ge=-60, le=175
    )
    clock_mhz: Literal["max"] | Annotated[float, Field(ge=1e-6, le=100_000)] = described(
        "max", "clock frequency; max is what the slower of logic and memories allows", unit="MHz"
    )


class Unroll(SpecModel):
    """How many values of each loop are computed at once.

    The PEs are batch x out_channels x out_y x out_x, their lanes in_channels x kernel_y x kernel_x.
    """

    batch: int = described(1, "images computed at once", unit="PEs", ge=1, le=256)
    out_channels: int = described(32, "output channels computed at once", unit="PEs", ge=1, le=4096)
    in_channels: int = described(64, "input channels per PE and cycle", unit="lanes", ge=1, le=4096)
    out_y: int = described(1, "output rows computed at once", unit="PEs", ge=1, le=256)
    out_x: int = described(1, "output columns computed at once", unit="PEs", ge=1, le=256)
    kernel_y: int = described(1, "kernel rows per PE and cycle", unit="lanes", ge=1, le=64)
    kernel_x: int = described(1, "kernel columns per PE and cycle", unit="lanes", ge=1, le=64)

    @property
    def pes(self) -> int:
        """Processing elements, each computing one output."""
        return prod((self.batch, self.out_channels, self.out_y, self.out_x))

    @property
    def lanes(self) -> int:
        """Binary products per PE and cycle [bit/cycle]."""
        return prod((self.in_channels, self.kernel_y, self.kernel_x))


class Popcount(SpecModel):
    """The adder that counts a PE's agreeing bits."""

    structure: Literal["sliced", "tree"] = described(
        "sliced", "sliced: a 3:2 counter tree by bit weight; tree: a binary tree of adders"
    )
    pipeline_stages: int = described(0, "registers inside the popcount", unit="cycles", ge=0, le=4)


class Array(SpecModel):
    """The grid of processing elements."""

    unroll: Unroll = described(Unroll(), "how many values of each loop are computed at once")
    lanes: Literal["per_dimension"] = only("per_dimension", "how products are laid on the lanes")
    regroup: Literal[False] = only(False, "whether the grid can change shape between layers")
    lane: Literal["xnor"] = only("xnor", "what a lane multiplies")
    strides: tuple[Annotated[int, Field(ge=1, le=16)], ...] = described(
        (1, 2), "convolution strides the window wiring is built for", unit="pixels", min_length=1
    )
    popcount: Popcount = described(Popcount(), "the adder that counts a PE's agreeing bits")


class Hold(SpecModel):
    """Which registers keep their value while the loops allow it."""

    weight: bool = described(True, "keep a weight word while it is reused")
    input: bool = described(True, "keep an input word while it is reused")
    psum: bool = described(True, "keep the accumulator between reduction steps")


class InputRegister(SpecModel):
    """The activation register of the array."""

    window: Literal[False] = only(False, "whether it shifts a window instead of reloading it")


class WeightRegister(SpecModel):
    """The weight register of the array."""

    kind: Literal["flip_flop"] = only("flip_flop", "what holds the bits")
    depth: Literal[1] = only(1, "weight words held per PE")
    load_bits: None = only(None, "width of the load path; null is the whole word")


class Registers(SpecModel):
    """The registers next to the array."""

    shadow: bool = described(False, "double registers, so that a load hides behind computing")
    hold: Hold = described(Hold(), "which registers keep their value while the loops allow it")
    input: InputRegister = described(InputRegister(), "the activation register")
    weight: WeightRegister = described(WeightRegister(), "the weight register")


class Host(SpecModel):
    """The link to the host: images in, results out, weights that do not stay."""

    link_bits: int = described(32, "bits per cycle", unit="bit", ge=1, le=65536)
    latency_cycles: int = described(20, "from request to first word", unit="cycles", ge=1, le=65535)
    energy_pj_per_bit: float = described(2.0, "energy per bit moved", unit="pJ/bit", ge=0, le=1e4)


class Sequencer(SpecModel):
    """The controller that steps through the loops."""

    order: Literal["programmable", "fixed"] = described(
        "programmable", "loop order set per layer at run time, or fixed when the chip is made"
    )


class Limits(SpecModel):
    """The largest layer the registers are built for."""

    batch: int = described(1, "images in one run", unit="images", ge=1, le=4096)
    out_channels: int = described(1024, "output channels", unit="channels", ge=1, le=65536)
    in_channels: int = described(1024, "input channels", unit="channels", ge=1, le=65536)
    map: int = described(64, "rows or columns of a map, in or out", unit="pixels", ge=1, le=4096)
    kernel: int = described(7, "rows or columns of a kernel", unit="pixels", ge=1, le=64)
    weight_bits: int = described(1, "bit planes of a weight", unit="bit", ge=1, le=8)
    activation_bits: int = described(8, "bit planes of an activation", unit="bit", ge=1, le=16)
    pool: int = described(2, "rows or columns of a pooling window", unit="pixels", ge=1, le=16)
    psum_bits: int | None = described(
        None,
        "accumulator; null derives it from kernel, in_channels and weight_bits, for activations of "
        "1 bit: at n bits that leaves about a (2^n - 1)th of their fan-in, which `show` names",
        unit="bit",
        ge=1,
        le=48,
    )

    @property
    def derived_psum_bits(self) -> int:
        """Accumulator that holds the largest layer of 1-bit activations [bit]."""
        return int(self.kernel**2 * self.in_channels * (2**self.weight_bits - 1)).bit_length()


class Scenario(SpecModel):
    """How the chip is used over time."""

    frames_per_s: None = only(None, "inferences asked for per second")
    idle: Literal["none"] = only("none", "what the chip does between inferences")
    rails: Literal[1] = only(1, "supplies that can be switched apart")


class Accelerator(SpecModel):
    """One accelerator: everything from which hardware is generated and cost is estimated."""

    name: str = Field(
        description="names files and modules",
        pattern=_NAME,
        max_length=100,
        json_schema_extra={"wanted": "a name of letters, digits and _ . + -"},
    )
    technology: str = described(
        "sky130hd", "a shipped technology, a path to one, or scaled:NODE in nm", min_length=1
    )
    operating_point: OperatingPoint = described(OperatingPoint(), "supply, temperature and clock")
    array: Array = described(Array(), "the grid of processing elements")
    registers: Registers = described(Registers(), "the registers next to the array")
    buffers: Buffers = described(Buffers(), "the memories between the store and the array")
    store: Store = described(Store(), "the memory for weights, and activations between layers")
    sram: Sram = described(Sram(), "how memories of kind sram are priced")
    power_up: PowerUp = described(PowerUp(), "how weights come into the store at power-up")
    host: Host = described(Host(), "the link to the host")
    sequencer: Sequencer = described(Sequencer(), "the controller that steps through the loops")
    clock_gating: Literal["none", "register"] = described(
        "none",
        "none: every flop is clocked in every cycle; register: registers with an enable are "
        "clocked when it is 1, at most 32 behind a clock gate",
    )
    floorplan: Placement = described(Placement(), "the layout behind estimates of level routed")
    engines: Literal[1] = only(1, "arrays working side by side")
    limits: Limits = described(Limits(), "the largest layer the registers are built for")
    post: tuple[PostStep, ...] = described(
        ("threshold", "max_pool", "argmax"), "what is built after the accumulator", min_length=1
    )
    dataflow: Dataflow = described("output_stationary", "order of the loops; best searches it")
    extras: Extras = described(Extras(), "what a real chip adds; none by default, shown apart")
    scenario: Scenario = described(Scenario(), "how the chip is used over time")

    @property
    def psum_bits(self) -> int:
        """Width of an accumulator, as set or derived from the limits [bit]."""
        return self.limits.psum_bits or self.limits.derived_psum_bits

    def largest_fan_in(self, activation_bits: int) -> int:
        """Products per output whose sum the accumulator holds, at a width of the activations."""
        planes: int = (2**self.limits.weight_bits - 1) * (2**activation_bits - 1)
        return int(2**self.psum_bits - 1) // planes

    @property
    def weight_word_bits(self) -> int:
        """Word of the weight buffer [bit]."""
        return self.array.unroll.out_channels * self.array.unroll.lanes

    def problems(self) -> Iterator[Complaint]:
        """Return every broken rule between the parts of the accelerator."""
        return broken_rules(self)


def read_accelerator(path: Path | str) -> Accelerator:
    """Return the accelerator in a file, the files it names as paths that can be opened from here.

    Raises SpecError with all problems of the file.
    """
    found = read(path, Accelerator)
    lists = tuple(beside_or_here(path, name) for name in found.sram.lists)
    technology = beside_or_here(path, found.technology)
    sram = found.sram.model_copy(update={"lists": lists})
    return found.model_copy(update={"technology": technology, "sram": sram})


def with_changes(accelerator: Accelerator, changes: Mapping[str, Any]) -> Accelerator:
    """Return the accelerator with some fields changed, checked like a file.

    changes : dotted path -> value, such as ``{"array.unroll.out_channels": 64}``. A mapping as a
        value changes the keys it names and leaves their neighbours alone.

    Raises SpecError naming every field and rule that does not hold.
    """
    value = accelerator.model_dump()
    if unknown := [path for path in changes if path not in field_names()]:
        raise SpecError(
            Problem("no such field", path=path, help=suggest(path, list(field_names())))
            for path in unknown
        )
    for path, new in changes.items():
        _set(value, path.split("."), new)
    return read_value(value, Accelerator)


def _set(value: dict[str, Any], path: list[str], new: Any) -> None:
    *parents, last = path
    for part in parents:
        if value.get(part) is None:
            value[part] = {}
        value = value[part]
    if isinstance(new, Mapping) and isinstance(value.get(last), dict):
        for key, inner in new.items():
            _set(value[last], [str(key)], inner)
    else:
        value[last] = new


def nested(path: str, value: Any) -> dict[str, Any]:
    """Return ``{"a": {"b": value}}`` for the dotted path ``a.b``."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


@cache
def field_names() -> tuple[str, ...]:
    """Return the dotted path of every field of an accelerator."""
    return tuple(join_path(path) for path in field_paths(Accelerator))


def to_yaml(accelerator: Accelerator) -> str:
    """Return the accelerator as a YAML file with every field, which reads back as the same."""
    value = accelerator.model_dump(mode="json")
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=100)
