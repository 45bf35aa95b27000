"""A waveform shows what the hardware does, under the names of the spec, whole or not at all."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyrtl
import pytest
from tools import needs
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.errors import AsicbnnError, EnvironmentProblem, SpecError
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.simulate import Setup, prepare, simulate
from asicbnn.simulation import waveform
from asicbnn.simulation.backends.netlist import is_temporary
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.signals import signals_of
from asicbnn.simulation.waveform import Window, window, write_waveform

ROOT = Path(__file__).parents[2]
ACCELERATOR = str(ROOT / "arch_specs/tiny.yaml")
WORKLOAD = str(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")
CYCLES = 13_228  # of one image; the table of `simulate` says so


@dataclass
class Dump:
    """What a reader of VCD files finds: values by full name, per time, as they last until then."""

    timescale: str = ""
    widths: dict[str, int] = field(default_factory=dict)
    at: dict[int, dict[str, int]] = field(default_factory=dict)


def read_dump(text: str) -> Dump:
    """Read a VCD file word by word, as IEEE 1364-2005 18.2 describes it."""
    dump, scopes, name_of = Dump(), [], {}
    now: dict[str, int] = {}
    words = iter(text.split())
    for word in words:
        if word.startswith("$"):
            inside = []
            while (more := next(words)) != "$end":
                inside.append(more)
            if word == "$scope":
                scopes.append(inside[1])
            elif word == "$upscope":
                scopes.pop()
            elif word == "$timescale":
                dump.timescale = " ".join(inside)
            elif word == "$var":
                kind, bits, code, name, *extent = inside
                assert kind == "wire"
                assert extent == ([f"[{int(bits) - 1}:0]"] if bits != "1" else [])
                full = ".".join([*scopes, name])
                assert full not in dump.widths
                assert code not in name_of
                dump.widths[full], name_of[code] = int(bits), full
        elif word.startswith("#"):
            if dump.at:
                dump.at[max(dump.at)] = dict(now)
            assert not dump.at or int(word[1:]) > max(dump.at)
            dump.at[int(word[1:])] = {}
        elif word.startswith("b"):
            now[name_of[next(words)]] = int(word[1:], 2)
        else:
            now[name_of[word[1:]]] = int(word[0])
    dump.at[max(dump.at)] = dict(now)
    assert not scopes
    return dump


@lru_cache
def prepared() -> Setup:
    return prepare(
        accelerator_of(ACCELERATOR), workload_of(WORKLOAD), images=2, batch=1, mapping=None,
        dataflow=None, seed=0, backend="auto",
    )  # fmt: skip


def executor() -> Executor:
    setup = prepared()
    return Executor(setup.machine, setup.backend, setup.groups[0].program)


def dumped(place: Path, start: int, end: int, *, nets: bool = False) -> Dump:
    wanted = Window(place / "run.vcd", start, end, nets)
    assert write_waveform(wanted, executor(), next(iter(prepared().groups[0]))) == ""
    assert [path.name for path in place.iterdir()] == ["run.vcd"]
    return read_dump((place / "run.vcd").read_text("ascii"))


def test_every_signal_and_wire_has_the_value_of_a_full_trace(tmp_path: Path) -> None:
    start, end = 806, 824  # the end of the first load, and computing
    dump = dumped(tmp_path, start, end, nets=True)
    block = prepared().machine.block
    loaded = executor()
    loaded.load(next(iter(prepared().groups[0])))
    loaded.backend.run(start)
    memories = {net.op_param[1].name: net.op_param[1] for net in block.logic_subset("m@")}
    backend = loaded.backend
    trace = pyrtl.SimulationTrace(wires_to_track="all", block=block)
    full = pyrtl.Simulation(
        tracer=trace,
        register_value_map={
            wire: backend.read_register(wire.name)
            for wire in block.wirevector_subset(pyrtl.Register)
        },
        memory_value_map={
            memory: {
                int(address): int.from_bytes(words[address].tobytes(), "little")
                for words in [backend.read_memory(name)]
                for address in np.flatnonzero(words.any(axis=1))
            }
            for name, memory in memories.items()
        },
        block=block,
    )
    for _ in range(start, end):
        full.step()
    signals = signals_of(prepared().machine, nets=True)
    assert {f"tiny.{'.'.join(s.scopes)}.{s.name}" for s in signals} | {
        "tiny.clock", "tiny.cycle",
    } == dump.widths.keys()  # fmt: skip
    seen = {signal.wire for signal in signals}
    for wire in block.wirevector_set:
        is_probe = wire.name.startswith("probe_")
        assert wire.name in seen or isinstance(wire, pyrtl.Const) or is_probe, wire.name
    changed = set()
    for cycle in range(start, end):
        values = dump.at[1000 * cycle]
        for signal in signals:
            name = f"tiny.{'.'.join(signal.scopes)}.{signal.name}"
            assert values[name] == trace.trace[signal.wire][cycle - start], (name, cycle)
            if values[name] != dump.at[1000 * start][name]:
                changed.add(signal.scopes[0])
        assert values["tiny.cycle"] == cycle
    assert {*COMPONENTS, "buffers", "store"} - {"output"} <= changed


def test_registers_late_in_the_run_are_those_of_the_back_end_that_runs_whole_networks(
    tmp_path: Path,
) -> None:
    start, end = CYCLES - 30, CYCLES - 5
    dump = dumped(tmp_path, start, end)
    other = executor()
    other.load(next(iter(prepared().groups[0])))
    other.backend.run(start)
    signals = [
        signal for signal in signals_of(prepared().machine)
        if signal.wire in other.backend.shape.registers
    ]  # fmt: skip
    assert len(signals) > 300
    for cycle in range(start, end):
        values = dump.at[1000 * cycle]
        for signal in signals:
            name = f"tiny.{'.'.join(signal.scopes)}.{signal.name}"
            assert values[name] == other.backend.read_register(signal.wire), (name, cycle)
        other.backend.run(1)


def test_names_are_those_of_the_spec_and_of_no_temporary(tmp_path: Path) -> None:
    names = dumped(tmp_path, 0, 2).widths
    for name in (
        "tiny.clock", "tiny.controller.state", "tiny.array.accumulator0",
        "tiny.registers.weight_register0", "tiny.sequencer.step_count0", "tiny.dma.dma_pending",
        "tiny.output.output_bits", "tiny.buffers.input.read_address",
        "tiny.buffers.weight.slice3.write_enable", "tiny.store.weights.read_data",
        "tiny.store.activations_a.slice0.write_data", "tiny.host.incoming.read_data",
    ):  # fmt: skip
        assert name in names
    rows, word = "tiny.store.activations_a.slice0", "tiny.buffers.weight.slice3"
    assert [names[f"{rows}.write_{part}"] for part in ("address", "data", "enable")] == [11, 4, 1]
    assert [names[f"{word}.read_{part}"] for part in ("address", "data")] == [7, 8]
    assert not [name for name in names if re.search(r"\btmp\d", name) and ".read" not in name]
    setup = prepared()
    registers = setup.machine.block.wirevector_subset(pyrtl.Register)
    wanted = {wire.name for wire in registers if not is_temporary(wire)}
    assert wanted <= {signal.wire for signal in signals_of(setup.machine)}


def test_the_clock_rises_at_each_cycle_and_falls_half_a_period_later(tmp_path: Path) -> None:
    file = tmp_path / "run.vcd"
    wanted = Window(file, 100, 103)
    write_waveform(wanted, executor(), next(iter(prepared().groups[0])), period_ps=8123.4)
    dump = read_dump(file.read_text())
    assert dump.timescale == "1 ps"
    clock = {time: values["tiny.clock"] for time, values in dump.at.items()}
    rise = [100 * 8123, 101 * 8123, 102 * 8123]
    assert clock == {
        **dict.fromkeys(rise, 1), **{time + 4061: 0 for time in rise}, 103 * 8123: 0
    }  # fmt: skip


def test_a_value_is_written_only_when_it_changes(tmp_path: Path) -> None:
    dumped(tmp_path, 100, 200)
    text = (tmp_path / "run.vcd").read_text()
    start = re.search(r"^\$var wire \d+ (\S+) start ", text, re.MULTILINE)
    assert start
    assert len(re.findall(rf"^[01]{re.escape(start[1])}$", text, re.MULTILINE)) == 1


def test_a_window_over_the_end_stops_there_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "run.vcd"
    image = next(iter(prepared().groups[0]))
    lengths = sum(loaded().layer_lengths())
    note = write_waveform(Window(file, lengths - 2, lengths + 50), executor(), image)
    assert note == f"the run of the first batch ends after {lengths} cycles, and so does {file}"
    dump = read_dump(file.read_text())
    assert max(dump.at) == 1000 * lengths
    last = [time for time in dump.at if time % 1000 == 0]
    assert last == [1000 * (lengths - 2), 1000 * (lengths - 1), 1000 * lengths]


def loaded() -> Executor:
    made = executor()
    made.load(next(iter(prepared().groups[0])))
    return made


def test_the_run_of_an_executor_is_not_disturbed(tmp_path: Path) -> None:
    one = executor()
    image = next(iter(prepared().groups[0]))
    before = [run.counts for run in one.run(image)]
    write_waveform(Window(tmp_path / "run.vcd", 5, 9), one, image)
    assert [run.counts for run in one.run(image)] == before


@needs("vcd2fst", "fst2vcd")  # Debian package gtkwave
def test_gtkwave_takes_the_file(tmp_path: Path) -> None:
    dumped(tmp_path, 740, 760)
    done = subprocess.run(
        ["vcd2fst", "run.vcd", "run.fst"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""
    back = subprocess.run(
        ["fst2vcd", "run.fst"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    ours, theirs = read_dump((tmp_path / "run.vcd").read_text()), back.stdout
    count = len(re.findall(r"^\$var ", theirs, re.MULTILINE))
    assert count == len(ours.widths)


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "5", "5:", ":5", "a:b", "5-9", "1:2:3", "-1:5", "1.5:2", "9" * 5000 + ":1"]
)
def test_a_window_that_is_none_is_refused(text: str) -> None:
    message = r"^--cycles: expected A:B, two cycle numbers such as 1000:1200, got '"
    with pytest.raises(SpecError, match=message):
        window(Path("run.vcd"), text)


@pytest.mark.parametrize("text", ["5:5", "6:5", "0:0"])
def test_a_window_of_no_cycles_is_refused(text: str) -> None:
    message = rf"^--cycles: expected A:B with 0 <= A < B, got {text}$"
    with pytest.raises(SpecError, match=message):
        window(Path("run.vcd"), text)


def refused(tmp_path: Path, wanted: Window, error: type[AsicbnnError] = SpecError) -> str:
    before = set(tmp_path.iterdir())
    with pytest.raises(error) as raised:
        write_waveform(wanted, executor(), next(iter(prepared().groups[0])))
    assert set(tmp_path.iterdir()) == before
    return str(raised.value)


def test_a_window_after_the_end_is_refused_by_the_length_of_the_run(tmp_path: Path) -> None:
    said = refused(tmp_path, Window(tmp_path / "run.vcd", 10**15, 10**15 + 5))
    assert re.fullmatch(
        r"--cycles 1000000000000000:1000000000000005: the run of the first batch ends after "
        r"13\d\d\d cycles", said,
    )  # fmt: skip


def test_a_window_that_would_take_hours_is_refused_by_what_is_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = len(signals_of(prepared().machine))
    monkeypatch.setattr(waveform, "MOST_VALUES", 20 * signals)
    said = refused(tmp_path, Window(tmp_path / "run.vcd", 100, 121))
    assert f"21 cycles of {signals} signals" in said
    assert said.endswith("take at most 20 cycles")
    dumped(tmp_path, 100, 120)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "file").write_text("")
    for path in (folder, tmp_path / "file" / "run.vcd"):
        said = refused(tmp_path, Window(path, 5, 9), EnvironmentProblem)
        assert said.startswith(f"{path}: cannot be written: ")


def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waveform, "_fresh", lambda *_: pytest.fail("it ran"))
    refused(tmp_path, Window(tmp_path, 5, 9), EnvironmentProblem)


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "run.vcd"
    write_waveform(Window(file, 5, 9), executor(), next(iter(prepared().groups[0])))
    assert [path.name for path in file.parent.iterdir()] == ["run.vcd"]


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "run.vcd").write_text("an earlier one")
    monkeypatch.setattr("asicbnn.simulation.value_changes.ValueChanges.at", at)
    said = refused(tmp_path, Window(tmp_path / "run.vcd", 5, 9), EnvironmentProblem)
    assert said == f"{tmp_path / 'run.vcd'}: cannot be written: No space left on device"
    assert (tmp_path / "run.vcd").read_text() == "an earlier one"


def test_the_command_writes_the_waveform_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "run.vcd"
    done = CliRunner().invoke(
        app, ["simulate", ACCELERATOR, WORKLOAD, "--vcd", str(file), "--cycles", "700:720"]
    )
    assert done.exit_code == 0
    assert f"wrote {file}" in done.stderr
    dump = read_dump(file.read_text())
    rises = [time for time, values in dump.at.items() if values["tiny.clock"]]
    period = rises[1] - rises[0]
    assert period > 1000  # the model's, of a slow process, and not the default
    assert rises == [cycle * period for cycle in range(700, 720)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vcd", "run.vcd"], "--vcd FILE needs --cycles A:B"),
        (["--cycles", "1:5"], "name its file with --vcd FILE"),
        (["--nets"], "name its file with --vcd FILE"),
        (["--vcd", "run.vcd", "--cycles", "9:5"], "expected A:B with 0 <= A < B, got 9:5"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["simulate", ACCELERATOR, WORKLOAD, *options])
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_place_that_cannot_be_written_is_the_environments(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["simulate", ACCELERATOR, WORKLOAD, "--vcd", str(tmp_path), "--cycles", "7:9"]
    )
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"{tmp_path}: cannot be written: Is a directory\n"


def test_the_result_is_the_same_with_a_waveform(tmp_path: Path) -> None:
    plain = simulate(ACCELERATOR, WORKLOAD, images=2)
    shown = simulate(ACCELERATOR, WORKLOAD, images=2, waveform=Window(tmp_path / "run.vcd", 10, 12))
    assert plain.result == shown.result
    assert plain.classes is not None
    assert (plain.classes == shown.classes).all()
