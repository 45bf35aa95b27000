"""Made-up tables with the columns of real ones, for figures, tables and pages."""

from __future__ import annotations

import numpy as np
import pandas as pd

from asicbnn.result import METRICS, PARTS

CYCLES = {
    "compute_cycles": 1.0, "prologue_cycles": 0.02, "l0_stall_cycles": 0.15,
    "output_stall_cycles": 0.05, "dma_stall_cycles": 0.3, "swap_cycles": 0.01,
    "drain_cycles": 0.004, "configuration_cycles": 0.03, "io_cycles": 0.08,
}  # fmt: skip
WEIGHT_OF_PART = {
    "array": 9, "post": 0.6, "control": 1.5, "dma": 0.7, "clock": 3, "weight_buffer": 22,
    "input_buffer": 7, "psum_buffer": 5, "threshold_buffer": 0.4, "pool_buffer": 0.8,
    "store_weight": 12, "store_activation": 4, "link": 0.9, "external": 0, "io": 2.5,
    "leakage": 3,
}  # fmt: skip
DATAFLOWS = (
    "output_stationary", "weight_stationary", "input_stationary", "row_stationary",
    "no_local_reuse",
)  # fmt: skip


def rows(count: int, seed: int = 0) -> pd.DataFrame:
    """Every metric of `count` made-up design points, consistent in its sums."""
    rng = np.random.default_rng(seed)

    def spread(scale, width=0.5):
        return scale * np.exp(rng.normal(0, width, count))

    table = pd.DataFrame(index=range(count))
    for name, share in CYCLES.items():
        table[name] = (spread(2e5 * share)).astype(np.int64)
    table["cycles"] = table[list(CYCLES)].sum(axis=1)
    table["steps"] = table["compute_cycles"]
    table["macs"] = 600_000_000
    table["binary_macs"] = 640_000_000
    table["useful_binary_macs"] = 620_000_000
    for name, metric in METRICS.items():
        if metric.unit in ("access", "word"):
            table[name] = spread(1e5).astype(np.int64)
    for name, part in PARTS.items():
        table[f"{name}_energy_fj"] = spread(WEIGHT_OF_PART[name] * 4e7, 0.25)
        if part.has_area:
            table[f"{name}_area_um2"] = spread(WEIGHT_OF_PART[name] * 2e4)
    for kind in ("logic", "memory"):
        of_kind = [name for name, part in PARTS.items() if part.kind == kind]
        for what in ("energy_fj", "area_um2"):
            table[f"{kind}_{what}"] = table[[f"{name}_{what}" for name in of_kind]].sum(axis=1)
    table["energy_fj"] = table[[f"{name}_energy_fj" for name in PARTS]].sum(axis=1)
    table["onchip_energy_fj"] = table["energy_fj"] - table[
        ["external_energy_fj", "io_energy_fj"]
    ].sum(axis=1)
    table["area_um2"] = table["logic_area_um2"] + table["memory_area_um2"]
    table["period_ps"] = spread(2500.0)
    return with_merit(table)


def with_merit(table: pd.DataFrame) -> pd.DataFrame:
    """Add the figures of merit that follow from cycles, energy, area and period."""
    seconds = table["cycles"] * table["period_ps"] * 1e-12
    table["clock_mhz"] = 1e6 / table["period_ps"]
    table["latency_ms"] = seconds * 1e3
    table["power_mw"] = table["energy_fj"] * 1e-12 / seconds
    table["energy_per_inference_uj"] = table["energy_fj"] * 1e-9
    table["inferences_per_s"] = 1 / seconds
    table["throughput_tops"] = 2 * table["macs"] / seconds * 1e-12
    table["efficiency_tops_per_w"] = 2 * table["macs"] / (table["energy_fj"] * 1e-15) * 1e-12
    table["density_tops_per_mm2"] = table["throughput_tops"] / (table["area_um2"] * 1e-6)
    table["utilisation"] = table["compute_cycles"] / table["cycles"] * 0.9
    return table


def named(table: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """Put naming columns before the metrics."""
    names = pd.DataFrame(columns, index=table.index)
    return pd.concat([names, table], axis=1)


def sweep_table(count: int = 400, workloads: int = 1) -> pd.DataFrame:
    """A sweep of three technologies."""
    names = ["binarynet_cifar10", "digits_mlp", "finn_cnv"][:workloads]
    parts = []
    for technology, energy, area, period in (
        ("sky130hd", 1, 1, 1), ("asap7", 0.04, 0.015, 0.2), ("ihp_sg13g2", 0.7, 1.9, 0.8),
    ):  # fmt: skip
        for number, workload in enumerate(names):
            table = rows(count // 3 // workloads, seed=number + round(10 * energy))
            for name in table:
                factor = energy if "energy_fj" in name else area if "area_um2" in name else 1
                table[name] *= factor
            table["period_ps"] *= period
            table = with_merit(table)
            accelerators = [f"edge64_{i}" for i in range(len(table))]
            parts.append(
                named(table, accelerator=accelerators, workload=workload, technology=technology)
            )
    return pd.concat(parts, ignore_index=True)


def dataflow_table() -> pd.DataFrame:
    """The five dataflows of one accelerator."""
    return named(
        rows(5, seed=3), accelerator="edge64", workload="binarynet_cifar10",
        technology="sky130hd", dataflow=DATAFLOWS,
    )  # fmt: skip


def layer_table(count: int = 9) -> pd.DataFrame:
    """The layers of one estimate, convolutions first."""
    table = rows(count, seed=5)
    sizes = np.geomspace(1, 0.05, count)
    for name in table:
        if METRICS[name].is_count:
            table[name] = (table[name] * sizes).astype(np.int64)
    table["cycles"] = table[list(CYCLES)].sum(axis=1)
    layers = [f"conv{i + 1}" if i < count - 3 else f"fc{i + 4 - count}" for i in range(count)]
    return named(
        table, accelerator="edge64", workload="binarynet_cifar10", technology="sky130hd",
        layer=layers,
    )  # fmt: skip
