"""What the README shows is run: python blocks as code, console blocks as commands with output.

A console block's lines that start with `$ asicbnn` are run in the checkout; what follows is their
output, where `...` stands for anything. Blocks marked `sh` (installing, make) are not run.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(README) if kind == language]


def commands() -> list[tuple[str, str]]:
    """(command, expected output) of every console block."""
    found = []
    for body in blocks("console"):
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def is_same_output(expected: str, given: str) -> bool:
    """True if equal but for `...` and trailing blanks."""
    tidy = [
        re.sub(r"[ \t]+$", "", text.strip("\n"), flags=re.MULTILINE) for text in (expected, given)
    ]
    return doctest.OutputChecker().check_output(tidy[0] + "\n", tidy[1] + "\n", doctest.ELLIPSIS)


def run(program: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like the checkout, so that what a command writes stays outside it."""
    for name in ("arch_specs", "workloads", "docs"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize(("command", "expected"), commands())
def test_console_block(command, expected, checkout):
    program = shlex.split(command)
    assert program[0] == "asicbnn", "a console block shows asicbnn; use sh for anything else"
    done = run([sys.executable, "-m", "asicbnn", *program[1:]], checkout)
    assert is_same_output(expected, done.stdout + done.stderr), done.stdout + done.stderr


def test_python_blocks(checkout):
    done = run([sys.executable, "-c", "\n".join(blocks("python"))], checkout)
    assert done.returncode == 0, done.stderr


def test_two_commands_stand_alone():
    assert "make demo\n" in blocks("sh")
    assert "make test\n" in blocks("sh")


def test_output_comparison_sees_a_changed_number():
    assert is_same_output("cycles 12\n...\nend\n", "cycles 12\nx\ny\nend  \n")
    assert not is_same_output("cycles 12\n", "cycles 13\n")
