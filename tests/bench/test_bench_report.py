"""Tables and plots of made-up cells."""

import pytest
from cells import made_cell, made_timing

from fakemamba.bench.records import Skip
from fakemamba.bench.report import document, in_order, markdown, notes, tables
from fakemamba.bench.store import machine, machine_words

MACHINE = {
    "quick": False, "processor": "Chip", "cores": 4, "usable_cores": 2, "instructions": ["AVX2"], "memory_gb": 8.0,
    "system": "Linux 6 x86_64", "versions": {"fakemamba": "1"},
}  # fmt: skip


def test_a_table_shows_the_reference_first_and_units_in_the_head():
    [table] = tables([made_cell("onnx", rtf=0.2, scan="onnx"), made_cell("torch-bf16", rtf=0.05)])
    assert table.title == "small: whole clips in one pass of the model"
    assert table.head[:8] == ("clip", "batch", "threads", "back-end", "RTF", "p50 ms", "p95 ms", "p99 ms")
    assert [row[3] for row in table.rows] == [
        "reference: PyTorch, float32, scan step by step",
        "PyTorch, bfloat16, scan Numba",
        "ONNX Runtime, float32",
    ]
    assert table.rows[0][4:7] == ("1", "4 000", "4 800")
    assert table.rows[1][4:] == ("0.05", "200", "240", "300", "20", "100", "20 (18–22)", "1e-06")


def test_energy_and_gpu_have_columns_where_something_was_told():
    plain = tables([made_cell()])[0].head
    assert "J/s of audio" not in plain
    assert "GPU MB" not in plain
    timing = made_timing().model_copy(update={"joules": 0.25, "gpu_peak_mb": 512.0})
    [table] = tables([made_cell(timing=timing)])
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert (row["J/s of audio"], row["GPU MB"]) == ("0.25", "512")


def test_unknown_memory_and_a_missing_reference_stay_empty():
    [table] = tables([made_cell(timing=made_timing(peak=None), reference=None)])
    [row] = table.rows
    cells = dict(zip(table.head, row, strict=True))
    assert (cells["memory MB"], cells["faster"], cells["score"]) == ("", "", "")


def test_the_order_does_not_depend_on_how_cells_came():
    cells = [made_cell(name, seconds) for seconds in (60.0, 1.0) for name in ("onnx", "torch", "torch+chunked")]
    names = [(cell.seconds, cell.backend) for cell in in_order(cells)]
    assert names[:3] == [(1.0, "torch+chunked"), (1.0, "torch"), (1.0, "onnx")]
    assert in_order(reversed(cells)) == in_order(cells)


def test_encoders_stand_in_a_row_each_and_keep_the_figures_order():
    cells = [
        made_cell("torch", seconds, "encoder", model=model, random_weights=True, parameters=2_188_368, rtf=0.1)
        for model in ("Transformer", "PN-BiMamba")
        for seconds in (1.0, 30.0)
    ]
    [table] = tables(cells)
    assert table.head == ("encoder", "parameters", "1 s", "30 s")
    assert table.rows[0] == ("PN-BiMamba", "2.19 M", "0.1 (10x)", "0.1 (10x)")
    assert table.rows[-1] == ("PN-BiMamba, scan step by step (reference)", "", "1", "1")


def test_the_share_of_an_encoder_is_told_where_both_were_measured():
    cells = [
        made_cell("torch", 4.0, "encoder", model="PN-BiMamba", rtf=0.01),
        made_cell("torch", 4.0, "encoder", model="XLS-R + PN-BiMamba", rtf=0.1),
        made_cell("torch", 4.0, "encoder", model="XLS-R + Conformer", rtf=0.1),
    ]
    shares = [note for note in notes(cells, MACHINE, []) if note.startswith("Share")]
    assert shares == ["Share of PN-BiMamba (PyTorch, float32) in the time with XLS-R: 10.0% at 4 s."]


def test_markdown_is_whole():
    skip = Skip(model="small", backend="onnx", size="2 sizes", reason="no file")
    text = markdown([made_cell(random_weights=True)], MACHINE, [skip])
    assert "**small (random weights): whole clips in one pass of the model**" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1
    assert "Machine: Chip, 4 cores, 2 usable (AVX2), 8 GB of memory; Linux 6 x86_64; fakemamba 1." in text
    assert "Not measured: small, onnx, 2 sizes: no file." in text


def test_quick_numbers_say_so():
    assert notes([made_cell()], {**MACHINE, "quick": True}, [])[0].startswith("QUICK: too few calls")


def test_the_machine_is_described():
    found = machine(quick=False, device="cpu")
    assert found["usable_cores"] <= found["cores"]
    assert {"fakemamba", "python", "numpy", "onnxruntime"} <= set(found["versions"])
    assert found["processor"] in machine_words(found)
    assert machine_words({**MACHINE, "instructions": None, "memory_gb": None}).startswith(
        "Chip, 4 cores, 2 usable (unknown"
    )
    found = document(found, {}, [made_cell()], [])
    assert set(found) == {"format", "machine", "settings", "cells", "skipped"}


def test_plots_of_all_kinds():
    pytest.importorskip("matplotlib")
    from fakemamba import plots
    from fakemamba.bench.pictures import pictures

    cells = [made_cell(name, seconds) for name in ("torch", "onnx") for seconds in (1.0, 4.0)]
    cells += [made_cell(name, seconds, "windows") for name in ("torch", "onnx") for seconds in (60.0, 600.0)]
    cells += [made_cell("torch", 1.0, batch=8), made_cell("torch", 1.0, reference=None, model="no reference")]
    cells += [made_cell("torch", s, "encoder", model=m) for m in ("PN-BiMamba", "Conformer") for s in (1.0, 30.0)]
    cells += [made_cell("torch", s, "encoder", model="XLS-R + PN-BiMamba") for s in (1.0, 30.0)]
    found = pictures([cell for cell in cells if cell.batch == 1], quick=False)
    assert set(found) == {
        "rtf-small.png", "recordings-small.png", "memory-small.png", "faster-small.png",
        "encoders.png", "encoders-with-xls-r.png",
    }  # fmt: skip
    axes = found["rtf-small.png"].axes[0]
    assert axes.get_legend_handles_labels()[1] == ["reference", "PyTorch, float32", "ONNX Runtime, float32"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4"]
    assert "MINIATURE" in plots.svg(pictures(cells, quick=True)["encoders.png"])
