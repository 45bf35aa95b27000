"""C that evaluates every net in sixteen cycles at once, on columns.

Logic without state depends on registers and on what memories return, and on nothing else: given
these for sixteen cycles, each net is one vector operation; with a wire of more than 64 bits, one
for each limb (`c_wide_columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.netlist import Net, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS
from asicbnn.simulation.backends.word_level.c_values import literal, ones
from asicbnn.simulation.backends.word_level.c_wide_columns import WideNets, bit_runs
from asicbnn.simulation.backends.word_level.columns import (
    BYTE_BITS,
    HALF_BITS,
    LIMB_COLUMN,
    Columns,
)

REACH_NETS = 40  # a wire is a C variable for so many nets; then it is read from its column

PRELUDE = """\
typedef uint8_t V8 __attribute__((vector_size(16), aligned(16), may_alias));
typedef uint32_t V32 __attribute__((vector_size(64), aligned(64), may_alias));
typedef u V64 __attribute__((vector_size(128), aligned(64), may_alias));
typedef uint16_t V16 __attribute__((vector_size(16), aligned(16), may_alias));
typedef uint8_t n8_;
typedef uint32_t n32_;
typedef u n64_;
typedef uint32_t h_ __attribute__((may_alias));
typedef u l_ __attribute__((may_alias));
#define ALL8(x) ((V8){0} + (uint8_t)(x))
#define ALL32(x) ((V32){0} + (uint32_t)(x))
#define ALL64(x) ((V64){0} + (u)(x))
#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__x86_64__)
/* compilers take such conversions apart, number by number */
typedef u Z_ __attribute__((vector_size(64), may_alias));
typedef u Y_ __attribute__((vector_size(32), may_alias));
typedef union { V64 all; Z_ half[2]; } W64_;
typedef union { V32 all; Y_ half[2]; } W32_;
#define CONVERT(instruction, to, from) \
  asm(instruction " %1, %0" : "=v"(to) : "v"(from))
