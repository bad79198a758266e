"""The data factory: steps that resume, edges and noise that don't tell, splices with exact marks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.builtin import heard, heldout, manifest, shortcuts, splice, status
from recipes.builtin.grammar import english
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.sampling import SHARES, group
from recipes.builtin.steps import Context, Step, named


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Wave:
    return np.random.default_rng(seed).normal(0, level, int(seconds * RATE)).astype(np.float32)


def clip(path: Path, wave: Wave, label: str = "bonafide", system: str = "human", source: str = "librispeech") -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, RATE)
    return Clip(str(path), label, "train", system, system, "s", "en", source, "CC0", len(wave) / RATE)


class Corpus(Context):
    """A context whose corpus is a few given clips."""

    given: tuple[Clip, ...] = ()

    def base(self) -> list[Clip]:
        return list(type(self).given)


def test_a_finished_part_is_read_and_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def make(context: Context, part: int) -> Iterator[Clip]:
        made.append(part)
        yield clip(context.work / "audio" / f"{part}.flac", noise(1.0))

    context, step, said = Context(tmp_path, tmp_path, 1), Step("lines", make, 3), list[str]()
    assert len(replace(step, only=(1,)).run(context, said.append)) == 1
    assert len(step.run(context, said.append)) == 3
    assert made == [1, 0, 2]
    assert len(context.clips("lines")) == 3
    assert said[-1].startswith("lines: 3 clips")
    assert "lines-02.tsv | 1 |" in (tmp_path / "STATUS.md").read_text()


def test_a_step_that_breaks_leaves_no_table(tmp_path: Path) -> None:
    def make(context: Context, part: int) -> Iterator[Clip]:
        yield clip(context.work / "a.flac", noise(1.0))
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        Step("broken", make).run(Context(tmp_path, tmp_path, 1), lambda _: None)
    assert not list(tmp_path.glob("*.tsv"))
    status.write(tmp_path)
    assert "In work: broken" in (tmp_path / "STATUS.md").read_text()


def test_steps_are_found_by_name_and_part() -> None:
    steps = [Step("a", lambda *_: [], 3), Step("b", lambda *_: [])]
    assert [(s.name, s.only) for s in named(steps, ["b", "a:2"])] == [("b", ()), ("a", (2,))]
    for wrong in ("c", "a:3", "a:x"):
        with pytest.raises(SystemExit, match=r"there are: a \(3 parts\), b"):
            list(named(steps, [wrong]))


def test_spans_are_kept_and_older_tables_have_none(tmp_path: Path) -> None:
    marked = replace(clip(tmp_path / "a.flac", noise(1.0), "spoof"), spans="0.200-0.700")
    manifest.write(tmp_path / "t.tsv", [marked])
    assert manifest.read(tmp_path / "t.tsv")[0].spans == "0.200-0.700"
    rows = [line.rsplit("\t", 1)[0] for line in (tmp_path / "t.tsv").read_text().splitlines()]
    (tmp_path / "t.tsv").write_text("\n".join(rows) + "\n")
    assert manifest.read(tmp_path / "t.tsv")[0].spans == ""


@pytest.mark.parametrize(("lead", "trail"), [(0, 0), (320, 4800), (4800, 320), (3200, 1600)])
def test_edges_become_those_asked_for(lead: int, trail: int) -> None:
    wave = np.concatenate([np.zeros(3200, np.float32), noise(1.0), np.zeros(1600, np.float32)])
    made = heard.with_edges(wave, lead, trail)
    assert heard.edges(made) == (lead, trail)
    assert len(made) == RATE + lead + trail


def test_a_synthetic_clip_takes_level_and_noise_of_a_recording(tmp_path: Path) -> None:
    quiet = noise(0.5, 0.002)
    model = np.concatenate([noise(1.0, 0.05), quiet, noise(1.0, 0.05)])
    ears = heard.Ears([clip(tmp_path / "human.flac", model)])
    gap = np.zeros(RATE // 2, np.float32)
    made = ears(np.concatenate([noise(1.0, 0.3), gap, noise(1.0, 0.3)]), np.random.default_rng(1))
    assert heard.voice_level(made) == pytest.approx(heard.voice_level(model), rel=0.15)
    middle = made[int(1.1 * RATE) : int(1.4 * RATE)]
    assert float(middle.std()) == pytest.approx(0.002, rel=0.3)


def test_noise_is_never_as_loud_as_the_voice() -> None:
    voice = noise(2.0, 0.1)
    made = heard.noise_like(voice, RATE, np.random.default_rng(0))
    assert float(made.std()) <= 0.1 * heard.LOUDEST_NOISE * 1.05


def test_splices_change_the_marked_stretches_alone() -> None:
    wave, copy = noise(3.0, seed=1), noise(3.0, seed=2)
    for seed in range(20):
        where = splice.spans(wave, np.random.default_rng(seed))
        assert sum(b - a for a, b in where) <= 0.7 * len(wave)
        assert all(0 <= a < b <= len(wave) for a, b in where)
        assert all(first[1] < second[0] for first, second in pairwise(where))
        made = splice.replaced(wave, copy, where)
        inside = np.zeros(len(wave), bool)
        for start, end in where:
            inside[start - splice.FADE : end + splice.FADE] = True
            np.testing.assert_allclose(made[start + splice.FADE : end - splice.FADE],
                                       copy[start + splice.FADE : end - splice.FADE], atol=1e-6)  # fmt: skip
        np.testing.assert_array_equal(made[~inside], wave[~inside])


def test_a_late_copy_is_brought_back() -> None:
    wave = noise(2.0)
    np.testing.assert_allclose(splice.aligned(wave, np.roll(wave, 37))[100:-100], wave[100:-100], atol=1e-6)
    assert len(splice.aligned(wave, wave[:-500])) == len(wave)


def test_partial_fakes_come_from_copies_and_their_recordings(tmp_path: Path) -> None:
    human = clip(tmp_path / "corpus" / "a.flac", noise(3.0, seed=1))
    copy = clip(tmp_path / "audio" / "copy-x" / "corpus-a.flac", noise(3.0, seed=2), "spoof", "copy-x")
    manifest.write(tmp_path / "copies.tsv", [copy])
    Corpus.given = (human,)
    made = list(splice.make(Corpus(tmp_path, tmp_path, 5), 0))
    assert [c.system for c in made] == ["partial-x"]
    start, end = map(float, made[0].spans.split(",")[0].split("-"))
    assert 0 <= start < end <= made[0].seconds


def test_partial_fakes_to_choose_by_come_from_dev_speakers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(_work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
        return lambda wave, rng: (rng.normal(0, 0.1, len(wave)).astype(np.float32), "")

    monkeypatch.setattr(splice.fargan, "single", other)
    monkeypatch.setattr(splice.hifigan, "plain", other)
    given = [clip(tmp_path / "corpus" / f"{i}.flac", noise(3.0, seed=i)) for i in range(6)]
    Corpus.given = (given[0], *(replace(c, split="dev") for c in given[1:]))
    made = list(splice.make_dev(Corpus(tmp_path, tmp_path, 5), 0))
    assert {c.split for c in made} == {"dev"}
    assert {c.source for c in made} == {"partial"}
    assert {c.system for c in made} <= {"partial-fargan", "partial-hifigan"}
    assert not any(c.whole for c in made)


@pytest.mark.parametrize(
    ("system", "source", "expected"),
    [("copy-own-codec-late", "librispeech", "copy-own"), ("copy-hifigan-warp", "page-x", "copy-hifigan"),
     ("copy-fargan", "gcompris", "copy-fargan"), ("kokoro", "kokoro", "neural"), ("VITS", "page-x", "page"),
     ("pico", "pico", "classical")],
)  # fmt: skip
def test_every_kind_of_fake_has_its_share(tmp_path: Path, system: str, source: str, expected: str) -> None:
    fake = clip(tmp_path / "a.flac", noise(1.0), "spoof", system, source)
    assert group(fake) == expected
    assert expected in SHARES["spoof"]


def test_a_cue_is_bold_only_where_it_tells(tmp_path: Path) -> None:
    genuine = [(replace(clip(tmp_path / "h.flac", noise(1.0)), family="human"), noise(1.0, 0.1, s)) for s in range(30)]
    fakes = [(replace(genuine[0][0], label="spoof", family="loud"), noise(1.0, 0.5, s)) for s in range(30, 60)]
    found = shortcuts.table([*genuine, *fakes])
    assert found["level"]["loud"] == 100.0
    assert 40 <= found["exact zeros"]["all"] <= 60
    assert "**100**" in shortcuts.markdown(found)
    assert shortcuts.cues(np.zeros(RATE, np.float32))["exact zeros"] == 1.0


def test_sentences_hardly_repeat() -> None:
    rng = np.random.default_rng(0)
    said = [english(rng) for _ in range(300)]
    assert len(set(said)) > 270
    assert all(2 <= len(line.split()) <= 40 and line[0].isupper() for line in said)


def test_lines_of_the_game_are_found_in_its_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = tmp_path / "line.mp3"
    soundfile.write(line, noise(2.0), 11_025, format="MP3")
    data = line.read_bytes()
    rows = [(b"020001P2.SB", data), (b"PICTURE.PCX", b"xx")]
    head, at, table = b"QTBLCEM10\0\0\0\1" + len(rows).to_bytes(2, "big"), 15 + 21 * len(rows), b""
    for name, body in rows:
        table += name.ljust(12, b"\0") + b"\1" + at.to_bytes(4, "big") + len(body).to_bytes(4, "big")
        at += len(body)
    (tmp_path / "deb").mkdir()
    (tmp_path / "deb" / "queen.1c").write_bytes(head + table + data + b"xx")
    monkeypatch.setattr(heldout, "debian", lambda *_: tmp_path / "deb")
    found = list(heldout.amazon_queen(tmp_path, np.random.default_rng(0), 5))
    assert len(found) == 1
    assert (found[0].label, found[0].split) == ("bonafide", "test")
