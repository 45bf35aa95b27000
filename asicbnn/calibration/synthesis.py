"""Written hardware mapped to a library by Yosys and abc, in two forms of the datapath.

adder_cells  every adder stays a full or half adder cell (composed where the library has none);
             the logic around them is mapped by abc
remapped     adders are opened and mapped by abc with everything else

abc maps for area at unit drive; nets of more than `MOST_PINS` pins are buffered, by abc within
what it maps and by `fanout.py` elsewhere. There is no wire and no resizing, as before placement.
Netlists are kept in the cache folder of compiled simulators.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from asicbnn.calibration.adder_cells import AdderCells, adder_cells
from asicbnn.calibration.fanout import buffered
from asicbnn.calibration.mapped_netlist import MappedNetlist, netlist_of
from asicbnn.calibration.mapping_cells import MappingCells, mapping_cells
from asicbnn.calibration.yosys import Yosys, find_yosys
from asicbnn.hardware.fanout import MOST_PINS
from asicbnn.hardware.verilog import VerilogBlock, library
from asicbnn.hardware.verilog.memories import ports_of
from asicbnn.simulation.backends.toolchain.build_cache import cache_folder
from asicbnn.technology.liberty import Library, read

Form = Literal["adder_cells", "remapped"]
FORMS: tuple[Form, ...] = get_args(Form)

_ABC = (
    "+strash;ifraig;scorr;dc2;dretime;strash;&get,-n;&nf;&put;"
    f"buffer,-c,-N,{MOST_PINS};topo;stime,-p"
)
_SCRIPT = f"""\
read_liberty -lib -ignore_miss_func cells.lib
read_verilog design.v
hierarchy -check -top toplevel
proc
flatten
opt_clean -purge
opt -full
wreduce
opt_clean -purge
techmap
opt -fast
opt_clean -purge
dfflibmap -liberty cells.lib
abc -liberty cells.lib -script {_ABC}
opt_clean -purge
attrmap -remove src
write_json netlist.json
"""
_KEPT = "mapped"


@dataclass(frozen=True)
class Flow:
    """A library made ready for synthesis, and the Yosys that does it.

    keeps_names  netlists keep the name of every wire, for whoever looks for registers in them
    """

    library: Library
    cells: MappingCells
    adders: AdderCells
    yosys: Yosys
    keeps_names: bool = False

    @property
    def script(self) -> str:
        """What Yosys runs."""
        return _SCRIPT.replace(" -purge", "") if self.keeps_names else _SCRIPT

    def netlist(self, written: VerilogBlock, form: Form) -> MappedNetlist:
        """Map a block whose top module is `toplevel`; memories stay black boxes.

        Raises EnvironmentProblem with Yosys's message, and the folder of its files, if it fails.
        """
        place = self.place(written, form, ".json.gz")
        data = _kept(place)
        if data is None:
            files = {"cells.lib": self.cells.text, "design.v": self._design(written, form)}
            data = self.yosys.run(self.script, files, "netlist.json")
            _keep(place, data)
        mapped = netlist_of(data, f"the netlist of {written.name}")
        return buffered(mapped, self.library, self.cells.names)

    def place(self, written: VerilogBlock, form: Form, suffix: str) -> Path | None:
        """Return where something about a mapped block is kept; None if nothing is to be kept."""
        folder = cache_folder()
        if folder is None:
            return None
        parts = (self.yosys.version, self.script, self.digest, self._design(written, form))
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return folder / _KEPT / f"{key}{suffix}"

    @cached_property
    def digest(self) -> str:
        """Of the cells Yosys is given."""
        return self.cells.digest

    def _design(self, written: VerilogBlock, form: Form) -> str:
        boxes = "".join(
            f"(* blackbox *) module {m.module} ({', '.join(ports_of(m.view))});\nendmodule\n"
            for m in written.memories
        )
        adders = self.adders.text
        if form == "remapped":
            adders = _opened() + _without_adders(adders)
        return "\n".join([written.top, boxes, library("arithmetic_synthesis.v"), adders])


def flow(paths: list[Path], parsed: Library | None = None) -> Flow:
    """Make Liberty files ready for synthesis.

    Raises SpecError for files that cannot be read or lack cells, EnvironmentProblem without Yosys.
    """
    yosys = find_yosys()
    known = parsed or read(paths)
    cells = mapping_cells(known, paths)
    return Flow(known, cells, adder_cells(known, cells), yosys)


def _opened() -> str:
    """Adders as expressions, free to be taken apart."""
    return library("cells_generic.v").replace("(* keep_hierarchy *)", "")


def _without_adders(text: str) -> str:
    modules = re.findall(r"^module .*?^endmodule\n", text, re.MULTILINE | re.DOTALL)
    return "\n".join(m for m in modules if "_adder_cell" not in m.splitlines()[0])


def _kept(place: Path | None) -> bytes | None:
    try:
        return gzip.decompress(place.read_bytes()) if place else None
    except (OSError, EOFError):
        return None


def _keep(place: Path | None, data: bytes) -> None:
    """Keep a netlist, whole or not at all; a disk that cannot costs the cache, never the run."""
    if place is None:
        return
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(data, 3))
        Path(name).replace(place)
