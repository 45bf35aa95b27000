"""Values in the generated C: how a wire of some width is named, cut, joined and masked.

Up to 64 bits a wire is a ``u`` (uint64_t), beyond that an array of limbs somewhere in the state
buffer, reached through a pointer expression. A bit spread over a wide wire stays one limb (a
*splat*). Bits above a wire's width are zero, except in splats and in the padding limbs of arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of

_LIMB_MASK = (1 << LIMB_BITS) - 1

PRELUDE = """\
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __SIZE_TYPE__ size_t;
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
typedef uint64_t u;
typedef unsigned __int128 U;
typedef u v2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef u v4 __attribute__((vector_size(32), aligned(8), may_alias));
#define SPLAT2(x) ((v2){(x), (x)})
#define SPLAT4(x) ((v4){(x), (x), (x), (x)})

static inline int is_equal(const u *a, const u *b, int n) {
  u d = 0;
  for (int i = 0; i < n; i++) d |= a[i] ^ b[i];
  return !d;
}
static inline int is_less(const u *a, const u *b, int n) {
  for (int i = n - 1; i > 0; i--) if (a[i] != b[i]) return a[i] < b[i];
  return a[0] < b[0];
}
static inline void add(u *d, int nd, const u *a, const u *b, int n) {
  U t = 0;
  for (int i = 0; i < n; i++) { t += (U)a[i] + b[i]; if (i < nd) d[i] = (u)t; t >>= 64; }
  if (nd > n) d[n] = (u)t;
}
static inline void subtract(u *d, int nd, const u *a, const u *b, int n) {
  u borrow = 0;
  for (int i = 0; i < n; i++) {
    U t = (U)a[i] - b[i] - borrow;
    if (i < nd) d[i] = (u)t;
    borrow = (u)(t >> 64) & 1;
  }
  if (nd > n) d[n] = -borrow;
}
static inline void multiply(u *d, int nd, const u *a, const u *b, int n) {
  memset(d, 0, 8 * (size_t)nd);
  for (int i = 0; i < n && i < nd; i++) {
    u carry = 0;
    for (int j = 0; j < n && i + j < nd; j++) {
      U t = (U)a[i] * b[j] + d[i + j] + carry;
      d[i + j] = (u)t;
      carry = (u)(t >> 64);
    }
    if (i + n < nd) d[i + n] = carry;
  }
}
"""


class Piece(NamedTuple):
    """``bits`` bits (at most 64) as a C expression; nothing above them is set."""

    text: str
    bits: int


def literal(number: int) -> str:
    """C spelling of a constant limb."""
    return f"{number:#x}ull"


def ones(bits: int) -> int:
    """Return the number whose lowest ``bits`` bits are set."""
    return (1 << bits) - 1


def limbs_of_number(number: int, count: int) -> list[int]:
    """Cut a number into ``count`` limbs, lowest first."""
    return [number >> LIMB_BITS * index & _LIMB_MASK for index in range(count)]


def masked(text: str, bits: int) -> str:
    """Clear everything above ``bits`` (at most 64) in a limb."""
    return text if bits == LIMB_BITS else f"({text}) & {literal(ones(bits))}"


@dataclass(frozen=True)
class Value:
    """One wire as the generated code sees it.

    bits     width [bit]
    text     a C variable, state element or literal; of an array, a ``const u *`` expression
    splat    the wire is one bit repeated, ``text`` a limb of all zeros or all ones
    points_into  registers (by name) and memories (by id) a pointer may refer to: such a value
             changes when they are written
    """

    bits: int
    text: str
    splat: bool = False
    points_into: frozenset[str | int] = frozenset()

    @property
    def is_array(self) -> bool:
        return self.bits > LIMB_BITS and not self.splat

    def limb(self, index: int) -> str:
        """Limb ``index``, zero above the value's width."""
        if index >= limbs_of(self.bits):
            return "0"
        if self.splat:
            return f"({masked(self.text, min(LIMB_BITS, self.bits - LIMB_BITS * index))})"
        return f"{self.text}[{index}]" if self.is_array else self.text

    def pieces(self, start: int, bits: int) -> Iterator[Piece]:
        """Cut ``bits`` bits from bit ``start`` on into pieces of one limb each, lowest first."""
        while bits:
            index, shift = divmod(start, LIMB_BITS)
            taken = min(bits, LIMB_BITS - shift)
            text = self.limb(index)
            if shift:
                text = f"({text} >> {shift})"
            if shift + taken < min(LIMB_BITS, self.bits - LIMB_BITS * index):
                text = f"({text} & {literal(ones(taken))})"
            yield Piece(text, taken)
            start, bits = start + taken, bits - taken


def repeated(bit: str, times: int) -> Iterator[Piece]:
    """Repeat a one-bit expression."""
    while times:
        taken = min(times, LIMB_BITS)
        yield Piece(bit if taken == 1 else f"({masked(f'-(u)({bit})', taken)})", taken)
        times -= taken


def selected(value: Value, indices: Sequence[int]) -> Iterator[Piece]:
    """Pieces of the bits at ``indices`` (lowest first); runs of neighbours or repeats at once."""
    position = 0
    while position < len(indices):
        start, step = indices[position], 1
        if indices[position + 1 : position + 2] == indices[position : position + 1]:
            step = 0
        end = position + 1
        while end < len(indices) and indices[end] == start + step * (end - position):
            end += 1
        if step:
            yield from value.pieces(start, end - position)
        else:
            (bit,) = value.pieces(start, 1)
            yield from repeated(bit.text, end - position)
        position = end


def joined(pieces: Iterable[Piece], bits: int) -> list[str]:
    """Lay pieces side by side, lowest first; return one expression per limb of ``bits`` bits."""
    limbs: list[list[str]] = [[] for _ in range(limbs_of(bits))]
    position = 0
    for text, width in pieces:
        index, shift = divmod(position, LIMB_BITS)
        position += width
        if text in ("0", "0x0ull") or index >= len(limbs):
            continue
        limbs[index].append(f"({text} << {shift})" if shift else text)
        if shift + width > LIMB_BITS and index + 1 < len(limbs):
            limbs[index + 1].append(f"({text} >> {LIMB_BITS - shift})")
    if position > bits and (top := bits % LIMB_BITS):
        limbs[-1] = [f"(({' | '.join(limbs[-1]) or '0'}) & {literal(ones(top))})"]
    return [" | ".join(parts) or "0" for parts in limbs]
