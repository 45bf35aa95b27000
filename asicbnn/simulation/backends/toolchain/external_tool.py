"""Programs found on PATH: run with clear errors, the files of a failed run kept to repeat it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from weakref import finalize

from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends.toolchain.scratch import new_scratch, sweep

_LONGEST_MESSAGE = 4000
_SCRATCH = "asicbnn-tool-"
_KEPT = "asicbnn-failed-"  # not swept


class Workshop:
    """A folder for the files of one build, removed at the end unless a tool failed in it.

    What processes that were killed left behind goes when the next workshop opens.

    folder  where the files are
    """

    def __init__(self, purpose: str) -> None:
        self._scratch = ExitStack()
        try:
            parent = Path(tempfile.gettempdir())
            sweep(parent, _SCRATCH)
            self.folder = self._scratch.enter_context(new_scratch(parent, _SCRATCH))
        except OSError as error:
            raise EnvironmentProblem(f"no folder to {purpose} in: {error}") from error
        self._seconds_before = _children_seconds()
        self._purpose = purpose
        self._failed = False

    @property
    def cpu_seconds(self) -> float:
        """What child processes have used since the workshop opened."""
        return _children_seconds() - self._seconds_before

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if self._failed:
            with suppress(OSError):  # somebody cleared the temporary folder
                self.folder.rename(self._kept)
        self._scratch.close()

    @property
    def _kept(self) -> Path:
        """Where the files of a failed run are for the user to look at."""
        return self.folder.with_name(self.folder.name.replace(_SCRATCH, _KEPT, 1))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(f"cannot {self._purpose}: {error}") from error
        return path

    def leave_to(self, owner: object) -> Path:
        """Leave the folder to an object: it is removed with it."""
        finalize(owner, self._scratch.pop_all().close)
        return self.folder

    def call(self, command: Sequence[str]) -> str:
        """Run a tool in the folder and return what it prints.

        If it fails its message is ours, and the files stay under a name of their own.
        """
        try:
            # A session of its own: what a tool starts can then be ended with it.
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise EnvironmentProblem(f"cannot run {command[0]}: {error}") from error
        try:
            output, complaint = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        if process.returncode:
            self._failed = True
            message = (complaint.strip() or output.strip())[:_LONGEST_MESSAGE]
            raise EnvironmentProblem(
                f"{Path(command[0]).name} failed with exit status {process.returncode}; its files "
                f"are kept, to repeat it: cd {shlex.quote(str(self._kept))} && "
                f"{shlex.join(command)}\n{message}".rstrip()
            )
        return output


def find_tool(name: str, package: str) -> str:
    """Path of a program, or EnvironmentProblem with the Debian package that brings it."""
    if path := shutil.which(name):
        return path
    raise EnvironmentProblem(f"no {name} on PATH; Debian and Ubuntu: apt install {package}")


def _children_seconds() -> float:
    used = os.times()
    return used.children_user + used.children_system
