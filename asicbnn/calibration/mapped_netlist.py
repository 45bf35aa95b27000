"""A netlist of library cells, read from what Yosys writes with `write_json` after mapping.

The hierarchy is opened here, so that each cell knows the module instances it lies in. Every pin is
one bit: the pins of a black box (a memory) that are words become `pin[0]`, `pin[1]`, ...
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from asicbnn.calibration.joined_nets import ONE, ZERO, JoinedNets
from asicbnn.errors import EnvironmentProblem

_REMARK = "$scopeinfo"
"""What Yosys leaves of a module that was flattened; no cell."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A library cell or a black box.

    name             with the instances it lies in before it, joined by dots
    cell             cell of the library, or module of the black box
    scope            module instances it lies in, outermost first
    inputs, outputs  net per pin, in the order of the pins' names
    """

    name: str
    cell: str
    scope: tuple[str, ...]
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    def component(self, components: Collection[str]) -> str:
        """Return the innermost of the named module instances the cell lies in, "" for none."""
        return next((name for name in reversed(self.scope) if name in components), "")


@dataclass(frozen=True, eq=False)
class MappedNetlist:
    """What a mapped module consists of, hierarchy opened.

    inputs, outputs  nets of each port of the top module, lowest bit first
    instances        cells, in the order Yosys wrote them
    nets             how many there are; nets 0 and 1 are the constants
    wires            nets of each wire somebody named, lowest bit first; those inside module
                     instances have these before their name, joined by dots
    """

    top: str
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    instances: tuple[Instance, ...]
    nets: int
    wires: Mapping[str, tuple[int, ...]]

    def census(self) -> Counter[str]:
        """How often each cell is there."""
        return Counter(instance.cell for instance in self.instances)

    @cached_property
    def driver(self) -> Mapping[int, tuple[int, str]]:
        """Instance (by index) and pin that drive a net; ports and constants are not in it.

        Raises EnvironmentProblem for a net two pins drive.
        """
        driven: dict[int, tuple[int, str]] = {}
        for index, instance in enumerate(self.instances):
            for pin, net in instance.outputs.items():
                if net in driven or net in (ZERO, ONE):
                    raise EnvironmentProblem(
                        f"{self.top}: net {net} is driven by {instance.name}.{pin} "
                        f"and by something else"
                    )
                driven[net] = (index, pin)
        return driven

    @cached_property
    def loads(self) -> Mapping[int, tuple[tuple[int, str], ...]]:
        """Instances (by index) and pins that read a net."""
        read: dict[int, list[tuple[int, str]]] = {}
        for index, instance in enumerate(self.instances):
            for pin, net in instance.inputs.items():
                read.setdefault(net, []).append((index, pin))
        return {net: tuple(pins) for net, pins in read.items()}

    def without(self, boxes: Collection[str]) -> MappedNetlist:
        """Cut black boxes out: what they drive becomes an input, what they read an output.

        boxes  modules; the new ports are named `instance.pin`, one bit each
        """
        inputs, outputs = dict(self.inputs), dict(self.outputs)
        kept = []
        for instance in self.instances:
            if instance.cell not in boxes:
                kept.append(instance)
                continue
            inputs |= {f"{instance.name}.{pin}": (net,) for pin, net in instance.outputs.items()}
            outputs |= {f"{instance.name}.{pin}": (net,) for pin, net in instance.inputs.items()}
        return MappedNetlist(self.top, inputs, outputs, tuple(kept), self.nets, self.wires)


def read_netlist(path: Path | str) -> MappedNetlist:
    """Read a file of `write_json`.

    Raises EnvironmentProblem if it is none, or holds no top module.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise EnvironmentProblem(f"{path} is no netlist of Yosys in JSON: {error}") from error
    return netlist_of(data, str(path))


def netlist_of(data: bytes, name: str) -> MappedNetlist:
    """Read what `write_json` wrote; ``name`` says in errors where it is from.

    Raises EnvironmentProblem for anything but a netlist of Yosys with one top module.
    """
    try:
        modules = json.loads(data)["modules"]
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentProblem(f"{name} is no netlist of Yosys in JSON: {error}") from error
    tops = [top for top, module in modules.items() if _is_set(module, "top")]
    if len(tops) != 1:
        raise EnvironmentProblem(f"{name}: expected one module with attribute top, got {len(tops)}")
    return _Opened(modules, tops[0]).netlist()


