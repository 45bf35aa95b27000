"""Makes the report of a folder: reads the tables in it, chooses figures, writes page and manifest.

Tables are told apart by their columns, so that whatever wrote them may name them freely:
`point` a sweep, `dataflow` without `layer` a comparison, `layer` layers, `model` and `hardware` a
verification.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from asicbnn.errors import SpecError
from asicbnn.mapping.layout import layout
from asicbnn.replacing import write_text
from asicbnn.report import plots
from asicbnn.report.needed import require
from asicbnn.report.page import Drawing, Grid, Page, Section, grid, manifest_of
from asicbnn.report.pareto_plot import pareto
from asicbnn.report.remarks import Remarks, remarks
from asicbnn.report.roofline import roofline
from asicbnn.report.style import plain, save
from asicbnn.report.summary import differing, summary, verdict
from asicbnn.report.ties import SHARED, shared, ties
from asicbnn.result import METRICS, Result, error_column, uncovered_json
from asicbnn.spec.accelerator import Accelerator
from asicbnn.sweep.files import read_table, write_table

PAGE, MANIFEST, FIGURES = "report.html", "manifest.json", "figures"
POINT_COLUMNS = (
    "latency_ms", "energy_per_inference_uj", "logic_area_um2", "memory_area_um2", "power_mw",
    "efficiency_tops_per_w", "utilisation",
)  # fmt: skip
DATAFLOW_COLUMNS = (
    "cycles", "utilisation", "latency_ms", "energy_per_inference_uj", "logic_energy_fj",
    "memory_energy_fj", "leakage_energy_fj",
)  # fmt: skip
_MOST_ROWS, _MOST_SERIES, _MOST_GROUPS = 25, 8, 4
_LABELS = ("layer", "dataflow", "point", "accelerator")
_NAMING = ("accelerator", "workload", "technology", "level")
_ERRORS = frozenset(map(error_column, METRICS))


@dataclass(frozen=True)
class Source:
    """A table of the folder, with the JSON file of the same name beside it, if there is one."""

    path: Path
    table: pd.DataFrame
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return self.path.stem


def report(folder: Path | str, *, title: str | None = None, formats: Sequence[str] = ()) -> Path:
    """Write `report.html` and `manifest.json` into a folder of tables; return the page.

    formats  formats in which the figures are also written to `figures/`: svg, pdf, png

    Raises SpecError if the folder holds no table this program wrote.
    """
    place = Path(folder)
    if not place.is_dir():
        raise SpecError(f"{place}: no such folder")
    sources = [source for path in sorted(place.glob("*.parquet")) for source in _sources(path)]
    sections = _unlike([x for source in _ordered(sources) for x in sections_of(source)])
    if not sections:
        raise SpecError(f"{place}: no tables in it; `asicbnn sweep` and `compare` write them")
    for drawing in (drawing for section in sections for drawing in section.figures if formats):
        save(drawing.figure, place / FIGURES / drawing.name, formats)
    sections.insert(0, summary([source.table for source in sources]))
    files = [source.path for source in sources]
    files += [facts for s in sources if (facts := s.path.with_suffix(".json")).exists()]
    manifest = manifest_of(files, place)
    page = Page(title or plain(place.resolve().name), _lead(sources), sections, manifest)
    write_text(place / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return write_text(place / PAGE, page.html())


def draw(kind: str, table: pd.DataFrame, *, x: str, y: str, by: str, label: str | None) -> Figure:
    """Return one figure of a table: pareto, energy, area, latency, dataflows or roofline.

    x, y, by  pareto: the two metrics, and the column that makes the series
    label     energy, area: the column that names the bars (default: what tells the rows apart)
    """
    if kind == "pareto":
        return pareto(table, x, y, by)
    if kind in ("energy", "area"):
        naming = [label] if label else [n for n in _LABELS if n in table]
        quantity = "energy_fj" if kind == "energy" else "area_um2"
        return plots.breakdown(table, (naming or ["accelerator"])[0], quantity)
    if kind == "roofline":
        require(table, ["peak_ops_per_cycle", "link_bits"])
        return _roofline(table)
    return plots.latency(table) if kind == "latency" else plots.dataflows(table)


def _roofline(table: pd.DataFrame) -> Figure:
    peak, link = table["peak_ops_per_cycle"].iloc[0], table["link_bits"].iloc[0]
    return roofline(table, peak_ops_per_cycle=float(peak), link_bits=int(link))


def write_comparison(
    accelerator: Accelerator, results: Mapping[str, Result], folder: Path | str
) -> tuple[Path, ...]:
    """Write a comparison: tables of totals and of the layers under the dataflow of least energy.

    results  dataflow -> what it costs
    """
    place = Path(folder)
    lay = layout(accelerator)
    totals = pd.concat(
        [r.totals_frame(errors=True).assign(dataflow=name) for name, r in results.items()],
        ignore_index=True,
    )
    written = [*write_table(totals, place / "dataflows")]
    flags = dict.fromkeys(flag for result in results.values() for flag in result.flags)
    written.append(_write_facts(place / "dataflows.json", flags=list(flags)))
    name, best = min(results.items(), key=lambda item: item[1].totals["energy_fj"])
    layers = best.to_frame(errors=True).assign(
        peak_ops_per_cycle=2 * lay.pes * lay.lanes, link_bits=lay.link_bits
    )
    uncovered = [uncovered_json(layer) for layer in best.not_covered]
    written += write_table(layers, place / f"layers_{name}")
    written.append(_write_facts(place / f"layers_{name}.json", not_covered=uncovered))
    return (*written, *save(plots.dataflows(totals), place / FIGURES / "dataflows-dataflows"))


def _write_facts(path: Path, **facts: Any) -> Path:
    return write_text(path, json.dumps(facts, indent=2) + "\n")


def _sources(path: Path) -> Iterator[Source]:
    table = read_table(path)
    beside = path.with_suffix(".json")
    facts = json.loads(beside.read_text("utf-8")) if beside.exists() else {}
    if len(table):
        yield Source(path, table, facts)


def _lead(sources: Sequence[Source]) -> str:
    tables = [source.table for source in sources]
    found = []
    for name in _NAMING:
        values = {str(v) for table in tables if name in table for v in table[name].unique()}
        plural = "technologies" if name == "technology" else f"{name}s"
        if values:
            shown = ", ".join(sorted(values)) if len(values) <= 4 else str(len(values))
            found.append(f"{plural if len(values) > 1 else name}: {shown}")
    return "; ".join(found)


def _ordered(sources: Sequence[Source]) -> list[Source]:
    """Return verifications first, then design spaces, comparisons and layers."""
    kinds = ("hardware", "point", "layer", "dataflow")

    def rank(source: Source) -> int:
        kind = next((name for name in kinds if name in source.table), "")
        return {"hardware": 0, "point": 1, "dataflow": 2, "layer": 3}.get(kind, 4)

    return sorted(sources, key=rank)


def _unlike(sections: Sequence[Section]) -> list[Section]:
    """Return sections whose titles, and with them their places in the page, differ."""
    seen: dict[str, int] = {}
    unlike = []
    for section in sections:
        count = seen[section.title] = seen.get(section.title, 0) + 1
        title = f"{section.title} ({count})" if count > 1 else section.title
        unlike.append(replace(section, title=title))
    return unlike


def sections_of(source: Source) -> list[Section]:
    """Return what the page says about one table."""
    columns = set(source.table.columns)
    kinds: list[tuple[set[str], Callable[[Source], Section]]] = [
        ({"model", "hardware"}, _verification),
        ({"point"}, _sweep),
        ({"layer"}, _layers),
        ({"dataflow"}, _comparison),
    ]
    return next(([make(source)] for needed, make in kinds if needed <= columns), [])


def _sweep(source: Source) -> Section:
    table = source.table
    has_front = "pareto" in table
    front = table[table["pareto"].astype(bool)] if has_front else table
    naming = [name for name in ("point", "workload", "technology", "level") if name in table]
    varied = [
        name for name in map(str, table.columns)
        if name not in METRICS and name not in _ERRORS
        and name not in (*naming, "accelerator", "pareto", "not_covered")
        and len(set(table[name].astype(str))) > 1
    ]  # fmt: skip
    told = [name for name in naming if name == "point" or len(set(table[name])) > 1]
    words = [*told, *varied]
    ordered = _records(front.sort_values([*naming[1:], "energy_per_inference_uj"]))
    tied = ties(ordered, _present(table))
    shown = tied[:_MOST_ROWS]
    caption = f"{len(front):,} of {len(table):,} points are on the front"
    caption += f"; the first {sum(map(len, shown))} of them" if len(shown) < len(tied) else ""
    caption += f"; {SHARED}" if len(tied) < len(ordered) else ""
    return Section(
        title=f"Design space: {plain(source.name)}",
        text=_sweep_text(source),
        figures=list(_sweep_figures(source, varied)),
        grids=[
            grid(
                [shared(group, words) for group in shown],
                [*words, *_present(table)],
                caption,
                words=len(words),
            )
        ],
        notes=_remarks(source).caveats,
        facts=_remarks(source).facts,
    )


def _sweep_figures(source: Source, varied: Sequence[str]) -> Iterator[Drawing]:
    table, name = source.table, source.name
    caption = "Every legal design point; large marks are not dominated in these two metrics."
    yield Drawing(f"{name}-area-energy", pareto(table), caption)
    axes = [axis for axis in varied if 1 < table[axis].nunique() <= _MOST_SERIES]
    series = next((axis for axis in axes if axis != "dataflow"), (axes or ["technology"])[0])
    groups = list(table.groupby(["workload", "technology"], sort=True))[:_MOST_GROUPS]
    for workload in dict.fromkeys(key[0] for key, _ in groups):
        rows = table[table["workload"] == workload]
        drawn = pareto(rows, x="latency_ms", by=series, panels="technology")
        caption = f"{workload}: energy over latency within each technology, by {series}."
        yield Drawing(f"{name}-{workload}-latency-energy", drawn, caption)
    for (workload, technology), rows in groups:
        stem, where = f"{name}-{workload}-{technology}", f"{workload} in {technology}"
        chosen = _extremes(rows)
        caption = f"{where}: energy of the design points with the least energy, latency and area."
        yield Drawing(f"{stem}-energy", plots.breakdown(chosen, label="design"), caption)
        areas = plots.breakdown(chosen, label="design", quantity="area_um2")
        yield Drawing(f"{stem}-area", areas, f"{where}: their area, before routing.")


def _extremes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the points of least energy, latency and area; one that is several stands once."""
    labels: dict[Any, list[str]] = {}
    for metric, word in (
        ("energy_per_inference_uj", "energy"), ("latency_ms", "latency"), ("area_um2", "area")
    ):  # fmt: skip
        labels.setdefault(rows[metric].idxmin(), []).append(word)
    chosen = rows.loc[list(labels)]
    designs = [f"{n}: least\n{' and '.join(labels[i])}" for i, n in chosen["point"].items()]
    return chosen.assign(design=designs)


