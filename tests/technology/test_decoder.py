"""Energy of a decoder's lines, by hand and against addresses one after the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.technology.decoder import decoder_fj
from asicbnn.technology.library import load

IHP = load("ihp_sg13g2")
PIN = IHP.pin_energy_fj("and2")
AND, INVERTER = (
    IHP.cell(role).internal_energy_fj + IHP.pin_energy_fj(role) for role in ("and2", "inverter")
)


def switched(address, other, bits):
    """What one address after another takes, line by line; of a false line both transitions."""
    if bits == 1:
        return INVERTER if address != other else 0.0
    if address == other:
        return 0.0
    low = bits // 2
    total, moved = 0.0, []
    for shift, size, driven in ((0, low, 1 << (bits - low)), (low, bits - low, 1 << low)):
        own, last = (a >> shift & ((1 << size) - 1) for a in (address, other))
        moved.append(own != last)
        total += switched(own, last, size) + transitions(own, last, size) * driven * PIN
    return total + transitions(address, other, bits) * AND


def transitions(address, other, bits):
    if address == other:
        return 0
    low = bits // 2
    changed = address ^ other
    both = bits > 1 and changed >> low and changed & ((1 << low) - 1)
    return 4 if both else 2


@given(st.integers(1, 7), st.sampled_from(["sequential", "random"]))
def test_the_closed_form_is_the_mean_over_all_pairs_of_addresses(bits, order):
    words = 1 << bits
    pairs = [
        (a, b)
        for a in range(words)
        for b in ([(a + 1) % words] if order == "sequential" else range(words))
        if a != b
    ]
    mean_fj = sum(switched(b, a, bits) for a, b in pairs) / len(pairs)
    assert decoder_fj(IHP, words, order) == pytest.approx(mean_fj)


@given(st.integers(5, 512))
def test_another_address_at_random_takes_no_less_than_the_next_one(lines):
    in_order, at_random = (decoder_fj(IHP, lines, order) for order in ("sequential", "random"))
    assert 0 < in_order <= at_random * (1 + 1e-9)


@pytest.mark.parametrize("lines", [3, 4])
def test_of_two_bits_both_change_more_often_in_order_than_at_random(lines):
    """Every second step changes both, of three other addresses one does."""
    assert decoder_fj(IHP, lines, "sequential") > decoder_fj(IHP, lines, "random")
    assert decoder_fj(IHP, 1, "random") == 0
