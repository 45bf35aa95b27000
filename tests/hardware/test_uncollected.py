"""The garbage collector rests inside, and is afterwards what it was before."""

from __future__ import annotations

import gc

import pytest

from asicbnn.hardware.uncollected import uncollected


@pytest.fixture(autouse=True)
def _collector():
    yield
    gc.enable()


@uncollected()
def rests():
    return not gc.isenabled()


def test_the_collector_rests_in_every_call():
    assert rests()
    assert rests()
    assert gc.isenabled()


def test_the_collector_works_again_after_an_error():
    with pytest.raises(ZeroDivisionError), uncollected():
        _ = 1 / 0
    assert gc.isenabled()


def test_one_inside_another_and_a_collector_that_was_off_change_nothing():
    with uncollected():
        assert rests()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    assert rests()
    assert not gc.isenabled()