static inline V8 TO8_32(V32 x) { V8 r; CONVERT("vpmovdb", r, x); return r; }
static inline V32 TO32_8(V8 x) { V32 r; CONVERT("vpmovzxbd", r, x); return r; }
static inline V8 TO8_64(V64 x) {
  W64_ from = { x }; V8 low, high;
  CONVERT("vpmovqb", low, from.half[0]);
  CONVERT("vpmovqb", high, from.half[1]);
  asm("vpunpcklqdq %1, %0, %0" : "+v"(low) : "v"(high));
  return low;
}
static inline V64 TO64_8(V8 x) {
  W64_ to; V8 high;
  CONVERT("vpsrldq $8,", high, x);
  CONVERT("vpmovzxbq", to.half[0], x);
  CONVERT("vpmovzxbq", to.half[1], high);
  return to.all;
}
static inline V32 TO32_64(V64 x) {
  W64_ from = { x }; W32_ to;
  CONVERT("vpmovqd", to.half[0], from.half[0]);
  CONVERT("vpmovqd", to.half[1], from.half[1]);
  return to.all;
}
static inline V64 TO64_32(V32 x) {
  W32_ from = { x }; W64_ to;
  CONVERT("vpmovzxdq", to.half[0], from.half[0]);
  CONVERT("vpmovzxdq", to.half[1], from.half[1]);
  return to.all;
}
#else
#define TO8_32(x) __builtin_convertvector((x), V8)
#define TO8_64(x) __builtin_convertvector((x), V8)
#define TO32_8(x) __builtin_convertvector((x), V32)
#define TO32_64(x) __builtin_convertvector((x), V32)
#define TO64_8(x) __builtin_convertvector((x), V64)
#define TO64_32(x) __builtin_convertvector((x), V64)
#endif
"""


def number_bits(bits: int) -> int:
    """Bits of the C integers of a wire of at most 64 bits."""
    return BYTE_BITS if bits <= BYTE_BITS else HALF_BITS if bits <= HALF_BITS else LIMB_BITS


def constant(value: int, size: int) -> str:
    """C spelling of a number that a vector of numbers of ``size`` bits is combined with."""
    return f"(n{size}_){value:#x}ull"


class ColumnWriter:
    """Translate nets, in order, into the body of ``void name(char *V, const char *on)``."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._wide = WideNets(columns, lambda wire: self._vector(wire, LIMB_BITS))
        self._lines: list[str] = []
        self._written_at: dict[int, int] = {}
        self._bytes_named: set[str] = set()
        self._count = 0
        self._operations: dict[str, Callable[[Net, int], str]] = {
            "w": lambda net, size: self._form(net, size, "{0}"),
            "~": lambda net, size: self._form(net, size, "~{0}"),
            "&": lambda net, size: self._form(net, size, "{0} & {1}"),
            "|": lambda net, size: self._form(net, size, "{0} | {1}"),
            "^": lambda net, size: self._form(net, size, "{0} ^ {1}"),
            "n": lambda net, size: self._form(net, size, "~({0} & {1})"),
            "+": lambda net, size: self._form(net, size, "{0} + {1}"),
            "-": lambda net, size: self._form(net, size, "{0} - {1}"),
            "*": lambda net, size: self._form(net, size, "{0} * {1}"),
            "<": lambda net, size: self._compared(net, size, "<"),
            ">": lambda net, size: self._compared(net, size, ">"),
            "=": lambda net, size: self._compared(net, size, "=="),
            "x": lambda net, size: self._form(net, size, "(({1} ^ {2}) & -{0}) ^ {1}"),
            "s": self._selected,
            "c": self._joined,
        }

    def text(self, name: str) -> str:
        """Return the finished function."""
        return "\n".join([f"void {name}(char *V, const char *on) {{", *self._lines, "}"])

    def write_if(self, condition: str, nets: Iterable[Net]) -> None:
        """Translate nets that are evaluated under a condition."""
        self._lines.append(f"if ({condition}) {{")
        for net in nets:
            self.write(net)
        self._lines.append("}")
        self._written_at.clear()  # C names end with their block
        self._bytes_named.clear()

    def write(self, net: Net) -> None:
        """Translate one net; its arguments are already in their columns."""
        (dest,) = net.dests
        self._count += 1
        if net.op not in self._operations:
            raise SimulationError(f"wire {dest.name}: unknown PyRTL operation '{net.op}'")
        if net.op == "s" and dest.bitwidth <= BYTE_BITS and self._write_bits(net):
            return
        widths = [wire.bitwidth for wire in (*net.args, dest)]
        if max(widths) > LIMB_BITS:
            self._write_wide(net)
            return
        size = number_bits(max(widths))
        text = self._operations[net.op](net, size)
        if dest.bitwidth < size:
            text = f"({text}) & {constant(ones(dest.bitwidth), size)}"
        self._define(dest, text, size)

    def _write_wide(self, net: Net) -> None:
        (dest,) = net.dests
        text = self._wide.narrow(net) if dest.bitwidth <= LIMB_BITS else None
        if text is None:
            self._lines += self._wide.statements(net)
        else:
            self._define(dest, text, LIMB_BITS)

    def _define(self, dest: Wire, text: str, size: int) -> None:
        """Give a wire of at most 64 bits its value, found as numbers of ``size`` bits."""
        own = number_bits(dest.bitwidth)
        if own != size:
            text = f"TO{own}_{size}({text})"
        kind = f"V{own}"
        name = f"w{self._columns.offsets[id(dest)]}"
        self._lines.append(f"const {kind} {name} = {text};")
        self._lines.append(f"*({kind} *)(V + {self._columns.offsets[id(dest)]}) = {name};")
        self._written_at[id(dest)] = self._count

    def _vector(self, wire: Wire, size: int) -> str:
        """Return the vector of a wire, as numbers of ``size`` bits."""
        if isinstance(wire, pyrtl.Const):
            return f"ALL{size}({literal(wire.val)})"
        own = number_bits(wire.bitwidth)
        offset, at = self._columns.offsets[id(wire)], self._written_at.get(id(wire))
        near = at is not None and self._count - at <= REACH_NETS
        text = f"w{offset}" if near else f"*(V{own} *)(V + {offset})"
        return text if own == size else f"TO{size}_{own}({text})"

    def _form(self, net: Net, size: int, form: str) -> str:
        return form.format(*(self._vector(wire, size) for wire in net.args))

    def _compared(self, net: Net, size: int, operator: str) -> str:
        left, right = (self._vector(wire, size) for wire in net.args)
        return f"(V{size})({left} {operator} {right})"

    def _write_bits(self, net: Net) -> bool:
        """Write neighbouring bits of one byte of a wider wire, if that is what a net takes.

        The byte of all cycles is taken out once: its bits are then bytes without conversion.
        """
        (dest,), source = net.dests, net.args[0]
        start, end = net.op_param[0], net.op_param[0] + dest.bitwidth
        byte, shift = divmod(start, BYTE_BITS)
        if (
            source.bitwidth <= BYTE_BITS
            or isinstance(source, pyrtl.Const)
            or shift + dest.bitwidth > BYTE_BITS
            or net.op_param[: dest.bitwidth] != tuple(range(start, end))
        ):
            return False
        text = self._byte(source, byte)
        if shift:
            text = f"(V8)((V16){text} >> {shift})"
        if dest.bitwidth < BYTE_BITS:
            text = f"{text} & {constant(ones(dest.bitwidth), BYTE_BITS)}"
        self._define(dest, text, BYTE_BITS)
        return True

    def _byte(self, wire: Wire, index: int) -> str:
        """Name a byte of a wire in all cycles."""
        size = number_bits(wire.bitwidth)
        place = self._columns.offsets[id(wire)]
        name = f"b{place}_{index}"
        if name not in self._bytes_named:
            limb, byte = divmod(index, size // BYTE_BITS)
            vector = f"*(V{size} *)(V + {place + LIMB_COLUMN * limb})"
            shifted = f"({vector} >> {BYTE_BITS * byte})" if byte else vector
            self._lines.append(f"const V8 {name} = TO8_{size}({shifted});")
            self._bytes_named.add(name)
        return name

    def _selected(self, net: Net, size: int) -> str:
        source = self._vector(net.args[0], size)
        terms = []
        for start, length, step, position in bit_runs(net.op_param[: net.dests[0].bitwidth]):
            text = f"({source} >> {start})" if start else source
            mask = constant(ones(length if step else 1), size)
            terms.append(self._placed(f"({text} & {mask})", length, step, position, size))
        return " | ".join(terms)

    def _joined(self, net: Net, size: int) -> str:
        terms: list[str] = []
        position, limit = 0, size
        for _, group in groupby(reversed(net.args), key=id):
            wires = list(group)
            if position >= limit:  # a result that is cut
                break
            text = self._vector(wires[0], size)
            if wires[0].bitwidth == 1:
                count = min(len(wires), limit - position)
                terms.append(self._placed(text, count, 0, position, size))
                position += len(wires)
                continue
            for wire in wires:
                if position < limit:
                    terms.append(f"({text} << {position})" if position else text)
                position += wire.bitwidth
        return " | ".join(terms)

    @staticmethod
    def _placed(text: str, length: int, step: int, position: int, size: int) -> str:
        """Shift bits to their place; a bit with step 0 is repeated."""
        if step == 0 and length > 1:
            text = f"(-{text} & {constant(ones(length), size)})"
        return f"({text} << {position})" if position else text
