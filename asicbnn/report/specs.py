"""What a spec file means, as tables and as JSON: its fields with defaults, and what follows."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text

from asicbnn.mapping.layout import layout
from asicbnn.report.memories import accelerator_json, accelerator_table
from asicbnn.report.tables import add, not_covered, notes, plain_table
from asicbnn.result import uncovered_json
from asicbnn.spec.accelerator import Accelerator, to_yaml
from asicbnn.spec.lowering import lower
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.spec.sweep import Sweep
from asicbnn.spec.workload import Workload

_MEMORY_KIB = 8192
Fact = tuple[str, int | float, str]


def as_json(spec: BaseModel) -> dict[str, Any]:
    """Return a spec's fields, and what follows from them, as a JSON object."""
    fields = {"kind": _kind(spec), "fields": spec.model_dump(mode="json")}
    if isinstance(spec, Accelerator):
        facts = {name: value for name, value, _ in accelerator_facts(spec)}
        return {
            **fields,
            "derived": {name.replace(" ", "_"): value for name, value in facts.items()},
            "memories": accelerator_json(spec),
        }
    if isinstance(spec, Workload):
        lowered = lower(spec)
        return {
            **fields,
            "covered": [layer.name for layer in lowered.layers],
            "not_covered": [uncovered_json(layer) for layer in lowered.not_covered],
        }
    return {**fields, "count": spec.count} if isinstance(spec, Sweep) else fields


def as_tables(spec: BaseModel) -> RenderableType:
    """Return a spec as a reader wants to see it."""
    if isinstance(spec, Accelerator):
        facts = _facts_table(spec)
        return Group(_yaml(to_yaml(spec)), Text(), facts, Text(), accelerator_table(spec))
    if isinstance(spec, Workload):
        return _workload(spec)
    if isinstance(spec, Sweep):
        return _sweep(spec)
    return _yaml(_dump(spec))


def _kind(spec: BaseModel) -> str:
    return "mapping" if isinstance(spec, MappingFile) else type(spec).__name__.lower()


def _yaml(text: str) -> Text:
    return Syntax("", "yaml", background_color="default").highlight(text.rstrip())


def _dump(spec: BaseModel) -> str:
    import yaml

    value = spec.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=100)


def accelerator_facts(accelerator: Accelerator) -> list[Fact]:
    """Return what follows from an accelerator's fields: (name, value, unit)."""
    lay = layout(accelerator)
    buffers = accelerator.buffers
    weight_links = lay.links_per_weight * lay.link_bits
    return [
        ("PEs", lay.pes, ""),
        ("lanes per PE", lay.lanes, ""),
        ("peak", 2 * lay.pes * lay.lanes, "op/cycle"),
        ("accumulator", lay.psum_bits, "bit"),
        *(
            (f"largest fan in at {bits} bit", accelerator.largest_fan_in(bits), "products")
            for bits in dict.fromkeys((1, accelerator.limits.activation_bits))
        ),
        ("weight word", lay.weight_word_bits, "bit"),
        ("cycles to read a weight word", lay.weight_slots, ""),
        ("weight buffer", buffers.weight.words * lay.weight_word_bits / _MEMORY_KIB, "KiB"),
        ("input word", lay.input_word_bits, "bit"),
        ("cycles to read an input word", lay.input_word_slots, ""),
        ("input buffer", buffers.input.words * lay.input_word_bits / _MEMORY_KIB, "KiB"),
        ("psum word", lay.psum_word_bits, "bit"),
        ("psum buffer", buffers.psum.words * lay.psum_word_bits / _MEMORY_KIB, "KiB"),
        ("weight bank", lay.weight_bank_words, "link word"),
        ("each activation bank", lay.activation_bank_words, "link word"),
        ("share of a link word a weight word uses", lay.weight_word_bits / weight_links, ""),
        ("host link words per store link word", lay.host_beats, ""),
    ]


def _facts_table(accelerator: Accelerator) -> RenderableType:
    table = plain_table("what follows", ["", "value", ""])
    for name, value, unit in accelerator_facts(accelerator):
        add(table, name, f"{value:,}" if isinstance(value, int) else f"{value:.4g}", Text(unit))
    return table


def _workload(workload: Workload) -> RenderableType:
    lowered = lower(workload)
    title = f"{workload.name}: {workload.title}" if workload.title else workload.name
    headings = ["layer", "input", "kernel", "output", "pool", "bits W, A", "weights", "MACs"]
    table = plain_table(title, headings, words=2)
    for layer in lowered.layers:
        add(
            table,
            layer.name,
            f"{layer.in_y} x {layer.in_x} x {layer.in_channels}",
            f"{layer.kernel_y} x {layer.kernel_x}" + (f" / {layer.stride}" * (layer.stride > 1)),
            f"{layer.stored_y} x {layer.stored_x} x {layer.out_channels}",
            str(layer.pool) if layer.pool > 1 else "",
            f"{layer.weight_bits}, {layer.activation_bits}",
            f"{layer.out_channels * layer.fan_in:,}",
            f"{layer.macs:,}",
        )
    weights = sum(layer.out_channels * layer.fan_in for layer in lowered.layers)
    table.add_section()
    add(
        table,
        "total",
        "",
        "",
        "",
        "",
        "",
        f"{weights:,}",
        f"{lowered.covered_macs:,}",
        style="bold",
    )
    shown: list[RenderableType] = [table]
    if lowered.not_covered:
        shown += [Text(), not_covered(lowered.not_covered)]
    if not lowered.is_executable:
        shown += [Text(), Text(f"simulate and verify refuse this network: {lowered.reason}")]
    if lowered.remarks:
        shown += [Text(), notes(lowered.remarks)]
    return Group(*shown)


def _sweep(sweep: Sweep) -> RenderableType:
    points = sweep.count * len(sweep.workloads)
    table = plain_table(
        f"{sweep.name}: {points:,} design points", ["axis", "values", "count"], words=2, sentence=1
    )
    axes: dict[str, tuple[Any, ...]] = {
        "workload": sweep.workloads,
        "technology": sweep.technologies,
        "dataflow": sweep.dataflows,
        **sweep.axes,
    }
    for name, values in axes.items():
        if values:
            add(table, name, ", ".join(map(str, values)), f"{len(values)}")
    return table