def _is_set(module: Mapping[str, Any], attribute: str) -> bool:
    """Say whether an attribute is there and not 0; Yosys writes numbers as binary digits."""
    return "1" in str(module.get("attributes", {}).get(attribute, ""))


class _Opened:
    """Walks the hierarchy from the top; nets that ports join become one."""

    def __init__(self, modules: Mapping[str, Any], top: str) -> None:
        self.modules, self.top = modules, top
        self._joined = JoinedNets()
        self._instances: list[tuple[str, str, tuple[str, ...], Any]] = []
        self._wires: dict[str, list[int]] = {}

    def netlist(self) -> MappedNetlist:
        module = self.modules[self.top]
        local: dict[Any, int] = {}
        ports = {
            name: (port["direction"], self._nets(port["bits"], local))
            for name, port in module["ports"].items()
        }
        self._open(module, local, ())
        final = self._joined.final

        def of(direction: str) -> dict[str, tuple[int, ...]]:
            return {
                name: tuple(map(final, nets)) for name, (way, nets) in ports.items()
                if way == direction
            }  # fmt: skip

        inputs, outputs = of("input"), of("output")
        instances = tuple(
            Instance(
                name, cell, scope,
                *({pin: final(net) for pin, net in pins.items()} for pins in directed),
            )
            for name, cell, scope, directed in self._instances
        )  # fmt: skip
        wires = {name: tuple(map(final, nets)) for name, nets in self._wires.items()}
        return MappedNetlist(self.top, inputs, outputs, instances, self._joined.count, wires)

    def _open(
        self, module: Mapping[str, Any], local: dict[Any, int], scope: tuple[str, ...]
    ) -> None:
        prefix = "".join(f"{name}." for name in scope)
        for name, wire in module.get("netnames", {}).items():
            nets = self._nets(wire["bits"], local)
            if not wire.get("hide_name"):
                self._wires[prefix + name] = nets
        for name, cell in module["cells"].items():
            if cell["type"] == _REMARK:
                continue
            inner = self.modules.get(cell["type"])
            if inner is not None and not _is_set(inner, "blackbox"):
                self._open(inner, self._bound(inner, cell, local), (*scope, name))
                continue
            pins = list(self._pins(prefix + name, cell, local))
            directed = tuple(
                {pin: net for pin, way, net in pins if way == wanted}
                for wanted in ("input", "output")
            )
            self._instances.append((prefix + name, cell["type"], scope, directed))

    def _bound(
        self, inner: Mapping[str, Any], cell: Mapping[str, Any], local: dict[Any, int]
    ) -> dict[Any, int]:
        """Nets of an instance's ports, by the bits of its module."""
        bound: dict[Any, int] = {}
        for name, port in inner["ports"].items():
            outside = self._nets(cell["connections"].get(name, []), local)
            for bit, net in zip(port["bits"], outside, strict=False):
                if bit in bound or isinstance(bit, str):
                    self._joined.join(net, bound[bit] if bit in bound else _constant(bit))
                else:
                    bound[bit] = net
        return bound

    def _pins(
        self, name: str, cell: Mapping[str, Any], local: dict[Any, int]
    ) -> Iterator[tuple[str, str, int]]:
        """Pins of a cell, each with its direction and net; an open output has one of its own."""
        try:
            directions = cell["port_directions"]
        except KeyError as error:
            raise EnvironmentProblem(
                f"{name}: the pins of {cell['type']} have no directions; "
                f"read its library before the netlist is written"
            ) from error
        for pin in sorted(directions):
            nets = self._nets(cell["connections"].get(pin, ()), local)
            if not nets:
                nets = [self._joined.fresh() if directions[pin] == "output" else ZERO]
            for i, net in enumerate(nets):
                yield pin if len(nets) == 1 else f"{pin}[{i}]", directions[pin], net

    def _nets(self, bits: Sequence[Any], local: dict[Any, int]) -> list[int]:
        return [_constant(b) if isinstance(b, str) else self._net(b, local) for b in bits]

    def _net(self, bit: int, local: dict[Any, int]) -> int:
        if bit not in local:
            local[bit] = self._joined.fresh()
        return local[bit]


def _constant(digit: str) -> int:
    return ONE if digit == "1" else ZERO


__all__ = ["ONE", "ZERO", "Instance", "MappedNetlist", "netlist_of", "read_netlist"]
