"""Figures: named axes, honest numbers, the same bytes each time."""

import numpy as np
import pytest

from fakemamba import plots
from fakemamba.errors import MissingExtraError
from fakemamba.metrics import curve, probit, reliability

pytest.importorskip("matplotlib")
LABELS = np.repeat([0, 1], 200)
SCORES = np.random.default_rng(0).normal(LABELS * 2.0)


def every():
    rows = plots.Series("mine", [0.1, 0.2, None], [0.05, 0.1, None], [0.2, 0.4, None])
    return {
        "det": plots.det({"mine": curve(SCORES, LABELS), "other": curve(-SCORES, LABELS)}),
        "histogram": plots.histogram(SCORES, LABELS, threshold=1.0),
        "named": plots.lines(["a", "b", "c"], [rows, rows], x="Duration", y="EER, %", percent=True),
        "numbers": plots.lines([1.0, 2.0, 5.0], [rows], x="Length, s", y="RTF"),
        "bars": plots.bars(["a", "b $x$", "c" * 50], [rows, rows], x="EER, %"),
        "calibration": plots.calibration(reliability(1 / (1 + np.exp(-SCORES)), LABELS)),
    }


@pytest.mark.parametrize("name", every())
def test_axes_are_named_and_bytes_are_the_same_each_time(name):
    figure = every()[name]
    assert figure.axes[-1].get_xlabel()
    assert figure.axes[0].get_ylabel() or name == "bars"
    text = plots.svg(figure)
    assert text == plots.svg(every()[name])
    assert text.count("<svg") == 1
    assert "<script" not in text


def test_a_det_curve_meets_its_diagonal_at_the_equal_error_rate():
    figure = plots.det({"mine": curve(SCORES, LABELS)})
    x, y = figure.axes[0].lines[0].get_data()
    at = np.argmin(np.abs(np.asarray(x) - y))
    from fakemamba.metrics import eer

    assert x[at] == pytest.approx(float(probit([eer(SCORES, LABELS).value])[0]), abs=0.05)


def test_perfect_and_constant_scores_can_be_drawn():
    for scores in (LABELS, np.zeros(400)):
        plots.svg(plots.det({"x": curve(scores, LABELS)}))
        plots.svg(plots.histogram(scores, LABELS))


def test_files_are_written_whole(tmp_path):
    for name in ("a.png", "a.svg", "a.pdf"):
        plots.save(every()["bars"], tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert len(list(tmp_path.iterdir())) == 3


def test_without_matplotlib_the_install_command_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fakemamba\[plot\]'"):
        plots.histogram(SCORES, LABELS)
