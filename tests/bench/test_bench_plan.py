"""Which sizes and which ways: parsed, refused, ordered; ratios and percentiles by hand."""

import pytest
from cells import made_cell

from fakemamba.bench.backends import backend, lacking
from fakemamba.bench.plan import Point, duration_words, numbers, points, thread_counts
from fakemamba.bench.records import compare, timing
from fakemamba.errors import ConfigError


def test_one_thing_varies_at_a_time_around_the_base():
    found = points((1.0, 4.0, 60.0), (1, 8), (1, 2), every=False, base=4.175)
    assert found == [
        Point(1.0, 1, 2, "pass"),
        Point(4.0, 1, 1, "pass"),
        Point(4.0, 1, 2, "pass"),
        Point(4.0, 8, 2, "pass"),
        Point(60.0, 1, 2, "windows"),
    ]


def test_the_grid_holds_all_but_batches_of_recordings():
    found = points((1.0, 60.0), (1, 8), (1, 2), every=True, base=4.0)
    assert len(found) == 4 + 2
    assert {point.batch for point in found if point.how == "windows"} == {1}


def test_the_base_is_no_long_recording_where_a_clip_is_there():
    found = points((0.5, 60.0), (1,), (1, 2), every=False, base=40.0)
    assert Point(0.5, 1, 1, "pass") in found
    assert Point(60.0, 1, 1, "windows") not in found


def test_recordings_alone_are_measured_too():
    assert points((60.0,), (1,), (1,), every=False, base=4.0) == [Point(60.0, 1, 1, "windows")]


@pytest.mark.parametrize("text", ["", "a", "1,,2", "0", "-1", "nan", "inf", "1e9"])
def test_durations_that_are_none(text):
    with pytest.raises(ConfigError, match="--durations"):
        numbers(text, "--durations")


def test_numbers_are_kept_once_and_in_order():
    assert numbers("4, 0.5,4", "--durations") == (4.0, 0.5)
    with pytest.raises(ConfigError, match="whole numbers"):
        numbers("1.5", "--batch", whole=True)


def test_threads():
    assert thread_counts("all,1", 4) == (1, 4)
    assert thread_counts("1,2,all", 2) == (1, 2)
    with pytest.raises(ConfigError, match=r"from 1 to 2 .*, or all"):
        thread_counts("3", 2)
    with pytest.raises(ConfigError, match="or all"):
        thread_counts("many", 2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "0.5 s"), (4.175, "4.175 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (7200, "2 h")],
)
def test_durations_in_words(seconds, words):
    assert duration_words(seconds) == words


def test_back_ends_by_name():
    assert backend("torch").scan == "auto"
    assert backend("torch+reference").title == "PyTorch, float32, scan step by step"
    assert backend("torch-bf16+chunked").engine.precision == "bf16"
    for name in ("cuda", "onnx+chunked", "torch+fast", "torch+", ""):
        with pytest.raises(ConfigError, match="is unknown"):
            backend(name)


def test_what_a_back_end_lacks(monkeypatch):
    assert lacking(backend("torch+chunked"), scans=False, device="cpu") == "the model has no scan"
    assert lacking(backend("onnx"), scans=True, device="cuda") == "ONNX Runtime is used on the CPU alone"
    assert lacking(backend("torch"), scans=True, device="cpu") is None
    assert "needs a GPU" in (lacking(backend("torch+triton"), scans=True, device="cpu") or "")
    monkeypatch.setattr(
        "fakemamba.bench.backends.find_spec", lambda name: name if name in ("torch", "triton") else None
    )
    assert lacking(backend("torch+triton"), scans=True, device="cuda:1") is None
    wanted = "mamba_ssm is not installed: pip install mamba-ssm"
    assert lacking(backend("torch+mamba_ssm"), scans=True, device="cuda") == wanted
    monkeypatch.setattr("fakemamba.bench.backends.find_spec", lambda name: None)
    assert "fakemamba[torch]" in (lacking(backend("torch"), scans=True, device="cpu") or "")
    assert lacking(backend("onnx"), scans=True, device="cpu") is None


def test_percentiles_by_hand():
    found = timing([float(n) for n in range(1, 102)], seconds=2.0, batch=5, joules=50.5, facts={"load_s": 1.0})
    assert (found.p5, found.p50, found.p95, found.p99, found.mean) == (6, 51, 96, 100, 51)
    assert found.rtf == pytest.approx(0.0051)  # 51 ms for 10 s of audio
    assert found.throughput == pytest.approx(196.08, rel=1e-4)  # 1010 s of audio in 5.151 s
    assert found.joules == pytest.approx(0.05)
    assert found.peak_mb is None


def test_ratios_are_taken_round_by_round():
    # Round 1: 4 times faster; 2: the machine is busy, both take twice as long, the ratio stands; 3: 2 times.
    ours, theirs = [[10.0, 10.0, 99.0], [20.0], [10.0]], [[40.0], [80.0], [20.0]]
    assert compare(ours, theirs, seconds=1.0, reference_seconds=1.0) == (4.0, 3.0, 4.0)
    assert compare(ours, theirs, seconds=10.0, reference_seconds=1.0) == (40.0, 30.0, 40.0)


def test_a_cell_survives_its_json():
    cell = made_cell()
    assert type(cell).model_validate_json(cell.model_dump_json()) == cell
