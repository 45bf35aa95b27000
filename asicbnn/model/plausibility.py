"""Predictions that no published digital design comes near, and that therefore deserve doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asicbnn.model.assumptions import assumptions

DATAPATH = ("array", "post")
"""Parts that compute; published datapath figures leave the others out."""

_TOPS_PER_W_OF_OPS_PER_FJ = 1e3


def beyond_belief(totals: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for an efficiency beyond the records, of the whole or of its datapath."""
    known = assumptions()
    datapath_fj = sum(totals[f"{part}_energy_fj"] for part in DATAPATH)
    found = [("", totals["efficiency_tops_per_w"], known.efficiency_record_tops_per_w)]
    if datapath_fj:
        datapath = 2 * totals["macs"] / datapath_fj * _TOPS_PER_W_OF_OPS_PER_FJ
        found.append((" of the datapath alone", datapath, known.datapath_record_tops_per_w))
    for what, efficiency, record in found:
        if efficiency > record.value:
            yield f"{efficiency:,.0f} TOPS/W{what} is hard to believe: {record.note}"


__all__ = ["DATAPATH", "beyond_belief"]
