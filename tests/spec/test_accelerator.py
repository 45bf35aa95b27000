"""The accelerator file: defaults, ranges, rules between fields, and round trips."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from asicbnn.bnn.layer import Layer
from asicbnn.errors import SpecError
from asicbnn.report.specs import accelerator_facts
from asicbnn.spec.accelerator import Accelerator, Dataflow, field_names, to_yaml, with_changes
from asicbnn.spec.memories import MemoryKind
from asicbnn.spec.reader import read, read_text
from asicbnn.spec.wording import wanted_of

SPECS = Path(__file__).parents[2] / "arch_specs"
SHIPPED = ["asap7_large", "edge64", "ihp_chip", "ihp_latch", "tiny"]


def complaint(text: str) -> str:
    """Return what the reader says about an accelerator, as printed."""
    with pytest.raises(SpecError) as caught:
        read_text(text, Accelerator, "f.yaml")
    return str(caught.value)


def default() -> Accelerator:
    return read_text("name: x", Accelerator)


def test_a_name_is_enough() -> None:
    spec = default()
    assert (spec.array.unroll.pes, spec.array.unroll.lanes) == (32, 64)
    assert spec.weight_word_bits == 2048
    assert spec.psum_bits == (7 * 7 * 1024).bit_length()
    assert (spec.store.weight_words, spec.store.activation_words) == (96 * 128, 16 * 128)
    assert spec.buffers.psum.ports == "1r1w"


def test_a_spec_is_frozen_and_hashable() -> None:
    assert hash(default()) == hash(default())
    with pytest.raises(ValueError, match="frozen"):
        default().name = "y"


def every_field(model: type[BaseModel]) -> list[tuple[str, Any]]:
    fields = []
    for name, field in model.model_fields.items():
        fields.append((f"{model.__name__}.{name}", field))
        for inner in wanted_of(field).models:
            fields += every_field(inner)
    return fields


@pytest.mark.parametrize(("name", "field"), every_field(Accelerator))
def test_every_field_is_described(name: str, field: Any) -> None:
    assert field.description
    wanted = wanted_of(field)
    if wanted.takes(int) or wanted.takes(float):
        assert wanted.note("unit") or wanted.note("not_yet_built"), f"{name} has no unit"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_accelerators_are_valid(name: str) -> None:
    spec = read(SPECS / f"{name}.yaml", Accelerator)
    assert spec.name == name
    assert read_text(to_yaml(spec), Accelerator) == spec


def test_edge64_can_hold_binarynet() -> None:
    spec = read(SPECS / "edge64.yaml", Accelerator)
    unroll, link = spec.array.unroll, spec.store.link.bits
    largest_layer = 8192 * 1024 // link
    thresholds = (
        1024 // unroll.out_channels * -(-unroll.out_channels * (spec.psum_bits + 2) // link)
    )
    assert spec.store.weight_words >= largest_layer + thresholds
    assert spec.store.activation_words >= 32 * 32 * 128 // link  # conv1's output
    assert spec.store.activation_words >= 32 * 32 * 8  # the image: a link word per pixel and plane
    assert spec.psum_bits >= (8192).bit_length()


def test_wide_activations_leave_a_smaller_fan_in() -> None:
    spec = read(SPECS / "edge64.yaml", Accelerator)
    assert (spec.psum_bits, spec.largest_fan_in(1), spec.largest_fan_in(8)) == (16, 65535, 257)
    for bits in (1, 2, 8):
        fits = Layer(name="l", batch=1, in_y=1, in_x=1, in_channels=spec.largest_fan_in(bits),
                     out_channels=1, kernel_y=1, kernel_x=1, activation_bits=bits)  # fmt: skip
        assert fits.largest_sum.bit_length() <= spec.psum_bits
        beyond = replace(fits, in_channels=fits.in_channels + 1)
        assert beyond.largest_sum.bit_length() > spec.psum_bits
    comment = (SPECS / "edge64.yaml").read_text()
    assert f"fan-in of {spec.largest_fan_in(8)} " in comment
    wide = with_changes(spec, {"limits.psum_bits": 24})
    assert wide.largest_fan_in(8) >= 7 * 7 * 1024
    facts = {name: value for name, value, _ in accelerator_facts(spec)}
    assert facts["largest fan in at 8 bit"] == 257


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a b", "name: expected a name of letters, digits and _ . + -, got 'a b'"),
        ("technology: ''", "technology: expected a text, got ''"),
        ("array: {unroll: {out_channels: 0}}",
         "array.unroll.out_channels: expected an integer from 1 to 4096 [PEs], got 0"),
        ("array: {unroll: {in_channels: -8}}",
         "array.unroll.in_channels: expected an integer from 1 to 4096 [lanes], got -8"),
        ("array: {strides: []}",
         ("array.strides: expected a list with at least 1 entry, each an integer from 1 to 16"
         " [pixels], got an empty list")),
        ("array: {popcount: {pipeline_stages: 5}}",
         "array.popcount.pipeline_stages: expected an integer from 0 to 4 [cycles], got 5"),
        ("operating_point: {clock_mhz: fast}",
         ("operating_point.clock_mhz: expected max or a number from 1e-06 to 100000 [MHz], got"
         " 'fast'")),
        ("operating_point: {clock_mhz: 1e-300}",
         ("operating_point.clock_mhz: expected max or a number from 1e-06 to 100000 [MHz], got"
         " 1e-300")),
        ("operating_point: {voltage_v: 1.8V}",
         "operating_point.voltage_v: expected a number from 0.1 to 10 or null [V], got '1.8V'"),
        ("store: {kib: {weights: 96 KiB}}",
         "store.kib.weights: expected a number > 0 and <= 4194304 [KiB], got '96 KiB'"),
        ("store: {link_bits: 64}", "store.link_bits: unknown key"),
        ("buffers: {weight: {kind: dram}}",
         "buffers.weight.kind: expected sram, latch or register, got 'dram'"),
        ("buffers: {psum: {words: -1}}",
         "buffers.psum.words: expected an integer from 0 to 16777216 [words], got -1"),
        ("clock_gating: operand", "clock_gating: expected none or register, got 'operand'"),
        ("dataflow: weight", "dataflow: expected output_stationary, weight_stationary,"),
        ("post: [threshold, relu]", "post[1]: expected threshold, max_pool or argmax, got 'relu'"),
        ("limits: {psum_bits: 0}",
         "limits.psum_bits: expected an integer from 1 to 48 or null [bit], got 0"),
    ],
)  # fmt: skip
def test_single_fields(text: str, said: str) -> None:
    head = "" if text.startswith("name") else "name: x\n"
    assert said in complaint(head + text)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("array: {lanes: packed}", "array.lanes", "'packed'"),
        ("array: {regroup: true}", "array.regroup", "true"),
        ("array: {lane: add_subtract}", "array.lane", "'add_subtract'"),
        ("registers: {input: {window: true}}", "registers.input.window", "true"),
        ("registers: {weight: {kind: latch}}", "registers.weight.kind", "'latch'"),
        ("registers: {weight: {depth: 2}}", "registers.weight.depth", "2"),
        ("registers: {weight: {load_bits: 64}}", "registers.weight.load_bits", "64"),
        ("buffers: {weight: {read_latency: 2}}", "buffers.weight.read_latency", "2"),
        ("buffers: {input: {read_latency: 0}}", "buffers.input.read_latency", "0"),
        ("buffers: {psum: {read_latency: 2}}", "buffers.psum.read_latency", "2"),
        ("buffers: {input: {banks: 2}}", "buffers.input.banks", "2"),
        ("store: {link: {every: 2}}", "store.link.every", "2"),
        ("engines: 2", "engines", "2"),
        ("scenario: {frames_per_s: 30}", "scenario.frames_per_s", "30"),
        ("scenario: {idle: retention}", "scenario.idle", "'retention'"),
        ("scenario: {rails: 2}", "scenario.rails", "2"),
    ],
)
def test_what_comes_later_is_refused_by_name(text: str, path: str, value: str) -> None:
    said = complaint(f"name: x\n{text}")
    assert f": {path}: {value} is not yet built; today this can only be " in said


@pytest.mark.parametrize(
    ("text", "said", "cure"),
    [
        ("array: {unroll: {out_channels: 24}}",
         ("array.unroll.out_channels: 24 does not nest with store.link.bits, which is 64: "
         "the larger must be the smaller times a power of two"), "it can be 16 or 32"),
        ("array: {unroll: {in_channels: 96, out_channels: 48}}",
         "store.link.bits: 64 does not nest with array.unroll.out_channels, which is 48",
         "it can be 48 or 96"),
        ("host: {link_bits: 24}",
         "host.link_bits: expected a divisor of store.link.bits, which is 64; got 24",
         "it can be 16"),
        ("host: {link_bits: 128}",
         "host.link_bits: expected a divisor of store.link.bits, which is 64; got 128",
         "it can be 64"),
        ("registers: {shadow: true}\nbuffers: {shared_port: true}",
         "registers.shadow: shadow registers need a port of their own for each buffer",
         "turn shadow or shared_port off"),
        ("buffers: {input: {circular_rows: true, ports: 1rw}}",
         "buffers.input.ports: a ping-pong ring of rows is read and written in one cycle",
         "set ports: 1r1w"),
        ("buffers: {weight: {port_bits: 100}}",
         ("buffers.weight.port_bits: expected a divisor of the weight word, which is 2048 bit; "
         "got 100"), "it can be 64, or null for the whole word"),
        ("buffers: {weight: {port_bits: 32}}",
         "buffers.weight.port_bits: expected at least 64 bit, what the link delivers; got 32",
         "widen it, or narrow store.link.bits"),
        ("buffers: {input: {port_bits: 24}}",
         "buffers.input.port_bits: expected the input word of 64 bit divided by 2^n, got 24",
         "it can be 64, or null"),
        ("buffers: {input: {port_bits: 24}}\nstore: {link: {bits: 16}}\nhost: {link_bits: 16}",
         "buffers.input.port_bits: expected the input word of 64 bit divided by 2^n, got 24",
         "it can be 16 or 32 or 64, or null"),
        ("buffers: {input: {port_bits: 32}}",
         "buffers.input.port_bits: expected at least 64 bit, what the link delivers; got 32",
         "widen it"),
        ("registers: {hold: {psum: false}}\nbuffers: {psum: {words: 0}}",
         "buffers.psum.words: expected at least 1", "registers.hold.psum: true"),
        ("buffers: {weight: {words: 7}}",
         "buffers.weight.words: expected an even number, because ping_pong halves the words; got 7",
         "it can be 8, or set ping_pong: false"),
        ("buffers: {input: {words: 1}}", "buffers.input.words: expected an even number", "2"),
        ("array: {unroll: {batch: 2}}", "array.unroll.batch: 2 at once, but limits.batch is 1",
         "unroll at most 1, or raise limits.batch to 2"),
        ("array: {unroll: {kernel_y: 8}}", "array.unroll.kernel_y: 8 at once, but limits.kernel is",
         "raise limits.kernel to 8"),
        ("limits: {map: 2}\narray: {unroll: {out_x: 4}}",
         "array.unroll.out_x: 4 at once, but limits.map is 2", "unroll at most 2"),
        ("post: [max_pool]", "post: threshold is missing", "add threshold"),
        ("post: [threshold, threshold]", "post: threshold is given more than once", "delete one"),
        ("array: {strides: [1, 2, 1]}", "array.strides: 1 is given more than once", "delete one"),
        ("store: {kind: external}", "store.kind: kind is external, but external is missing",
         "add external: {standard: lpddr4}"),
        ("store: {external: {standard: ddr3}}", "store.external: external is given, but kind is",
         "set kind: external"),
        ("store: {kib: {activations: 0.01}}",
         "store.kib.activations: 0.01 KiB in 2 bank(s) is less than a link word of 64 bit",
         "make it larger"),
    ],
)  # fmt: skip
def test_rules_between_fields(text: str, said: str, cure: str) -> None:
    printed = complaint(f"name: x\n{text}")
    assert said in printed
    assert cure in printed
    assert len(re.findall(r"^f\.yaml:\d", printed, re.MULTILINE)) == 1, printed


@pytest.mark.parametrize(
    "text",
    [
        "buffers: {weight: {port_bits: 64}}",
        "buffers: {weight: {port_bits: 4096}}",
        "buffers: {input: {port_bits: 100}}",
        "store: {link: {bits: 16}}\nhost: {link_bits: 16}\nbuffers: {input: {port_bits: 16}}",
        "array: {unroll: {out_channels: 48, in_channels: 24}}\nstore: {link: {bits: 96}}",
        "buffers: {input: {circular_rows: true, ping_pong: false, words: 7}}",
        "registers: {shadow: true}",
        "buffers: {psum: {words: 0}}",
        "store: {kind: external, external: {standard: lpddr4}}",
        "operating_point: {clock_mhz: 2e2}",
    ],
)
def test_legal_corners(text: str) -> None:
    read_text(f"name: x\n{text}", Accelerator)


def test_all_broken_rules_come_at_once_beside_wrong_fields() -> None:
    said = complaint(
        "name: a b\n"
        "array: {unroll: {out_channels: 24}}\n"
        "buffers: {weight: {words: 7}, input: {kind: tape}}\n"
        "post: [argmax]\n"
    )
    paths = re.findall(r"^f\.yaml:\d+:\d+: ([\w.]+):", said, re.MULTILINE)
    assert paths == ["name", "array.unroll.out_channels", "buffers.weight.words",
                     "buffers.input.kind", "post"]  # fmt: skip


class TestChanges:
    def test_dotted_paths(self) -> None:
        spec = with_changes(default(), {"array.unroll.out_channels": 64, "technology": "asap7"})
        assert spec.array.unroll.out_channels == 64
        assert spec.technology == "asap7"
        assert with_changes(spec, {}) == spec

    def test_a_mapping_changes_only_the_keys_it_names(self) -> None:
        spec = with_changes(default(), {"array.unroll": {"in_channels": 128}})
        assert (spec.array.unroll.in_channels, spec.array.unroll.out_channels) == (128, 32)

    def test_into_what_is_null(self) -> None:
        changes = {"store.kind": "external", "store.external.standard": "hbm2"}
        external = with_changes(default(), changes).store.external
        assert external is not None
        assert external.standard == "hbm2"

    def test_changes_are_checked_like_a_file(self) -> None:
        with pytest.raises(SpecError, match=r"^array\.unroll\.lanes: no such field"):
            with_changes(default(), {"array.unroll.lanes": 8})
        with pytest.raises(SpecError, match=r"did you mean 'array\.unroll\.out_channels'"):
            with_changes(default(), {"array.unroll.out_chanels": 8})
        with pytest.raises(SpecError, match="expected an integer from 1 to 4096"):
            with_changes(default(), {"array.unroll.out_channels": "8"})
        with pytest.raises(SpecError, match="24 does not nest"):
            with_changes(default(), {"array.unroll.out_channels": 24})

    def test_numpy_numbers_are_numbers(self) -> None:
        import numpy as np

        spec = with_changes(default(), {"array.unroll.out_channels": np.int64(16)})
        assert spec.array.unroll.out_channels == 16

    def test_every_field_can_be_changed_to_itself(self) -> None:
        within_nothing = ("store.external.", "power_up.device.", "extras.")
        spec = default()
        value = spec.model_dump()
        for path in field_names():
            here: Any = value
            for part in path.split("."):
                here = here.get(part) if here is not None else None
            if here is not None or not path.startswith(within_nothing):
                assert with_changes(spec, {path: here}) == spec


def powers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high).map(lambda n: 2**n)


@st.composite
def accelerators(draw: st.DrawFn) -> Accelerator:
    """Draw a legal accelerator far from the defaults."""
    odd = draw(st.sampled_from([1, 3, 5]))
    link = odd * draw(powers(0, 8))
    unroll = {
        "out_channels": odd * draw(powers(0, 7)),
        "in_channels": odd * draw(powers(0, 7)),
        **{d: draw(st.integers(1, 3)) for d in ("batch", "out_y", "out_x", "kernel_y", "kernel_x")},
    }
    ping_pong, circular, hold = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    shared = draw(st.booleans())
    external = draw(st.none() | st.sampled_from(["lpddr4", "ddr3", "hbm2"]))
    memory = st.sampled_from(get_args(MemoryKind))
    value = {
        "name": draw(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.+-]{0,20}\Z")),
        "technology": draw(st.sampled_from(["sky130hd", "my library.yaml", "on", "010", "1e5"])),
        "operating_point": {
            "voltage_v": draw(st.none() | st.floats(0.1, 10)),
            "temperature_c": draw(st.floats(-60, 175)),
            "clock_mhz": draw(st.just("max") | st.floats(1e-6, 1e5)),
        },
        "array": {"unroll": unroll, "strides": draw(st.sampled_from([(1,), (2, 1), (1, 2, 3)]))},
        "registers": {"shadow": draw(st.booleans()) and not shared, "hold": {"psum": hold}},
        "buffers": {
            "weight": {"kind": draw(memory), "words": 2 * draw(st.integers(1, 999))},
            "input": {
                "kind": draw(memory),
                "words": 512 * draw(st.integers(1, 99)),  # whole link words in both halves
                "ping_pong": ping_pong,
                "circular_rows": circular,
                "ports": "1r1w"
                if ping_pong and circular
                else draw(st.sampled_from(["1rw", "1r1w"])),
            },
            "psum": {"kind": draw(memory), "words": draw(st.integers(0 if hold else 1, 99))},
            "shared_port": shared,
        },
        "store": {
            "kind": "external" if external else "sram",
            "external": {"standard": external} if external else None,
            "kib": {"weights": draw(st.floats(1, 2**20)), "activations": draw(st.floats(1, 2**20))},
            "link": {"bits": link, "latency_cycles": draw(st.integers(1, 99))},
        },
        "host": {"link_bits": odd, "energy_pj_per_bit": draw(st.floats(0, 100))},
        "limits": {"batch": 3, "psum_bits": draw(st.none() | st.integers(1, 48))},
        "dataflow": draw(st.sampled_from(get_args(Dataflow))),
        "post": draw(st.permutations(["threshold", "max_pool", "argmax"])),
    }
    return Accelerator.model_validate(value)


@given(accelerators())
def test_what_is_written_reads_back_as_the_same(spec: Accelerator) -> None:
    assert read_text(to_yaml(spec), Accelerator) == spec


@given(accelerators(), powers(0, 8))
def test_a_change_that_breaks_a_rule_says_which_and_how_to_cure_it(
    spec: Accelerator, size: int
) -> None:
    nests = Accelerator.model_validate(
        {"name": "x", "array": {"unroll": {"out_channels": size, "in_channels": 1}},
         "store": {"link": {"bits": 1}}, "host": {"link_bits": 1}}
    )  # fmt: skip
    assert with_changes(nests, {"array.unroll.out_channels": 1}).array.unroll.pes == 1
    if spec.array.unroll.in_channels % 3 == 0:
        with pytest.raises(SpecError) as caught:
            with_changes(spec, {"array.unroll.out_channels": size})
        assert all(problem.help for problem in caught.value.problems)
