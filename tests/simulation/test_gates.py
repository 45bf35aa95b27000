"""Bit-sliced simulation: every stimulus ends where a run of its own would, or the run fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pyrtl
import pytest
import simulation.random_block as common
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.machines import (
    build,
    counter,
    held,
    memory_machine,
    needs_compiler,
    result,
    with_input,
    with_loop,
)
from simulation.random_block import RandomBlock, check_alike, load, random_contents

from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.gate_level import gate_plan
from asicbnn.simulation.backends.gate_level.gate_source import Options
from asicbnn.simulation.backends.gate_level.gates import GatesBackend, gate_options
from asicbnn.simulation.backends.gate_level.vector_width import widest_vector_bits
from asicbnn.simulation.backends.interface import numbers_of_words, words_of_numbers

pytestmark = needs_compiler
SMALL = Options(lanes=64, ternary=False)


class NarrowBlock(RandomBlock):
    """Random nets on words of at most 20 bits: every bit takes gates of its own."""

    def _recent(self) -> Any:
        wire = super()._recent()
        return wire if wire.bitwidth <= 20 else wire[:20]


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32 - 1),
    lanes=st.sampled_from([64, 128, 256, 512]),
    folds=st.booleans(),
    drops=st.booleans(),
    units=st.sampled_from([40, 2500]),
)
def test_random_blocks_end_in_the_state_fast_simulation_reaches(
    seed: int, lanes: int, folds: bool, drops: bool, units: int
) -> None:
    random = Random(seed)
    options = gate_options(lanes)
    options = Options(options.lanes, options.ternary, folds, drops)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common, "WIDTHS", [1, 1, 2, 3, 4, 7, 8, 9, 20, 65])
        patch.setattr(gate_plan, "SECTION_UNITS", units)  # one section, or values between many
        block = NarrowBlock(random, nets=50).block
        gates = GatesBackend(block, options=options)
    interpreted = simulator(block, "pyrtl")
    contents = random_contents(gates, random)
    load(gates, contents)
    load(interpreted, contents)
    check_alike(gates, interpreted, (1, 1, 5, 20))


def datapath() -> None:
    """Words of `incoming`, one per cycle, against weights: what images are to an accelerator.

    The first four words are the weights themselves, which arrive by the same way.
    """
    memory = {"max_read_ports": None, "max_write_ports": None, "asynchronous": True}
    incoming = pyrtl.MemBlock(24, 4, "incoming", **memory)
    weights = pyrtl.MemBlock(24, 2, "weights", **memory)
    outgoing = pyrtl.MemBlock(12, 4, "outgoing", **memory)
    best = pyrtl.MemBlock(8, 1, "best", **memory)
    address = pyrtl.Register(5, "address")
    address.next <<= (address + 1).truncate(5)
    loading, row = address < 4, address[:4]
    word = pyrtl.as_wires(incoming[row])
    weights[address[:2]] <<= pyrtl.MemBlock.EnabledWrite(word, loading)
    agreeing = ~(word ^ weights[address[:2]])
    ones = pyrtl.Register(5, "ones")
    ones.next <<= sum_of(agreeing)
    total = pyrtl.Register(12, "total")
    total.next <<= pyrtl.select(loading, total, (total + ones).truncate(12))
    outgoing[row] <<= pyrtl.MemBlock.EnabledWrite(total, ~loading)
    larger = ~loading & (ones > best[pyrtl.Const(0, 1)][:5])
    best[pyrtl.Const(0, 1)] <<= pyrtl.MemBlock.EnabledWrite(ones.zero_extended(8), larger)
    done = pyrtl.Register(1, "done")
    done.next <<= address == 14


def sum_of(word: Any) -> Any:
    total = pyrtl.Const(0, 5)
    for bit in word:
        total = (total + bit.zero_extended(5)).truncate(5)
    return total


def datapath_backend(**more: Any) -> GatesBackend:
    return GatesBackend(build(datapath), entering=["incoming"], shared=["weights"], **more)


def drawn_stimuli(count: int, seed: int) -> np.ndarray[Any, Any]:
    """Words of `incoming` [count, 16, 1]: weights the same for all, the rest at random."""
    words = np.random.default_rng(seed).integers(0, 1 << 24, (count, 16, 1), np.uint64)
    words[:, :4] = words[0, :4]
    return words


@pytest.mark.parametrize("lanes", [64, 128, 256, 512])
def test_each_stimulus_ends_where_a_run_of_its_own_does(lanes: int) -> None:
    gates = datapath_backend(options=gate_options(lanes))
    words = drawn_stimuli(lanes, seed=lanes)
    gates.write_stimuli("incoming", words)
    assert gates.run_until("done", 100) == 15
    single = simulator(build(datapath), "compiled")
    outgoing, best = gates.read_stimuli("outgoing"), gates.read_stimuli("best", 0, 1)
    seen = set()
    for stimulus in range(lanes):
        single.reset()
        single.write_memory("incoming", words[stimulus])
        assert single.run_until("done", 100) == 15
        assert np.array_equal(outgoing[stimulus], single.read_memory("outgoing"))
        assert np.array_equal(best[stimulus], single.read_memory("best", 0, 1))
        seen.add(int(best[stimulus, 0, 0]))
    assert len(seen) > 1  # the data-dependent write went different ways
    assert np.array_equal(gates.read_memory("weights"), single.read_memory("weights"))
    assert gates.read_register("address") == single.read_register("address")
    assert np.array_equal(gates.read_stimuli("incoming"), words)
    assert (gates.read_stimuli("weights") == gates.read_memory("weights")).all()


def test_what_all_stimuli_share_must_be_written_alike() -> None:
    gates = datapath_backend(options=SMALL)
    words = drawn_stimuli(64, seed=1)
    words[63, 2] ^= np.uint64(1 << 23)
    gates.write_stimuli("incoming", words)
    gates.run(2)
    message = r"^memory weights is the same for all stimuli, but they write different words$"
    with pytest.raises(SimulationError, match=message):
        gates.run(1)
    gates.reset()
    gates.write_stimuli("incoming", drawn_stimuli(64, seed=1))
    assert gates.run_until("done", 100) == 15


def test_plain_reads_fail_where_stimuli_differ_and_name_the_first_word() -> None:
    gates = datapath_backend(options=SMALL)
    words = drawn_stimuli(64, seed=2)
    gates.write_stimuli("incoming", words)
    assert np.array_equal(gates.read_memory("incoming", 0, 4), words[5, :4])
    message = r"^memory incoming: word 4 differs between stimuli; read_stimuli gives each$"
    with pytest.raises(SimulationError, match=message):
        gates.read_memory("incoming", 1)
    gates.run(9)
    with pytest.raises(SimulationError, match=r"^register total differs between stimuli$"):
        gates.read_register("total")
    gates.write_memory("incoming", words[7])
    assert np.array_equal(gates.read_stimuli("incoming")[50], words[7])


def test_stimuli_that_do_not_fit_are_refused_by_name() -> None:
    gates = datapath_backend(options=SMALL)
    words = drawn_stimuli(64, seed=3)
    wide = words.copy()
    wide[9, 3] = 1 << 24
    different = words[:, :4].copy()
    different[1, 0] ^= np.uint64(1)
    for message, action in {
        r"memory incoming: expected words of shape \(64, n, limbs\), one row per stimulus, "
        r"got shape \(63, 16, 1\)": lambda: gates.write_stimuli("incoming", words[1:]),
        r"memory incoming: word 3 has bits above its 24 bits": lambda: gates.write_stimuli(
            "incoming", wide
        ),
        r"memory incoming: words 8 to 23 are outside its 16 words": lambda: gates.write_stimuli(
            "incoming", words, 8
        ),
        r"memory incoming: words 8 to 17 are outside its 16 words": lambda: gates.read_stimuli(
            "incoming", 8, 10
        ),
        r"memory weights is the same for all stimuli": lambda: gates.write_stimuli(
            "weights", different
        ),
        r"no memory ingoing; there are: .*": lambda: gates.write_stimuli("ingoing", words),
        r"no memory outgo; there are: .*": lambda: gates.read_stimuli("outgo"),
        r"expected 64, 128, 256 or 512 stimuli, got 100": lambda: gate_options(100),
    }.items():
        with pytest.raises(SimulationError, match=f"^{message}$"):
            action()


def test_a_shared_memory_read_at_an_address_that_differs_is_refused() -> None:
    def describe() -> None:
        ports = {"max_read_ports": None, "asynchronous": True}
        incoming = pyrtl.MemBlock(4, 2, "incoming", **ports)
        table = pyrtl.MemBlock(8, 4, "table", **ports)
        result(pyrtl.as_wires(table[incoming[held(2, "address")]]), "seen")

    message = (
        r"^memory table is the same for all stimuli, but is read at an address that differs "
        r"between them$"
    )
    with pytest.raises(SimulationError, match=message):
        GatesBackend(build(describe), entering=["incoming"], shared=["table"], options=SMALL)
    # Not declared to be shared, it gets a copy per stimulus; where they then disagree, it fails.
    gates = GatesBackend(build(describe), entering=["incoming"], options=SMALL)
    gates.run(1)
    gates.write_stimuli("incoming", np.arange(256, dtype=np.uint64).reshape(64, 4, 1) % 16)
    with pytest.raises(
        SimulationError, match=r"^memory table: stimuli read different words in one"
    ):
        gates.run(1)


def test_stimuli_may_not_write_different_words_but_may_differ_in_whether_they_write() -> None:
    def describe() -> None:
        incoming = pyrtl.MemBlock(3, 1, "incoming", asynchronous=True)
        memory = pyrtl.MemBlock(8, 2, "memory", asynchronous=True)
        word = pyrtl.as_wires(incoming[held(1, "address")])
        memory[word[:2]] <<= pyrtl.MemBlock.EnabledWrite(pyrtl.Const(9, 8), word[2])

    gates = GatesBackend(build(describe), entering=["incoming"], options=SMALL)
    words = np.zeros((64, 2, 1), np.uint64)
    words[10:20, 0] = 6  # write word 2
    words[30:, 0] = 1  # do not write word 1
    gates.write_stimuli("incoming", words)
    gates.run(1)
    written = gates.read_stimuli("memory")[:, :, 0]
    assert (written[10:20] == [0, 0, 9, 0]).all()
    assert not written[:10].any()
    assert not written[20:].any()
    words[40, 0] = 5
    gates.write_stimuli("incoming", words)
    with pytest.raises(
        SimulationError, match=r"^memory memory: stimuli write different words in one cycle$"
    ):
        gates.run(1)


def test_a_flag_must_rise_for_all_stimuli_at_once() -> None:
    def describe() -> None:
        incoming = pyrtl.MemBlock(1, 2, "incoming", asynchronous=True)
        address = pyrtl.Register(2, "address")
        address.next <<= (address + 1).truncate(2)
        result(pyrtl.as_wires(incoming[address]), "flag")

    gates = GatesBackend(build(describe), entering=["incoming"], options=SMALL)
    words = np.zeros((64, 4, 1), np.uint64)
    words[:, 2] = 1
    gates.write_stimuli("incoming", words)
    assert gates.run_until("flag", 10) == 3
    gates.reset()
    words[:32, 1] = 1
    gates.write_stimuli("incoming", words)
    with pytest.raises(SimulationError, match=r"^the flag register differs between stimuli$"):
        gates.run_until("flag", 10)


def words_under_a_still_address() -> None:
    """The only thing that changes is what lies in the word that is read."""
    ports = {"max_read_ports": None, "asynchronous": True}
    incoming = pyrtl.MemBlock(8, 3, "incoming", **ports)
    kept = pyrtl.MemBlock(8, 1, "kept", **ports)
    address = pyrtl.Register(3, "address")
    address.next <<= (address + 1).truncate(3)
    kept[pyrtl.Const(0, 1)] <<= incoming[address]
    result(~kept[pyrtl.Const(0, 1)], "seen")


def upper_limbs_alone() -> None:
    """Of a wide number the same for all stimuli only the bits from 128 on change."""
    incoming = pyrtl.MemBlock(130, 3, "incoming", asynchronous=True)
    key = pyrtl.Register(130, "key", reset_value=7)
    key.next <<= pyrtl.concat((key[128:] + 1)[:2], key[:128])
    result(incoming[pyrtl.Const(1, 3)] ^ key, "seen")


@pytest.mark.parametrize("describe", [words_under_a_still_address, upper_limbs_alone])
def test_gates_run_again_when_any_of_their_inputs_changes(describe: Callable[[], None]) -> None:
    gates = GatesBackend(build(describe), entering=["incoming"], options=SMALL)
    interpreted = simulator(build(describe), "pyrtl")
    random, limbs = Random(6), gates.shape.memories["incoming"].limbs
    numbers = [random.getrandbits(gates.shape.memories["incoming"].bits) for _ in range(8)]
    for cycles in range(1, 7):  # within one call: its first cycle runs everything
        for unit in (gates, interpreted):
            unit.reset()
            unit.write_memory("incoming", words_of_numbers(numbers, limbs))
            unit.run(cycles)
        assert gates.read_register("seen") == interpreted.read_register("seen")


# ---------------------------------------------------------------------- as any other back end
@pytest.mark.parametrize("bits", [5, 100])
def test_two_ports_read_old_words_while_two_write(bits: int) -> None:
    gates = GatesBackend(build(memory_machine(bits)), options=SMALL)
    numbers = [Random(4).getrandbits(bits) for _ in range(8)]
    gates.write_memory("memory", words_of_numbers(numbers, -(-bits // 64)))
    gates.write_register("enable", 1)
    gates.run(1)
    assert gates.read_register("seen") == numbers[0]
    swapped = [numbers[1], numbers[0], *numbers[2:]]
    assert numbers_of_words(gates.read_memory("memory")) == swapped


def test_of_two_writes_to_one_word_the_port_built_last_wins() -> None:
    def describe() -> None:
        memory = pyrtl.MemBlock(8, 2, "memory", max_write_ports=2)
        shared = pyrtl.MemBlock(8, 2, "shared", max_write_ports=3)
        source = held(8, "source")
        for value in (1, 2):
            memory[pyrtl.Const(3, 2)] <<= pyrtl.Const(value, 8)
        for data in (source, pyrtl.Const(5, 8), source + pyrtl.Const(1, 8)):
            shared[pyrtl.Const(1, 2)] <<= data[:8]

    gates = GatesBackend(build(describe), shared=["shared"], options=SMALL)
    gates.write_register("source", 6)
    gates.run(1)
    assert numbers_of_words(gates.read_memory("memory")) == [0, 0, 0, 2]
    assert numbers_of_words(gates.read_memory("shared")) == [0, 7, 0, 0]


def test_registers_exchange_and_read_only_memories_keep_their_data() -> None:
    data = [Random(5).getrandbits(90) for _ in range(6)]

    def describe() -> None:
        a, b = pyrtl.Register(8, "a", reset_value=3), pyrtl.Register(8, "b", reset_value=200)
        a.next <<= b
        b.next <<= a
        rom = pyrtl.RomBlock(90, 3, data, "rom", pad_with_zeros=True, asynchronous=True)
        address = pyrtl.Register(3, "address")
        address.next <<= (address + 1).truncate(3)
        result(pyrtl.as_wires(rom[address]), "word")

    gates = GatesBackend(build(describe), options=SMALL)
    gates.run(3)
    assert (gates.read_register("a"), gates.read_register("b")) == (200, 3)
    assert gates.read_register("word") == data[2]
    gates.reset()
    assert numbers_of_words(gates.read_memory("rom")) == [*data, 0, 0]
    assert gates.read_register("a") == 3


def test_cycles_are_counted_limited_forked_and_run_in_threads() -> None:
    gates = GatesBackend(build(counter), options=SMALL)
    assert gates.run_until("done", 9) == 9
    twin = gates.fork()
    assert twin.read_register("count") == 2
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 8 cycles$"):
        twin.run_until("done", 8)
    assert gates.read_register("count") == 11
    twin.reset(keep_memories=True)
    assert twin.read_register("count") == 2
    assert twin.read_memory("memory").any()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda unit: unit.run(20_000), (gates, twin)))
    assert gates.read_register("count") == (11 + 20_000) % 256
    assert twin.read_register("count") == (2 + 20_000) % 256


def test_the_name_chooses_it_and_it_leaves_the_block_as_it_was() -> None:
    block = build(counter)
    nets, wires = set(block.logic), set(block.wirevector_set)
    gates = simulator(block, "gates")
    assert gates.name == "gates"
    assert isinstance(gates, GatesBackend)
    assert gates.stimuli == widest_vector_bits()
    assert block.logic == nets
    assert block.wirevector_set == wires


def test_without_a_compiler_it_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem, match=r"^no C compiler: .* pip install asicbnn\[comp"):
        simulator(build(counter), "gates")


def refused(describe: Callable[[], None], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        simulator(build(describe), "gates")


def test_blocks_with_inputs_or_combinational_loops_are_refused() -> None:
    refused(with_input, r"^the block has inputs \(x\)")
    refused(with_loop, "loop")
