"""SRAM: fitted to real macros, or made of macros that exist; a ROM of such alone.

Either way a memory is a stack of macros (`macro_stack`). What a listed macro does not state is
taken from the fit at its size, and said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import ModelError
from asicbnn.technology.compiled_memory import Memory, Ports, WriteMask
from asicbnn.technology.form import Figure, Form, Name, read_form
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import MacroList, SramMacro
from asicbnn.technology.macro_stack import MacroStack, smallest_stack, stack_costs
from asicbnn.technology.sram_fit import FACTOR_TWO, fits, fitted_macro, fitted_stack

_FILE = Path(__file__).parent / "figures" / "listed_macros.yaml"


class _Stated(Form):
    """What is uncertain about macros whose figures are stated."""

    sources: dict[str, Name]
    access_relative_error: Figure


@lru_cache(maxsize=1)
def _stated() -> _Stated:
    return read_form(_Stated, _FILE.read_bytes(), _FILE.name)


@dataclass(frozen=True, slots=True)
class _Errors:
    """Relative errors of the figures of a stack, and what to say about them."""

    area: float = 0.0
    energy: float = 0.0
    access: float = 0.0
    flags: tuple[str, ...] = ()


def fitted_sram(
    technology: Technology,
    words: int,
    word_bits: int,
    ports: Ports,
    write_mask: WriteMask,
    *,
    extrapolate: bool = False,
) -> Memory:
    """Compile an SRAM of fitted macros. They mask bits as they write: every mask is free."""
    stack, fitted = fitted_stack(technology, words, word_bits, ports, extrapolate=extrapolate)
    flags = fitted.flags
    if stack.macros > 1:
        flags = (f"SRAM of {words} x {word_bits} bit is {stack.macros} macros", *flags)
    errors = _Errors(fitted.area_error, fitted.energy_error, fitted.access_error, flags)
    memory = _priced(technology, stack, words, word_bits, ports, write_mask, errors)
    return replace(memory, level="scaled" if technology.sram.scaled else "fit")


def listed_sram(
    technology: Technology,
    listed: MacroList,
    words: int,
    word_bits: int,
    ports: Ports,
    write_mask: WriteMask,
) -> Memory:
    """Compile an SRAM of macros that exist, the smallest that hold it."""
    stack = smallest_stack(technology, listed, words, word_bits, ports, write_mask)
    stack, errors = _completed(technology, stack, ports)
    flags = (_described(words, word_bits, stack), *errors.flags)
    return _priced(
        technology, stack, words, word_bits, ports, write_mask, replace(errors, flags=flags)
    )


def listed_rom(technology: Technology, listed: MacroList, words: int, word_bits: int) -> Memory:
    """Compile a ROM of macros that exist; nothing stands in for a figure they do not state.

    Raises ModelError where a macro leaves a figure open, and where no stack of the list fits.
    """
    stack = smallest_stack(technology, listed, words, word_bits, None, "none")
    for macro, _ in stack.columns:
        if macro.unknown:
            raise ModelError(
                f"{macro.name} of {listed.name} states no {', '.join(macro.unknown)}, and no ROM "
                "is fitted: add the figures to the list"
            )
    said = _described(words, word_bits, stack).replace("SRAM", "ROM")
    errors = _Errors(access=_stated().access_relative_error.value, flags=(said,))
    memory = _priced(technology, stack, words, word_bits, "1rw", "none", errors)
    return replace(memory, kind="rom")


def _priced(
    technology: Technology,
    stack: MacroStack,
    words: int,
    word_bits: int,
    ports: Ports,
    write_mask: WriteMask,
    errors: _Errors,
) -> Memory:
    costs = stack_costs(technology, stack, word_bits)
    return Memory(
        kind="sram",
        words=words,
        word_bits=word_bits,
        ports=ports,
        write_mask=write_mask,
        area_um2=costs.area_um2,
        read_energy_fj=costs.read_energy_fj,
        write_energy_fj=costs.write_energy_fj,
        clock_energy_fj_per_cycle=0.0,
        leakage_nw=costs.leakage_nw,
        access_ps=costs.access_ps,
        minimum_cycle_ps=costs.minimum_cycle_ps,
        cells=None,
        macros=stack.uses(),
        level="macros",
        area_error=errors.area,
        energy_error=errors.energy,
        access_error=errors.access,
        read_error=errors.energy,
        flags=errors.flags,
    )


def _described(words: int, word_bits: int, stack: MacroStack) -> str:
    uses = " and ".join(f"{use.count} {use.name}" for use in stack.uses())
    spare = stack.banks * stack.depth * stack.word_bits - words * word_bits
    unused = f", {spare:,} bits of them unused" if spare else ""
    return f"SRAM of {words} x {word_bits} bit is {uses}{unused}"


def _completed(
    technology: Technology, stack: MacroStack, ports: Ports
) -> tuple[MacroStack, _Errors]:
    """Return the stack with every figure its macros do not state taken from the fit, and say so."""
    errors = _Errors(access=_stated().access_relative_error.value)
    columns = []
    for macro, count in stack.columns:
        _refuse_other_voltage(technology, macro)
        if not macro.unknown:
            columns.append((macro, count))
            continue
        whole, said = _filled(technology, macro, ports)
        columns.append((whole, count))
        errors = _Errors(
            errors.area,
            max(errors.energy, said.energy),
            max(errors.access, said.access),
            (*errors.flags, *said.flags),
        )
    if any(macro.is_synthetic for macro, _ in columns):
        names = ", ".join(macro.name for macro, _ in columns if macro.is_synthetic)
        flag = f"{names}: synthetic, an abstract without layout; its area is a placeholder"
        errors = replace(errors, area=FACTOR_TWO, flags=(*errors.flags, flag))
    return MacroStack(tuple(columns), stack.banks), errors


def _filled(technology: Technology, macro: SramMacro, ports: Ports) -> tuple[SramMacro, _Errors]:
    fit = fits(technology.sram.fit).ports[ports]
    words = min(max(macro.words, fit.words.least), fit.words.most)
    if not fit.holds(words, min(macro.word_bits, fit.word_bits.most)):
        raise ModelError(
            f"{macro.name} states no {', '.join(macro.unknown)}, and {macro.words:,} x "
            f"{macro.word_bits} bit is outside the range of the fit: {fit.range}; add the figures "
            "to the list of macros"
        )
    columns = -(-macro.word_bits // fit.word_bits.most)
    fitted = fitted_macro(technology, words, -(-macro.word_bits // columns), ports)
    figures = {
        name: getattr(fitted.macro, name) * (1 if name == "access_ps" else columns)
        for name in macro.unknown
    }
    error = fitted.energy_error if technology.sram.scaled else FACTOR_TWO
    flag = (
        f"{macro.name} states no {', '.join(macro.unknown)}: taken from the fit to "
        f"{technology.sram.fit}, within {1 + error:.3g} times either way"
    )
    return replace(macro, **figures), _Errors(
        energy=error, access=FACTOR_TWO, flags=(flag, *fitted.flags)
    )


def _refuse_other_voltage(technology: Technology, macro: SramMacro) -> None:
    own_v = technology.nominal.voltage_v
    if macro.voltage_v is not None and abs(macro.voltage_v - own_v) > 1e-6:
        raise ModelError(
            f"{macro.name} was characterised at {macro.voltage_v:g} V, {technology.name} at "
            f"{own_v:g} V: give macros of the technology's voltage"
        )


__all__ = ["fitted_sram", "listed_rom", "listed_sram"]
