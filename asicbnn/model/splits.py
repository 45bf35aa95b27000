"""The further splits of a result: energy by term, utilisation, roofline, traffic, delays.

Each is a table part -> value under a name; `docs/models/energy.md` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asicbnn.mapping.layout import ceil_div, layout
from asicbnn.model.bounds import ceilings, intensity, lane_cycles, shares, traffic
from asicbnn.model.conservation import check_traffic
from asicbnn.model.costs import Costs
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import Lowered

Counts = Mapping[str, int]


def splits(
    accelerator: Accelerator,
    lowered: Lowered,
    inner: Sequence[Counts],
    counts: Sequence[Counts],
    cost: Costs,
    terms: Mapping[tuple[str, str], float],
) -> dict[str, dict[str, float]]:
    """Return every split of a result.

    inner   counts of each layer without host traffic        counts   with it
    terms   energy of the whole by (part, term) [fJ]
    """
    lay = layout(accelerator)
    lanes = [lane_cycles(x, lay, c) for x, c in zip(lowered.layers, counts, strict=True)]
    whole = {name: sum(split[name] for split in lanes) for name in lanes[0]}
    return {
        "utilisation": {name: float(share) for name, share in shares(whole).items()},
        "energy_terms_fj": {f"{part} {term}": fj for (part, term), fj in terms.items()},
        "energy_levels_fj": _by_level(terms),
        "energy_operands_fj": _by_operand(terms),
        "paths_ps": dict(cost.timing.paths_ps),
        **({"wire_um": cost.routed.wire_um()} if cost.routed else {}),
        "roofline": ceilings(lay),
        "not_covered": {
            "layers": len(lowered.not_covered),
            "macs": lowered.not_covered_macs,
            "weights": sum(layer.weights for layer in lowered.not_covered),
        },
        **_by_layer(accelerator, lowered, inner),
        **{
            f"utilisation of {layer.name}": {k: float(v) for k, v in shares(split).items()}
            for layer, split in zip(lowered.layers, lanes, strict=True)
        },
    }


def _by_layer(
    accelerator: Accelerator, lowered: Lowered, inner: Sequence[Counts]
) -> dict[str, dict[str, float]]:
    """Operations per bit at each boundary, and traffic with its bounds; host traffic left out."""
    lay = layout(accelerator)
    tables: dict[str, dict[str, float]] = {
        "ops_per_store_bit": {}, "ops_per_buffer_bit": {}, "ops_per_psum_bit": {},
        "store_traffic_bits": {}, "compulsory_bits": {}, "lower_bound_bits": {},
    }  # fmt: skip
    for layer, counted in zip(lowered.layers, inner, strict=True):
        rows = ceil_div(layer.out_channels, lay.unroll["K"])
        overhead = counted["configuration_cycles"] - accelerator.store.link.latency_cycles
        assert overhead >= rows * lay.links_per_threshold
        without = {**counted, "store_weight_reads": counted["store_weight_reads"] - overhead}
        ratios, moved = intensity(lay, without), traffic(accelerator, layer, without)
        check_traffic(layer, moved)
        for name, value in (
            ("ops_per_store_bit", ratios.store), ("ops_per_buffer_bit", ratios.buffers),
            ("ops_per_psum_bit", ratios.psums), ("store_traffic_bits", moved.moved),
            ("compulsory_bits", moved.compulsory), ("lower_bound_bits", moved.lower_bound),
        ):  # fmt: skip
            if value is not None:
                tables[name][layer.name] = float(value)
    return tables


def _by_level(terms: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Energy by memory level; what has no level stands under its kind."""
    levels: dict[str, float] = {}
    for (part, _), energy in terms.items():
        level = PARTS[part].level or PARTS[part].kind
        levels[level] = levels.get(level, 0.0) + energy
    return levels


_TERM_OPERANDS = ("weight", "input", "psum", "activation", "threshold")


def _by_operand(terms: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Energy by operand: a term's own where it names one, else its part's; the rest is shared."""
    operands: dict[str, float] = {}
    for (part, term), energy in terms.items():
        named = next((x for x in _TERM_OPERANDS if term.startswith(x)), "")
        operand = {"activation": "input", "threshold": "output"}.get(named, named)
        operand = operand or PARTS[part].operand or "shared"
        operands[operand] = operands.get(operand, 0.0) + energy
    return operands


__all__ = ["splits"]
