"""OpenSTA, where it is installed: the longest register-to-register path of a mapped netlist."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from asicbnn.calibration.mapped_netlist import ONE, ZERO, MappedNetlist
from asicbnn.calibration.mapping_cells import MappingCells
from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends.toolchain.external_tool import Workshop

_PERIOD_PS = 1e5  # longer than every path, and short enough for OpenSTA's single precision
_SCRIPT = f"""\
read_liberty cells.lib
read_verilog design.v
link_design top
set_cmd_units -time ps
create_clock -name clock -period {_PERIOD_PS:g} [get_ports clock]
report_checks -path_delay max -format full -digits 4@TO@
exit
"""
_FLOPS = " -to [all_registers -edge_triggered -data_pins]"


def is_installed() -> bool:
    """Say whether there is an OpenSTA on PATH."""
    return shutil.which("sta") is not None


def longest_period_ps(
    netlist: MappedNetlist, cells: MappingCells, *, has_latches: bool = False
) -> float | None:
    """Return arrival plus setup of the longest path [ps]; None if there is no path.

    has_latches  paths end at flip-flops alone: one that ends at an open latch goes on behind it,
                 and OpenSTA reports no slack for it

    Black boxes start and end no path. Raises EnvironmentProblem if OpenSTA fails or reports what
    cannot be read.
    """
    netlist = netlist.without({i.cell for i in netlist.instances} - cells.names)
    with Workshop("time a netlist") as workshop:
        workshop.write("cells.lib", cells.text)
        workshop.write("design.v", "\n".join(structural_verilog(netlist)))
        workshop.write("script.tcl", _SCRIPT.replace("@TO@", _FLOPS if has_latches else ""))
        said = workshop.call(["sta", "-no_splash", "-exit", "script.tcl"])
    if re.search(r"^No paths found", said, re.MULTILINE):
        return None
    slack = re.search(r"(-?[\d.]+)\s+slack", said)
    if slack is None:
        raise EnvironmentProblem(f"OpenSTA reported no slack:\n{said[:2000]}")
    return _PERIOD_PS - float(slack[1])


def structural_verilog(netlist: MappedNetlist) -> Iterator[str]:
    """Yield a netlist as Verilog of one module `top` with one wire per net."""
    ports = {**netlist.inputs, **netlist.outputs}
    yield f"module top ({', '.join(ports)});"
    for way, group in (("input", netlist.inputs), ("output", netlist.outputs)):
        for name, nets in group.items():
            yield f"  {way} [{len(nets) - 1}:0] {name};" if len(nets) > 1 else f"  {way} {name};"
    yield from (f"  wire n{net};" for net in range(2, netlist.nets))
    for name, nets in netlist.inputs.items():
        for place, net in enumerate(nets):
            yield f"  assign n{net} = {name}{_bit(nets, place)};"
    for name, nets in netlist.outputs.items():
        for place, net in enumerate(nets):
            yield f"  assign {name}{_bit(nets, place)} = {_net(net)};"
    for index, instance in enumerate(netlist.instances):
        pins = {**instance.inputs, **instance.outputs}
        bound = ", ".join(f".{pin}({_net(net)})" for pin, net in pins.items())
        yield f"  {instance.cell} i{index} ({bound});"
    yield "endmodule"


def _bit(nets: tuple[int, ...], place: int) -> str:
    return f"[{place}]" if len(nets) > 1 else ""


def _net(net: int) -> str:
    return {ZERO: "1'b0", ONE: "1'b1"}.get(net, f"n{net}")
