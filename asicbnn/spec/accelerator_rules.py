"""The rules between the fields of an accelerator, each with both places and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from asicbnn.spec.model import Complaint

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator
    from asicbnn.spec.memories import Buffers, Store


def broken_rules(spec: Accelerator) -> Iterator[Complaint]:
    """Yield every broken rule between the fields of an accelerator."""
    yield from _nesting(spec)
    yield from _beyond_limits(spec)
    yield from _repeated("array.strides", spec.array.strides)
    yield from _registers(spec)
    yield from _weight_port(spec)
    yield from _input_port(spec)
    yield from _buffers(spec.buffers)
    yield from _input_rows(spec)
    yield from _store(spec.store)
    yield from _host_link(spec)
    yield from _repeated("post", spec.post)
    if "threshold" not in spec.post:
        help = "add threshold: layers hand their activations on through it"
        yield Complaint("post", "threshold is missing", help)


def _nearest_nested(size: int, other: int) -> str:
    """Return the sizes around ``size`` that nest with ``other``: ``32 or 64``."""
    steps = [_odd_part(other) << k for k in range(21)]
    below = [step for step in steps if step < size]
    above = [step for step in steps if step > size]
    return " or ".join(str(step) for step in [*below[-1:], *above[:1]])


def _odd_part(size: int) -> int:
    return size // (size & -size)


def _nesting(spec: Accelerator) -> Iterator[Complaint]:
    """Sizes nest exactly when they share their odd part; whoever differs from most is named."""
    sizes = {
        "array.unroll.in_channels": spec.array.unroll.in_channels,
        "array.unroll.out_channels": spec.array.unroll.out_channels,
        "store.link.bits": spec.store.link.bits,
    }
    odd_parts = [_odd_part(size) for size in reversed(sizes.values())]
    common = max(odd_parts, key=odd_parts.count)
    fitting = [path for path, size in sizes.items() if _odd_part(size) == common]
    other_path = fitting[-1]
    other = sizes[other_path]
    for path, size in sizes.items():
        if path not in fitting:
            message = (
                f"{size} does not nest with {other_path}, which is {other}: "
                "the larger must be the smaller times a power of two"
            )
            yield Complaint(
                path, message, f"it can be {_nearest_nested(size, other)}", (other_path,)
            )


def _host_link(spec: Accelerator) -> Iterator[Complaint]:
    host, link = spec.host.link_bits, spec.store.link.bits
    if link % host:
        message = f"expected a divisor of store.link.bits, which is {link}; got {host}"
        largest = max(n for n in range(1, min(host, link) + 1) if link % n == 0)
        yield Complaint("host.link_bits", message, f"it can be {largest}", ("store.link.bits",))


def _weight_port(spec: Accelerator) -> Iterator[Complaint]:
    path, word, link = "buffers.weight.port_bits", spec.weight_word_bits, spec.store.link.bits
    port = spec.buffers.weight.port_bits
    if port is None:
        return
    fewest = min(link, word)  # the link's words are written through the port as they come
    factors = ("out_channels", "in_channels", "kernel_y", "kernel_x")
    also = (*(f"array.unroll.{name}" for name in factors), "store.link.bits")
    if port < word and word % port:
        message = f"expected a divisor of the weight word, which is {word} bit; got {port}"
        below = [n for n in range(fewest, port) if word % n == 0]
        legal = below[-1] if below else fewest
        yield Complaint(path, message, f"it can be {legal}, or null for the whole word", also)
    elif port < fewest:
        message = f"expected at least {fewest} bit, what the link delivers; got {port}"
        yield Complaint(path, message, "widen it, or narrow store.link.bits", also)


def _input_port(spec: Accelerator) -> Iterator[Complaint]:
    path, word = "buffers.input.port_bits", spec.array.unroll.in_channels
    link, port = spec.store.link.bits, spec.buffers.input.port_bits
    if port is None:
        return
    fewest = min(link, word)
    also = ("array.unroll.in_channels", "store.link.bits")
    if port < word and _odd_part(port) != _odd_part(word):
        message = f"expected the input word of {word} bit divided by 2^n, got {port}"
        halves = [word >> n for n in range(word.bit_length()) if word % (1 << n) == 0]
        legal = " or ".join(str(bits) for bits in halves[::-1] if bits >= fewest)
        yield Complaint(path, message, f"it can be {legal}, or null for the whole word", also)
    elif port < fewest:
        message = f"expected at least {fewest} bit, what the link delivers; got {port}"
        yield Complaint(path, message, "widen it, or narrow store.link.bits", also)


def _beyond_limits(spec: Accelerator) -> Iterator[Complaint]:
    bounds = {"batch": "batch", "out_channels": "out_channels", "in_channels": "in_channels"}
    bounds |= {"out_y": "map", "out_x": "map", "kernel_y": "kernel", "kernel_x": "kernel"}
    for name, limit in bounds.items():
        size, most = getattr(spec.array.unroll, name), getattr(spec.limits, limit)
        if size > most:
            message = f"{size} at once, but limits.{limit} is {most}"
            help = f"unroll at most {most}, or raise limits.{limit} to {size}"
            yield Complaint(f"array.unroll.{name}", message, help, (f"limits.{limit}",))


def _registers(spec: Accelerator) -> Iterator[Complaint]:
    if spec.registers.shadow and spec.buffers.shared_port:
        yield Complaint(
            "registers.shadow",
            "shadow registers need a port of their own for each buffer, but the port is shared",
            "turn shadow or shared_port off",
            ("buffers.shared_port",),
        )
    if not spec.registers.hold.psum and spec.buffers.psum.words < 1:
        yield Complaint(
            "buffers.psum.words",
            "expected at least 1, because the accumulator is not held between steps; got 0",
            "set words: 1, or registers.hold.psum: true",
            ("registers.hold.psum",),
        )


def _buffers(buffers: Buffers) -> Iterator[Complaint]:
    for name, buffer in (("weight", buffers.weight), ("input", buffers.input)):
        if buffer.ping_pong and buffer.words % 2:
            yield Complaint(
                f"buffers.{name}.words",
                f"expected an even number, because ping_pong halves the words; got {buffer.words}",
                f"it can be {buffer.words + 1}, or set ping_pong: false",
                (f"buffers.{name}.ping_pong",),
            )
    ring = buffers.input
    if ring.circular_rows and ring.ping_pong and ring.ports != "1r1w":
        yield Complaint(
            "buffers.input.ports",
            "a ping-pong ring of rows is read and written in one cycle, but ports is 1rw",
            "set ports: 1r1w, or turn circular_rows or ping_pong off",
            ("buffers.input.circular_rows", "buffers.input.ping_pong"),
        )


def _input_rows(spec: Accelerator) -> Iterator[Complaint]:
    """A link word wider than an input word fills several: buffer rows hold whole link words."""
    ring = spec.buffers.input
    per_link = max(1, spec.store.link.bits // spec.array.unroll.in_channels)
    halved = ring.ping_pong and not ring.circular_rows
    unit = per_link * (2 if halved else 1)
    if per_link > 1 and ring.words % unit:
        what = "half of the words" if halved else "the words"
        message = (
            f"a link word fills {per_link} input words, so {what} must be a multiple of "
            f"{per_link}; got {ring.words}"
        )
        help = f"it can be {ring.words // unit * unit + unit}"
        yield Complaint("buffers.input.words", message, help, ("store.link.bits",))


def _store(store: Store) -> Iterator[Complaint]:
    if store.kind == "external" and store.external is None:
        help = "add external: {standard: lpddr4}, or set kind: sram"
        yield Complaint("store.kind", "kind is external, but external is missing", help)
    if store.kind == "sram" and store.external is not None:
        help = "set kind: external, or delete external"
        yield Complaint(
            "store.external", "external is given, but kind is sram", help, ("store.kind",)
        )
    banks = (("weights", 1, store.weight_words), ("activations", 2, store.activation_words))
    for name, count, words in banks:
        if words < 1:
            size, bits = getattr(store.kib, name), store.link.bits
            message = f"{size:g} KiB in {count} bank(s) is less than a link word of {bits} bit"
            yield Complaint(f"store.kib.{name}", message, "make it larger", ("store.link.bits",))


def _repeated(path: str, values: tuple[Any, ...]) -> Iterator[Complaint]:
    for value in dict.fromkeys(v for v in values if values.count(v) > 1):
        yield Complaint(path, f"{value} is given more than once", "delete one of them")
