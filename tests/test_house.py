"""The house keeps its own promises: dependencies, commands, start-up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}  # where the two names differ
INDIRECT = {"pyarrow"}  # pandas writes parquet with it
OPTIONAL = {"coloquinte", "sklearn", "ziglang"}
ATTENDANT = {"pydantic_core", "markupsafe"}  # pydantic and jinja2 require them
HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "pyrtl", "pydantic", "yaml", "jinja2"}


def requirement(line: str) -> tuple[str, str]:
    match = re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z,]+\])?(?:(?:>=|==)([0-9.]+))?", line)
    assert match, line
    return match[1], match[2]


def imported_libraries() -> set[str]:
    tops: set[str] = set()
    for path in (ROOT / "asicbnn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                tops |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                tops.add(node.module.split(".")[0])
    return tops - set(sys.stdlib_module_names) - {"asicbnn"}


def test_every_import_is_declared():
    declared = {requirement(line)[0] for line in PROJECT["dependencies"]}
    assert imported_libraries() - OPTIONAL - ATTENDANT <= {
        MODULES.get(name, name) for name in declared
    }


def test_every_dependency_is_used():
    declared = {requirement(line)[0] for line in PROJECT["dependencies"]} - INDIRECT
    assert {MODULES.get(name, name) for name in declared} <= imported_libraries()


def test_lower_bounds_are_the_ones_tested():
    pinned = dict(
        requirement(line)
        for line in (ROOT / "tests/oldest.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    extras = PROJECT["optional-dependencies"]
    bounds = dict(map(requirement, [*PROJECT["dependencies"], *extras["train"], *extras["dev"]]))
    required = {requirement(line)[0] for line in PROJECT["dependencies"]}
    assert all(bounds[name] for name in required)
    assert {name: pinned[name] for name in pinned.keys() & bounds.keys()}.items() <= bounds.items()
    assert required <= pinned.keys()


def test_ci_runs_the_command_of_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"^make test$", readme, re.MULTILINE)
    assert re.search(r"^make test$", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/nomenclature.md"])
def test_links_between_documents_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_help_starts_without_the_heavy_libraries():
    program = (
        "import sys; sys.argv = ['asicbnn', '--help']\n"
        "from asicbnn.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"heavy = {sorted(HEAVY)} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout
