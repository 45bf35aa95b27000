"""C for a declared product count: XNOR, masks and popcount of all PEs on whole vectors.

A vector holds the weights of as many lanes as fit, all channels of each. An activation bit is
spread over its lane's channels by comparing with one bit per lane. Full adders on vectors count
the lanes (a carry-save tree); halves of the vectors are then added until one lane's width is left,
which is just how the hardware holds its counts: one plane per bit, one bit per PE.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.hardware.declarations import DeclaredFunction, ProductCount
from asicbnn.simulation.backends.state_layout import LIMB_BITS

LARGEST_VECTOR_LIMBS = 8
_NARROWEST = 8
_UNROLLED = 32  # vectors counted without a loop


def is_supported(function: DeclaredFunction) -> bool:
    """Whether there is C for it: product counts need a power of two of channels, 8 to 512."""
    if not isinstance(function, ProductCount):
        return True
    k = function.channels
    return k & (k - 1) == 0 and _NARROWEST <= k <= LARGEST_VECTOR_LIMBS * LIMB_BITS


@dataclass(frozen=True)
class Shape:
    """How the lanes of a function lie in vectors.

    limbs    of a vector
    lanes    in a vector
    vectors  that hold all lanes, the last perhaps in part
    element  bits of what is compared at once: a lane's channels, at most 64
    """

    limbs: int
    lanes: int
    vectors: int
    element: int

    @property
    def weight_limbs(self) -> int:
        """Limbs of weights that are read, whole vectors."""
        return self._vectors_read * self.limbs

    @property
    def bit_limbs(self) -> int:
        """Limbs of activations and of masks that are read."""
        return -(-self._vectors_read * self.lanes // LIMB_BITS)

    @property
    def _vectors_read(self) -> int:
        if self.vectors <= _UNROLLED:
            return self.vectors
        return -(-self.vectors // _UNROLLED) * _UNROLLED

    @classmethod
    def of(cls, function: ProductCount) -> Shape:
        k, n = function.channels, function.lanes
        limbs = 1
        while limbs < LARGEST_VECTOR_LIMBS and (limbs * LIMB_BITS < k or limbs * LIMB_BITS < n * k):
            limbs *= 2
        lanes = limbs * LIMB_BITS // k
        return cls(limbs, lanes, -(-n // lanes), min(k, LIMB_BITS))


class _Adders:
    """Full and half adders on C variables of one type, as statements."""

    def __init__(self, lines: list[str], kind: str, prefix: str) -> None:
        self.lines, self.kind, self.prefix, self.count = lines, kind, prefix, 0

    def name(self, text: str) -> str:
        self.count += 1
        made = f"{self.prefix}{self.count}"
        self.lines.append(f"const {self.kind} {made} = {text};")
        return made

    def full(self, a: str, b: str, c: str) -> tuple[str, str]:
        return self.name(f"{a} ^ {b} ^ {c}"), self.name(f"({a} & {b}) | (({a} | {b}) & {c})")

    def half(self, a: str, b: str) -> tuple[str, str]:
        return self.name(f"{a} ^ {b}"), self.name(f"{a} & {b}")

    def tree(self, column: list[str]) -> list[str]:
        """Planes of the number of ones among equally heavy bits."""
        planes: list[str] = []
        while column:
            carries = []
            while len(column) > 1:
                addends, column = column[:3], column[3:]
                total, carry = self.full(*addends) if len(addends) == 3 else self.half(*addends)
                column.append(total)
                carries.append(carry)
            planes += column
            column = carries
        return planes

    def add(self, a: list[str], b: list[str]) -> list[str]:
        """Sum of two numbers of as many planes, with its carry."""
        total, carry = [], ""
        for x, y in zip(a, b, strict=True):
            bit, carry = self.full(x, y, carry) if carry else self.half(x, y)
            total.append(bit)
        return [*total, carry]


def kernel(function: ProductCount, name: str) -> str:
    """Return ``static void name(const u *W, const u *X, const u *M, u *C, int stride)``.

    W weights, X and M activations and masks of one pixel, lane 0 lowest, all readable as whole
    vectors; C receives the planes of the channels' counts, ``stride`` limbs apart.
    """
    shape = Shape.of(function)
    head = "(const u *W, const u *X, const u *M, u *C, int stride) {"
    lines = [f"static inline __attribute__((always_inline)) void {name}{head}"]
    if shape.vectors <= _UNROLLED:
        planes = _counted(lines, shape, shape.vectors)
    else:
        planes = _looped(lines, shape, function)
    planes = planes[: function.lanes.bit_length()]
    _fold(lines, planes, shape, function)
    lines.append("}")
    return "\n".join(lines)


def _vector(limbs: int) -> str:
    return "u" if limbs == 1 else f"v{limbs}"


def _counted(lines: list[str], shape: Shape, count: int) -> list[str]:
    """Products of some vectors, and the planes of their number of ones."""
    adders = _Adders(lines, _vector(shape.limbs), "t")
    products = []
    for vector in range(count):
        weights = f"*(const {_vector(shape.limbs)} *)(W + {vector * shape.limbs})"
        x = _spread(shape, "X", vector)
        m = _spread(shape, "M", vector)
        products.append(adders.name(f"~({weights} ^ {x}) & {m}"))
    return adders.tree(products)


def _looped(lines: list[str], shape: Shape, function: ProductCount) -> list[str]:
    """Count blocks of vectors in a loop and add up; the masks of missing lanes are zero."""
    kind = _vector(shape.limbs)
    total = function.lanes.bit_length()
    lines.append(f"{kind} sum[{total}] = {{0}};")
    blocks = -(-shape.vectors // _UNROLLED)
    lines.append(f"for (int block = 0; block < {blocks}; block++) {{")
    lines.append(f"const u *const w0 = W; const u *W = w0 + block * {_UNROLLED * shape.limbs};")
    bits = _UNROLLED * shape.lanes
    if bits % LIMB_BITS == 0:
        step = bits // LIMB_BITS
        lines.append(f"const u *const x0 = X; const u *X = x0 + block * {step};")
        lines.append(f"const u *const m0 = M; const u *M = m0 + block * {step};")
    else:
        for word in ("X", "M"):
            lines.append(
                f"const u {word}b[1] = {{{word}[block * {bits} / 64] >> (block * {bits} % 64)}};"
            )
            lines.append(f"const u *const {word}k = {word}b; const u *{word} = {word}k;")
    planes = _counted(lines, shape, _UNROLLED)
    lines.append(f"{kind} carry = {{0}};" if shape.limbs > 1 else "u carry = 0;")
    for index in range(total):
        if index < len(planes):
            text = f"(sum[{index}] & {planes[index]}) | (sum[{index}] | {planes[index]}) & carry"
            lines.append(f"{{ const {kind} c = {text};")
            lines.append(f"sum[{index}] ^= {planes[index]} ^ carry; carry = c; }}")
        else:
            lines.append(f"{{ const {kind} c = sum[{index}] & carry;")
            lines.append(f"sum[{index}] ^= carry; carry = c; }}")
    lines.append("}")
    return [f"sum[{index}]" for index in range(total)]


def _spread(shape: Shape, word: str, vector: int) -> str:
    """All ones in the lanes of a vector whose bit of ``word`` is set."""
    start = vector * shape.lanes
    bits = f"({word}[{start // LIMB_BITS}] >> {start % LIMB_BITS})"
    if shape.limbs == 1:
        return _spread_in_limb(bits, shape)
    width, per_limb = shape.element, LIMB_BITS // shape.element
    repeat = sum(1 << width * i for i in range(per_limb))
    splats, tests = [], []
    for limb in range(shape.limbs):
        lanes = [
            (limb * LIMB_BITS + i * width) // (shape.limbs * LIMB_BITS // shape.lanes)
            for i in range(per_limb)
        ]
        group = lanes[0] // width * width
        part = f"({bits} >> {group})" if group else bits
        if width < LIMB_BITS:
            part = f"({part} & {(1 << width) - 1:#x}ull) * {repeat:#x}ull"
        splats.append(part)
        ones = sum(1 << (lane - group) + width * i for i, lane in enumerate(lanes))
        tests.append(f"{ones:#x}ull")
    kind, elements = _vector(shape.limbs), f"e{width}_{shape.limbs}"
    splat, test = f"({kind}){{{', '.join(splats)}}}", f"({kind}){{{', '.join(tests)}}}"
    return f"({kind})((({elements})({splat} & {test})) != 0)"


def _spread_in_limb(bits: str, shape: Shape) -> str:
    """The same in one limb, by a multiplication that fills each lane."""
    if shape.lanes == 1:
        return f"(-({bits} & 1))"
    ones = (1 << shape.element) - 1
    parts = [
        f"((-({bits} >> {lane} & 1)) & {ones << lane * shape.element:#x}ull)"
        for lane in range(shape.lanes)
    ]
    return "(" + " | ".join(parts) + ")"


def _fold(lines: list[str], planes: list[str], shape: Shape, function: ProductCount) -> None:
    """Add the halves of the vectors until a lane is left; write the planes."""
    limbs, wanted, depth = shape.limbs, function.lanes.bit_length(), 0
    k = function.channels
    while limbs * LIMB_BITS > max(k, LIMB_BITS):
        half = limbs // 2
        low, high = [], []
        for index, plane in enumerate(planes):
            whole = f"h{depth}_{index}"
            lines.append(f"const {_vector(limbs)} {whole} = {plane};")
            low.append(f"LOW{limbs}({whole})")
            high.append(f"HIGH{limbs}({whole})")
        adders = _Adders(lines, _vector(half), f"f{depth}_")
        low = [adders.name(text) for text in low]
        high = [adders.name(text) for text in high]
        planes = adders.add(low, high)[:wanted]
        limbs, depth = half, depth + 1
    width = LIMB_BITS
    while width > k:
        width //= 2
        adders = _Adders(lines, "u", f"g{depth}_")
        mask = f"{(1 << width) - 1:#x}ull"
        low = [adders.name(f"{plane} & {mask}") for plane in planes]
        high = [adders.name(f"{plane} >> {width} & {mask}") for plane in planes]
        planes = adders.add(low, high)[:wanted]
        depth += 1
    for index in range(wanted):
        text = planes[index] if index < len(planes) else "0"
        if limbs == 1 or text == "0":
            lines.append(f"C[{index} * stride] = {text};")
        else:
            lines.append(f"*({_vector(limbs)} *)(C + {index} * stride) = {text};")


PRELUDE = """\
typedef u v8 __attribute__((vector_size(64), aligned(8), may_alias));
#define LOW8(x) (((union { v8 w; v4 h[2]; }){x}).h[0])
#define HIGH8(x) (((union { v8 w; v4 h[2]; }){x}).h[1])
#define LOW4(x) (((union { v4 w; v2 h[2]; }){x}).h[0])
#define HIGH4(x) (((union { v4 w; v2 h[2]; }){x}).h[1])
#define LOW2(x) ((x)[0])
#define HIGH2(x) ((x)[1])
"""
PRELUDE += "".join(
    f"typedef uint{bits}_t e{bits}_{limbs} __attribute__((vector_size({8 * limbs})));\n"
    for bits in (8, 16, 32, 64)
    for limbs in (2, 4, 8)
)
