"""The direction of imports, read from the source: what lies above is never imported from below."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "asicbnn"

DIRECTION = (
    {"errors", "levels", "metrics", "units", "replacing"},
    {"result", "bnn"},
    {"spec"},
    {"technology", "importers"},
    {"mapping"},
    {"hardware"},
    {"model", "simulation"},
    {"simulate"},
    {"verify", "compare", "check", "export", "activity"},
    {"calibration"},
    {"sweep", "validate"},
    {"report"},
    {"cli"},
    {"__init__", "__main__"},
)
RANK = {room: rank for rank, rooms in enumerate(DIRECTION) for room in rooms}
# allowed inside a rank
SIBLINGS = {("units", "errors"), ("metrics", "units"), ("replacing", "errors")}
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "core", "base", "misc"}
HEAVY = {
    "pandas": {"sweep", "report"},
    "pyarrow": {"sweep", "report"},
    "markupsafe": {"report"},
    "matplotlib": {"report"},
    "plotly": {"report"},
    "jinja2": {"report"},
    "pyrtl": {"hardware", "simulation"},
    "rich": {"report", "cli"},
    "typer": {"cli"},
}
LAZY = {  # inside to_frame alone
    (room, "pandas") for room in ("result", "compare", "validate", "verify")
}
SIMULATORS = {
    "Simulation", "FastSimulation", "CompiledSimulation", "SimulationTrace", "simulation",
    "compilesim",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported dotted name, where, and whether it waits (in a function, for a type checker)."""

    module: str
    target: str
    line: int
    is_lazy: bool

    @property
    def room(self) -> str:
        return room_of(self.module)

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: str, source: str, *, is_package: bool = False) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, is_lazy: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(Import(module, a.name, child.lineno, is_lazy) for a in child.names)
            elif isinstance(child, ast.ImportFrom):
                start = child.module or ""
                if child.level:
                    here = module.split(".")
                    kept = len(here) - child.level + is_package
                    start = ".".join([*here[:kept], *filter(None, [child.module])])
                found.extend(
                    Import(module, f"{start}.{a.name}", child.lineno, is_lazy) for a in child.names
                )
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            visit(child, is_lazy or inside or for_types)

    visit(ast.parse(source), False)
    return found


def complaints(imported: Import) -> list[str]:
    """What is wrong with one import, in words."""
    room, target = imported.room, imported.target
    top = target.split(".")[0]
    if top == "asicbnn":
        if target == "asicbnn.__version__":
            return []
        other = room_of(target)
        if other == room or (room, other) in SIBLINGS:
            return []
        if other not in RANK:
            return [f"{imported}: {other} is in no place of the direction"]
        if RANK[other] >= RANK[room]:
            return [f"{imported}: {other} is not below {room}"]
        if imported.module == "asicbnn.simulation.program" and target.startswith(
            "asicbnn.mapping.counts"
        ):
            return [f"{imported}: the program may not use the counting formulas"]
        return []
    wrong = []
    allowed = HEAVY.get(top)
    is_listed = (room, top) in LAZY and imported.is_lazy
    if allowed is not None and room not in allowed and not is_listed:
        wrong.append(f"{imported}: {top} belongs to {', '.join(sorted(allowed))}")
    if top == "pyrtl" and room != "simulation" and SIMULATORS & set(target.split(".")):
        wrong.append(f"{imported}: PyRTL's simulators belong to simulation")
    return wrong


SOURCES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [
    imported
    for path in SOURCES
    for imported in imports_of(
        module_name(path), path.read_text("utf-8"), is_package=path.name == "__init__.py"
    )
]


def test_nothing_imports_upward_and_heavy_libraries_stay_in_their_rooms():
    wrong = [sentence for imported in IMPORTS for sentence in complaints(imported)]
    assert not wrong, "\n".join(wrong)


def test_every_room_has_a_place_in_the_direction():
    rooms = {room_of(module_name(path)) for path in SOURCES}
    assert rooms <= set(RANK)


def test_no_room_or_file_is_a_drawer_for_everything():
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & FORBIDDEN_NAMES


def test_pyrtl_simulators_are_named_only_in_simulation():
    wrong = []
    for path in SOURCES:
        if room_of(module_name(path)) == "simulation":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_pyrtl = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "pyrtl"
            )
            if is_pyrtl and node.attr in SIMULATORS:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: pyrtl.{node.attr}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source", "part"),
    [
        ("asicbnn.bnn.layer", "from asicbnn.model.cycles import total", "model is not below bnn"),
        ("asicbnn.bnn.layer", "import asicbnn.hardware", "hardware is not below bnn"),
        ("asicbnn.spec.x", "from asicbnn import cli", "cli is not below spec"),
        ("asicbnn.spec.x", "from ..mapping import layout", "mapping is not below spec"),
        ("asicbnn.spec.x", "def f():\n    import asicbnn.verify", "verify is not below spec"),
        ("asicbnn.model.x", "import asicbnn.simulation.run", "simulation is not below model"),
        ("asicbnn.simulation.x", "import asicbnn.model.area", "model is not below simulation"),
        ("asicbnn.verify", "from asicbnn.compare import compare", "compare is not below verify"),
        ("asicbnn.simulation.program", "from asicbnn.mapping.counts import loads", "counting"),
        ("asicbnn.model.x", "import asicbnn.extras", "no place of the direction"),
        ("asicbnn.result", "import pandas as pd", "pandas belongs to"),
        ("asicbnn.spec.x", "if TYPE_CHECKING:\n    import asicbnn.cli", "cli is not below spec"),
        ("asicbnn.bnn.x", "def f():\n    import pandas", "pandas belongs to"),
        ("asicbnn.compare", "def f():\n    from matplotlib import pyplot", "matplotlib belongs to"),
        ("asicbnn.hardware.x", "from pyrtl import FastSimulation", "simulators belong to"),
    ],
)
def test_a_made_up_bad_import_is_found(module, source, part):
    [imported] = imports_of(module, source)
    [sentence] = complaints(imported)
    assert part in sentence


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("asicbnn.result", "def to_frame():\n    import pandas"),
        ("asicbnn.result", "if TYPE_CHECKING:\n    import pandas"),
        ("asicbnn.units", "from asicbnn.errors import SpecError"),
        ("asicbnn.result", "from asicbnn import __version__"),
        ("asicbnn.verify", "from asicbnn.simulation.run import simulate"),
        ("asicbnn.mapping.layout", "from . import loop_nest"),
        ("asicbnn.hardware.x", "import pyrtl"),
    ],
)
def test_a_good_import_passes(module, source):
    assert [complaints(i) for i in imports_of(module, source)] == [[]]