def _present(table: pd.DataFrame) -> list[str]:
    return [name for name in POINT_COLUMNS if name in table]


def _sweep_text(source: Source) -> list[str]:
    text = [f"{len(source.table):,} legal design points were evaluated."]
    if refused := source.facts.get("refused", {}):
        text.append(f"{sum(refused.values()):,} more were refused. The most frequent reasons:")
        text += [f"{count:,}: {reason}" for reason, count in list(refused.items())[:3]]
    if objectives := source.facts.get("objectives"):
        names = ", ".join(METRICS[name].title.lower() for name in objectives)
        text.append(f"The front is taken over {names}, per workload and technology.")
    return text


def _comparison(source: Source) -> Section:
    table = source.table
    columns = ["dataflow", *(name for name in DATAFLOW_COLUMNS if name in table)]
    return Section(
        title=f"Dataflows: {_runs(table)}",
        text=["The same hardware runs the network in each order of loops."],
        figures=[
            Drawing(
                f"{source.name}-dataflows", plots.dataflows(table),
                "Cycles by what they are spent on, utilisation, accesses by memory, and energy.",
            ),
            Drawing(
                f"{source.name}-energy", plots.breakdown(table, label="dataflow"),
                "Energy by part: logic, memories and the rest in bars of their own.",
            ),
        ],
        grids=[grid(_records(table.assign(dataflow=table["dataflow"].map(plain))), columns,
                    "Totals over the layers this machine executes")],
        notes=_remarks(source).caveats,
        facts=_remarks(source).facts,
    )  # fmt: skip


