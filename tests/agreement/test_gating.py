"""Clock gates open as often as the closed forms say, family by family, and change nothing else."""

from __future__ import annotations

import pytest
from agreement.subject import agree, nest_of, rows_of, small

from asicbnn.bnn.layer import Layer
from asicbnn.hardware.gating import CLOCKS
from asicbnn.verify import agreement
from asicbnn.verify.agreement import GATED

CONV = Layer(
    name="conv", out_channels=5, in_channels=7, in_y=5, in_x=5, kernel_y=3, kernel_x=3,
    pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip
DENSE = Layer(name="dense", out_channels=3, in_channels=5, in_y=5, in_x=5, kernel_y=5, kernel_x=5,
              output="argmax")  # fmt: skip
SPILLING = "B K C OY OX FY FX BA BW"
NARROW = {
    "clock_gating": "register", "host__link_bits": 2, "buffers__weight__port_bits": 8,
    "store__link__bits": 8, "buffers__psum__port_bits": 17,
}  # fmt: skip


@pytest.mark.parametrize("shadow", [False, True])
def test_every_family_of_gated_registers_is_clocked_as_often_as_counted(shadow):
    accelerator = small(**NARROW, registers__shadow=shadow)
    layers = [CONV, DENSE]
    mappings = [
        nest_of(accelerator, CONV, inner=SPILLING, outer=[("OY", 2)]),
        nest_of(accelerator, DENSE, outer=[("K", 2)]),
    ]
    counts = agree(accelerator, layers, mappings, seeds=1)
    assert set(GATED) <= counts.keys()
    assert [name for name in GATED if not counts[name]] == []
    assert counts["gated_clocks"] == sum(counts[name] for name in CLOCKS)


def test_gating_moves_no_cycle_no_access_and_no_bit():
    plain, gated = small(), small(clock_gating="register")
    mapping = nest_of(plain, CONV, inner=SPILLING)
    before = rows_of(plain, [CONV], [mapping], seed=4)
    after = rows_of(gated, [CONV], [mapping], seed=4)
    assert [row for row in after if row.quantity not in GATED] == before
    assert {row.quantity for row in after} - {row.quantity for row in before} == set(GATED)


def test_a_clock_edge_too_many_is_found(monkeypatch):
    gated = small(clock_gating="register")
    mapping = nest_of(gated, CONV)
    true = agreement.count_network

    def one_more(*arguments):
        return tuple({**c, "accumulator_clocks": c["accumulator_clocks"] + 1}
                     for c in true(*arguments))  # fmt: skip

    monkeypatch.setattr(agreement, "count_network", one_more)
    [wrong] = [row for row in rows_of(gated, [CONV], [mapping]) if not row.agrees]
    assert (wrong.quantity, wrong.model - wrong.hardware) == ("accumulator_clocks", 1)
