"""The second test: apart from all that other tables hold, and its fakes on the line of its prompts."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from fakes import speech
from recipes.builtin import catalogue, heldout, human, manifest
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.second import __main__ as command
from recipes.builtin.second import human as prompts
from recipes.builtin.second import line, steps, tract, vocoders
from recipes.builtin.steps import Context
from recipes.builtin.texts import SENTENCES

PLAIN, CODED = "asterisk-prompt-it-menardi-wav", "asterisk-prompt-fr-armelle"
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def prompt(folder: Path, number: int, source: str) -> Clip:
    """A telephone prompt of two seconds: nothing above 3.4 kHz."""
    spectrum = np.fft.rfft(speech(2.0, seed=number, level=0.3))
    spectrum[int(3_400 * 2.0) :] = 0
    path = folder / f"{number}.flac"
    soundfile.write(path, np.fft.irfft(spectrum), RATE)
    language = "it" if source == PLAIN else "fr"
    return Clip(str(path), "bonafide", "test", "human", "human", source, language, source, "GPL-2", 2.0)


def share_above(wave: Wave, hertz: float) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float(power[int(hertz * len(wave) / RATE) :].sum() / power.sum())


@pytest.fixture
def work(tmp_path: Path) -> Context:
    """A work folder whose human table holds four prompts of two lines."""
    clips = [prompt(tmp_path, number, (PLAIN, CODED)[number % 2]) for number in range(4)]
    manifest.write(tmp_path / f"{steps.HUMAN}.tsv", clips)
    return Context(tmp_path, tmp_path, 1, share=0.02)


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_no_package_is_in_an_earlier_table() -> None:
    earlier = {package.name for package in human.PACKAGES}
    assert not earlier & {package.name for package in prompts.PACKAGES}


def test_its_tables_are_no_steps_of_the_recipe_and_no_family_is_in_the_first_test() -> None:
    assert not {step.name for step in steps.STEPS} & {step.name for step in catalogue.STEPS}
    assert not {copier.name for copier in steps.COPIERS} & {held.family for held in heldout.HELD}


def test_all_prompts_are_genuine_and_tested_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", wave, RATE)
    monkeypatch.setattr(human, "debian", lambda _name, _work: tmp_path)
    monkeypatch.setattr(prompts, "PACKAGES", prompts.PACKAGES[:1])
    clips = list(prompts.make(Context(tmp_path, tmp_path / "work", 1, share=0.025)))
    assert [(clip.label, clip.split) for clip in clips] == [("bonafide", "test")] * 2
    assert all(1.0 <= clip.seconds <= 4.0 for clip in clips)


# --- the line ---------------------------------------------------------------------------------------------------------


@needs_ffmpeg
@pytest.mark.parametrize(("source", "coded"), [(PLAIN, False), (CODED, True)])
def test_a_fake_leaves_the_line_as_narrow_and_as_coded_as_a_prompt(source: str, coded: bool) -> None:
    wave = speech(1.5, level=0.3)
    made = line.through(line.narrow(wave), source)
    assert abs(len(made) - len(wave)) <= 640  # of GSM's last frame
    assert share_above(made, 4_200) < 1e-3
    straight = soxr.resample(line.narrow(wave).astype(np.float32) / 32768, line.NARROW, RATE)
    count = min(len(made), len(straight))
    assert (float(np.abs(made[:count] - straight[:count]).max()) > 0.01) == coded


def test_peaks_do_not_fold() -> None:
    loud = 4.0 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    samples = line.narrow(loud)
    assert np.abs(samples.astype(int)).max() <= 32_500
    assert np.corrcoef(samples[:-1], np.sin(2 * np.pi * 440 * np.arange(len(samples) - 1) / 8_000))[0, 1] > 0.99


# --- copies -----------------------------------------------------------------------------------------------------------


@needs_ffmpeg
@pytest.mark.parametrize("number", range(len(steps.COPIERS)), ids=[copier.name for copier in steps.COPIERS])
def test_copies_are_fakes_as_loud_and_narrow_as_their_prompts(number: int, work: Context,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    copier = steps.COPIERS[number]
    if missing := [tool for tool in copier.tools if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    if copier.name == "psola":
        praat = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")
        monkeypatch.setattr(vocoders, "module", lambda *_: praat)
    clips = list(steps.copies(work, number))
    assert len(clips) == 2
    for clip in clips:
        made, _ = soundfile.read(clip.path, dtype="float32")
        given, _ = soundfile.read(work.work / f"{int(Path(clip.path).stem)}.flac", dtype="float32")
        assert (clip.label, clip.split, clip.family, clip.source) == (
            "spoof",
            "test",
            copier.name,
            f"copy-{copier.name}",
        )
        assert np.sqrt(np.mean(made**2)) == pytest.approx(np.sqrt(np.mean(given**2)), rel=0.1)
        assert share_above(made, 4_200) < 1e-3
        assert 0.8 * len(given) < len(made) < 1.25 * len(given)
        assert np.abs(made[: len(given)] - given[: len(made)]).max() > 0.01


def test_a_guessed_phase_keeps_the_spectrum() -> None:
    wave = speech(1.0, level=0.3)
    log_mel = vocoders.MEL(wave)
    made, kind = vocoders.griffin_lim(Path())(wave, np.random.default_rng(0))
    assert kind == ""
    count = min(log_mel.shape[1], len(made) // vocoders.MEL.hop)
    error = np.abs(vocoders.MEL(made)[:, :count] - log_mel[:, :count])
    assert float(error[log_mel[:, :count] > log_mel.max() - 4].mean()) < 0.35


def test_without_prompts_no_fakes(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"test2-human.tsv is missing"):
        list(steps.copies(Context(tmp_path, tmp_path, 1), 0))


# --- the throat -------------------------------------------------------------------------------------------------------


def test_stress_lengthens_and_unknown_sounds_are_made_of_known_ones() -> None:
    sounds = tract.phones("bolˈoɲːa", 1.0, np.random.default_rng(0))
    assert [p.name for p in sounds] == ["", "b", "o", "l", "o", "n", "j", "a", ""]
    assert [p.name for p in sounds if p.stressed] == ["o"]
    assert sounds[4].seconds > 1.2 * sounds[2].seconds
    assert tract.melody(sounds, 80.0, np.random.default_rng(0)).count("<gesture ") == len(sounds)


@needs_espeak
@pytest.mark.parametrize("language", ["it", "fr", "es"])
def test_every_sound_of_every_text_can_be_spoken(language: str) -> None:
    for text in SENTENCES[language]:
        assert set(tract.SPOKEN.sub("", tract.spell(text, language))) <= set("-|")


@needs_ffmpeg
@needs_espeak
def test_the_throat_speaks_a_prompts_language_on_its_line(work: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tract, "speaker", lambda _: lambda _text, _language, _rng: (speech(2.5, level=0.8), RATE))
    clips = list(steps.voices(work, 0))
    assert {clip.language for clip in clips} <= {"it", "fr"}
    assert {(clip.label, clip.split, clip.family) for clip in clips} == {("spoof", "test", "vocal-tract")}
    assert all(share_above(soundfile.read(clip.path)[0], 4_200) < 1e-3 for clip in clips)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.builtin.steps.shutil.which", lambda name: None if name == "c2enc" else f"/bin/{name}")
    with pytest.raises(SystemExit, match=r"test2-codec2 needs c2enc\napt-get install codec2"):
        command.main(["--work", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"no step test2-x; there are: test2-human"):
        command.main(["--work", str(tmp_path), "--only", "test2-x"])


def test_cues_are_measured_on_what_is_there(work: Context, capsys: pytest.CaptureFixture[str]) -> None:
    fakes = [replace(prompt(work.work, number, PLAIN), label="spoof", family="lpc10") for number in range(4, 6)]
    manifest.write(work.work / "test2-lpc10.tsv", fakes)
    command.main(["--work", str(work.work), "--only", "test2-human,test2-lpc10", "--cues"])
    assert "| 99 % of the energy below | " in (work.work / "test2-cues.md").read_text()
    assert "test2-lpc10: 2 clips" in capsys.readouterr().out