def _layers(source: Source) -> Section:
    table = source.table
    figures = [
        Drawing(
            f"{source.name}-latency", plots.latency(table),
            "Cycles of each layer by what they are spent on.",
        )
    ]  # fmt: skip
    if {"peak_ops_per_cycle", "link_bits"} <= set(table.columns):
        caption = "Each layer under the ceilings of the array and of the store link."
        figures.append(Drawing(f"{source.name}-roofline", _roofline(table), caption))
    wanted = ("layer", "macs", "cycles", "utilisation", "latency_ms", "energy_fj")
    columns = [name for name in wanted if name in table]
    return Section(
        title=f"Layers: {_runs(table)}{_dataflow_of(source)}",
        figures=figures,
        grids=[grid(_records(table), columns, "Layer by layer")],
        notes=_not_covered(source),
    )


def _remarks(source: Source) -> Remarks:
    return remarks(source.facts.get("flags", ()))


def _not_covered(source: Source) -> list[str]:
    return [
        f"not covered: {layer['name']} ({layer['op']}): {layer['reason']}; "
        f"{layer['macs']:,} MACs and {layer['weights']:,} weights in no total"
        for layer in source.facts.get("not_covered", ())
    ]


def _verification(source: Source) -> Section:
    table = source.table
    different = differing(table)
    columns = [name for name in ("accelerator", "workload", "layer", "quantity") if name in table]
    shown = different if len(different) else _telling(table)
    rows = _records(shown.head(_MOST_ROWS))
    more = f"the first {_MOST_ROWS} of {len(shown):,} rows" if len(shown) > _MOST_ROWS else ""
    what = "Model against hardware"
    if len(shown) < len(table):
        what += ": what differs" if len(different) else ": cycles and output bits of each layer"
    caption = "; ".join(filter(None, [what, more]))
    body: Grid = grid(rows, [*columns, "model", "hardware"], caption, words=len(columns))
    named = {"verification": "Verification"}
    title = named.get(source.name, f"Verification: {plain(source.name)}")
    return Section(title=title, text=[verdict(table)], grids=[body])


def _telling(table: pd.DataFrame) -> pd.DataFrame:
    """Return cycles and bits of each layer: where all is equal, they stand for the rest."""
    if "quantity" not in table:
        return table
    found = table[table["quantity"].isin(["cycles", "output bits", "classes"])]
    return found if len(found) else table


def _runs(table: pd.DataFrame) -> str:
    """Return what a table is about: edge64 runs binarynet_cifar10 in sky130hd, level cell."""
    words = ("", " runs ", " in ", ", level ")
    found = [
        f"{word}{', '.join(map(str, table[name].unique()))}"
        for word, name in zip(words, _NAMING, strict=True)
        if name in table
    ]
    return "".join(found).strip()


def _dataflow_of(source: Source) -> str:
    return f", {plain(source.name.removeprefix('layers_'))}" if "_" in source.name else ""


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
