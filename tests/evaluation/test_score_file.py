"""scores.tsv: what is written is read, a broken end heals, and nothing foreign is mixed in."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation_makers import dataset, detector, write_clips
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from fakemamba.data.dataset import COLUMNS, Dataset, Utterance
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation import score_dataset
from fakemamba.evaluation.clips import FIELDS, Origin, ScoredClip, cells, nameable, read_clips, read_origin, row
from fakemamba.evaluation.score_file import ScoreFile
from fakemamba.evaluation.unscored import Unscored, read_unscored, write_unscored

ORIGIN = Origin("mine", model="m", model_sha256="ab", protocol="fixed", precision="fp32", threshold=0.5)
text = st.text(st.characters(codec="utf-8"), max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
clips = st.builds(
    ScoredClip,
    st.builds(
        Utterance,
        text.filter(bool),
        st.just(Path("x/y z.wav")),
        st.sampled_from([0, 1]),
        text,
        **{name: text for name in COLUMNS if name != "corpus"},
        seconds=st.none() | st.sampled_from([0.5, 3.0]),
        frames=st.none() | st.just(Path("f.npy")),
    ),
    finite,
    st.none() | finite,
    st.sampled_from([None, "real", "fake", "unsure"]),
)


def clip(name: str = "a", score: float = 1.25, **more) -> ScoredClip:
    return ScoredClip(Utterance(name, Path(f"{name}.wav"), 1, "mine", seconds=2.0), score, **more)


@given(clips)
def test_what_a_row_can_hold_is_read_as_it_was(tmp_path_factory, written):
    if not nameable(written.utterance):
        return
    path = tmp_path_factory.mktemp("rows") / "scores.tsv"
    path.write_bytes(row(FIELDS) + row(cells(written)))
    assert read_clips(path) == [written]


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\u2028b", "a\rb", "a\udcff"])
def test_names_that_would_break_the_table_are_known(name):
    assert not nameable(clip(name).utterance)
    assert nameable(clip("ünï код 'x'").utterance)


def test_windows_survive(tmp_path):
    located = clip(windows=(1.0, -0.25), hop=0.5, window=2.0)
    with ScoreFile(tmp_path, ORIGIN) as file:
        file.add([located])
    assert read_clips(tmp_path / "scores.tsv") == [located]


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_broken_last_row_is_cut_off_and_the_rest_stays(tmp_path, cut):
    with ScoreFile(tmp_path, ORIGIN) as file:
        file.add([clip("a"), clip("b")])
    path = tmp_path / "scores.tsv"
    path.write_bytes(path.read_bytes()[:-cut])
    assert [c.utterance.id for c in read_clips(path)] == ["a"]
    with ScoreFile(tmp_path, ORIGIN) as file:
        assert [c.utterance.id for c in file.clips] == ["a"]
        file.add([clip("b")])
    assert [c.utterance.id for c in read_clips(path)] == ["a", "b"]


def test_a_broken_header_is_written_again(tmp_path):
    with ScoreFile(tmp_path, ORIGIN):
        pass
    (tmp_path / "scores.tsv").write_bytes(b"id\tsco")
    with ScoreFile(tmp_path, ORIGIN) as file:
        file.add([clip()])
    assert len(read_clips(tmp_path / "scores.tsv")) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_sha256": "cd"}, "another model"),
        ({"protocol": "whole"}, r"another protocol \(fixed, now whole\)"),
        ({"precision": "bf16"}, r"another precision \(fp32, now bf16\)"),
        ({"dataset": "yours"}, "another dataset"),
        ({"threshold": 0.6}, "another threshold"),
    ],
)
def test_scores_of_another_origin_are_refused(tmp_path, change, message):
    with ScoreFile(tmp_path, ORIGIN) as file:
        file.add([clip()])
    with pytest.raises(DataError, match=message):
        ScoreFile(tmp_path, replace(ORIGIN, **change))
    with ScoreFile(tmp_path, replace(ORIGIN, version="9.9")) as file:  # another release goes on
        assert len(file.clips) == 1


def test_two_runs_at_once_are_refused(tmp_path):
    pytest.importorskip("fcntl")
    with ScoreFile(tmp_path, ORIGIN), pytest.raises(DataError, match="another run is writing"):
        ScoreFile(tmp_path, ORIGIN)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (row(FIELDS) + row(cells(clip())) * 2, "a stands there twice"),
        (row(FIELDS) + b"a\t1\n", r"line 2: 2 columns, not 18"),
        (row(FIELDS) + row(cells(clip())).replace(b"1.25", b"nan"), "the score is nan"),
        (row(FIELDS) + row(cells(clip())).replace(b"bonafide", b"maybe"), "is damaged"),
        (b"a 1.0\n", "not a score file of fakemamba evaluate"),
        (b"\xff\xfe", "it is not text"),
    ],
)
def test_damaged_files_are_told_in_one_line(tmp_path, content, message):
    path = tmp_path / "scores.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_clips(path)


def test_scores_without_their_origin_are_not_continued(tmp_path):
    (tmp_path / "scores.tsv").write_bytes(row(FIELDS))
    with pytest.raises(DataError, match=r"scores\.json is missing"):
        ScoreFile(tmp_path, ORIGIN)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        ScoreFile(tmp_path / "file", ORIGIN)


# A run that kills itself, as no handler can see, when its n-th batch is two thirds written.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {tests!r} + "/evaluation"]
from evaluation_makers import dataset, detector
from fakemamba.evaluation import score_dataset, scoring
from fakemamba.evaluation.score_file import ScoreFile

whole, calls = ScoreFile.add, []
def add(self, clips):
    calls.append(1)
    before = os.path.getsize(self._file.name)
    whole(self, clips)
    if len(calls) == {after}:
        os.truncate(self._file.name, before + (os.path.getsize(self._file.name) - before) * 2 // 3)
        os.kill(os.getpid(), signal.SIGKILL)
ScoreFile.add = add
scoring._PILE_CLIPS = 2
score_dataset(detector(), dataset(Path({root!r})), folder=Path({out!r}), batch=2)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_and_no_row_is_lost_or_doubled(tmp_path):
    root, out = write_clips(tmp_path / "data", real=5, fake=5), tmp_path / "out"
    once = score_dataset(detector(), dataset(root), folder=tmp_path / "once")
    for after in (1, 2, 3):
        code = KILLED.format(tests=str(ROOT / "tests"), root=str(root), out=str(out), after=after)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (out / "scores.tsv").read_bytes().endswith(b"\n")
    again = score_dataset(detector(), dataset(root), folder=out)
    assert 0 < again.resumed < 10
    assert again.clips == once.clips
    lines = [sorted((folder / "scores.tsv").read_bytes().splitlines()) for folder in (out, tmp_path / "once")]
    assert lines[0] == lines[1]


def test_a_run_that_is_done_scores_nothing_again(tmp_path):
    root = write_clips(tmp_path / "data")
    score_dataset(detector(), dataset(root), folder=tmp_path / "out")
    second = detector()
    result = score_dataset(second, dataset(root), folder=tmp_path / "out")
    assert second.scorer.shapes == []
    assert (result.resumed, len(result.clips)) == (6, 6)
    fewer = Dataset("mine", dataset(root).utterances[:2])
    assert score_dataset(second, fewer, folder=tmp_path / "out").foreign == 4


def test_clips_without_a_score_are_kept_beside(tmp_path):
    clips = [Unscored("a\tb", "x/a\tb", 1, 'it says "no"'), Unscored("c", "c.wav", 0, "gone")]
    write_unscored(tmp_path, clips)
    kept = read_unscored(tmp_path)
    assert [(one.label, one.reason) for one in kept] == [(one.label, one.reason) for one in clips]
    assert kept[1] == clips[1]
    write_unscored(tmp_path, [])
    assert read_unscored(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "unscored.tsv").write_text("id\tpath\tlabel\treason\nx\n")
    with pytest.raises(DataError, match="is damaged"):
        read_unscored(tmp_path)


def test_a_data_set_that_has_grown_goes_on(tmp_path):
    with ScoreFile(tmp_path, replace(ORIGIN, expected=1)) as file:
        file.add([clip()])
    with ScoreFile(tmp_path, replace(ORIGIN, expected=2)) as file:
        assert len(file.clips) == 1
    assert read_origin(tmp_path).expected == 2


def test_scores_from_before_precisions_were_told_go_on_but_in_bfloat16(tmp_path):
    with ScoreFile(tmp_path, ORIGIN) as file:
        file.add([clip()])
    told = json.loads((tmp_path / "scores.json").read_text())
    del told["precision"]
    (tmp_path / "scores.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match="another precision"):
        ScoreFile(tmp_path, replace(ORIGIN, precision="bf16"))
    with ScoreFile(tmp_path, replace(ORIGIN, precision="int8")) as file:
        assert len(file.clips) == 1
