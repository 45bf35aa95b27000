"""The files of the exported folder, and their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from asicbnn import __version__
from asicbnn.export.chip import LIBRARY, Chip, chip
from asicbnn.export.destination import MANIFEST, destination, manifest, write_whole
from asicbnn.export.stimuli import Stimuli, stimuli
from asicbnn.hardware.verilog import library
from asicbnn.model.area import area, macros
from asicbnn.model.arguments import accelerator_of, check_seed, workload_of
from asicbnn.model.costs import technology_of
from asicbnn.model.timing import timing
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.workload import Workload

_PDK = {"sky130hd": "sky130A", "ihp_sg13g2": "ihp-sg13g2"}
_CELLS = {"sky130hd": "cells_sky130hd.v", "ihp_sg13g2": "cells_ihp_sg13g2.v"}
_GENERIC = "cells_generic.v"
_TEMPLATES = (
    "testbench.v", "Makefile", "synthesis.sh", "synthesis.ys", "constraints.sdc",
    "librelane.yaml", "README.md",
)  # fmt: skip
_RESET_CYCLES = 32


def export(
    accelerator: Accelerator | Path | str,
    folder: Path | str,
    *,
    workload: Workload | Path | str | None = None,
    seed: int = 0,
) -> Path:
    """Write an accelerator as a folder of Verilog, test bench, constraints and scripts.

    folder    must not exist, be empty, or hold an earlier export as it was written, which is
              replaced
    workload  network the test bench runs (default: a small random layer)
    seed      of whatever is drawn at random

    Raises SpecError for a folder that holds something else or a file that was changed, and what
    `simulate` raises for a network; EnvironmentProblem where the folder cannot be written.
    """
    machine = accelerator_of(accelerator)
    network = None if workload is None else workload_of(workload)
    check_seed(seed)
    final = destination(folder)
    stimulus = stimuli(machine, network, seed)
    built = chip(machine, stimulus.order)
    texts = files(built, stimulus)
    write_whole(final, texts | {MANIFEST: manifest(texts)})
    return Path(folder)


def files(built: Chip, stimulus: Stimuli) -> dict[str, str]:
    """Return the text of every file but the list of them, by name."""
    values = _values(built, stimulus)
    digits = -(-built.machine.configuration.layout.host_bits // 4)
    return {
        f"{built.name}.v": built.top,
        "memories.v": built.memories,
        "macros.v": built.wrappers or "// no memory is built of macros\n",
        **{name: library(name) for name in LIBRARY},
        "sent.hex": _hex(stimulus.sent, digits),
        "expected.hex": _hex(stimulus.received, digits),
        "mask.hex": _hex(stimulus.mask, digits),
        **{name: _filled(name, values) for name in _TEMPLATES},
    }


def _hex(words: Sequence[int], digits: int) -> str:
    return "".join(f"{word:0{digits}x}\n" for word in words)


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = (resources.files(__package__) / "templates" / f"{name}.in").read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _values(built: Chip, stimulus: Stimuli) -> dict[str, str]:
    """Return what the templates leave open."""
    accelerator, lay = built.accelerator, built.machine.configuration.layout
    technology = technology_of(accelerator)
    period = timing(accelerator, technology, area(accelerator, technology)).period_ps / 1000
    asked = accelerator.operating_point.clock_mhz
    source = "the model's shortest period" if asked == "max" else "operating_point.clock_mhz"
    counts = built.written.counts
    cells = _CELLS.get(accelerator.technology, _GENERIC)
    sources = [f"{built.name}.v", "memories.v", "arithmetic_synthesis.v", cells]
    sources += ["clock_gate.v", "memory_cells.v"] if cells == _GENERIC else []
    extra = "EXTRA_VERILOG_MODELS:\n  - dir::macros.v\n" if built.macros else ""
    return {
        "NAME": built.name,
        "SPEC": accelerator.name,
        "VERSION": __version__,
        "PES": str(lay.pes),
        "LANES": str(lay.lanes),
        "WORKLOAD": stimulus.workload,
        "LAYERS": f"{stimulus.layers} layer{'s' if stimulus.layers > 1 else ''}",
        "SENT": str(len(stimulus.sent)),
        "RECEIVED": str(len(stimulus.received)),
        "LIMIT": str(stimulus.cycle_limit),
        "HOST": str(lay.host_bits - 1),
        "BOOT": "\n".join(
            f"    .{port}({bits}'d{stimulus.boot[port.removesuffix('_in')]}),"
            for port, bits in built.written.inputs.items()
            if port.startswith("boot_")
        ),
        "RESET": str(_RESET_CYCLES),
        "HALF_PERIOD": f"{period / 2:.4f}",
        "PERIOD": f"{period:.4f}",
        "PERIOD_SOURCE": f"Period: {source}.",
        "UNCERTAINTY": f"{period * 0.05:.4f}",
        "IO_DELAY": f"{period * 0.2:.4f}",
        "INPUTS": " ".join(["reset", *(f"{port}*" for port in built.written.inputs)]),
        "PDK": _PDK.get(accelerator.technology, "YOUR_PDK"),
        "VERILOG_FILES": "\n".join(f"  - dir::{name}" for name in sources),
        "EXTRA": extra,
        "MEMORY_TABLE": _memory_table(built),
        "MODEL_TABLE": _model_table(accelerator),
        "FULL_ADDERS": f"{counts.get('full_adder', 0):,}",
        "HALF_ADDERS": f"{counts.get('half_adder', 0):,}",
        "CLOCK_GATES": f"{counts.get('clock_gate', 0):,}",
    }


def _memory_table(built: Chip) -> str:
    made = {macro.memory.view.name: macro for macro in built.macros}
    rows = {memory.module: memory for memory in built.rows}
    lines = ["| memory | words x bit | parts written apart [bit] | built of |", "|---|---|---|---|"]
    for memory in built.written.memories:
        view = memory.view
        parts = ", ".join(str(part.bitwidth) for part in view.slices)
        if view.name in made:
            macro = made[view.name]
            of = f"{2 if macro.halves else 1} x `{macro.shape.module}`"
        else:
            of = {"latch": "latches", "register": "flip-flops"}[rows[memory.module].kind]
        lines.append(f"| {view.name} | {view.words} x {view.bits} | {parts} | {of} |")
    return "\n".join(lines)


def _model_table(accelerator: Accelerator) -> str:
    """Return what the area model prices, to be held against what is built here."""
    lines = [
        "The area model prices these memories. A port narrower than the word makes them narrower",
        "and deeper than the modules here, which read a whole word and pick from it.",
        "",
        "| part | kind | count | words x bit | ports | mask |",
        "|---|---|---|---|---|---|",
    ]
    rows = (
        (m.part, m.kind, m.count, f"{m.words} x {m.word_bits}", m.ports, m.write_mask)
        for m in macros(accelerator)
    )
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)
