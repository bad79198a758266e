"""Opening corpora: layouts, splits, and one line for whatever is wrong."""

import shutil
from collections import Counter

import numpy as np
import pytest

from conftest import shared
from fakemamba.data.corpora import CORPORA, check_corpus, open_corpus
from fakemamba.data.corpora.marker import MARKER
from fakemamba.data.miniature import make_miniature
from fakemamba.data.waves import read_wave
from fakemamba.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """name -> a miniature that no test changes."""
    root = tmp_path_factory.mktemp("shelf")
    return lambda name: make_miniature(name, root / name, per_class=2)


@pytest.fixture
def mini(shelf, tmp_path):
    """name -> a copy of the miniature, to break."""
    return lambda name: shutil.copytree(shelf(name), tmp_path / name)


def refusal(name, root, **options):
    """The one line that says why a corpus does not open; the check must say the same and not raise."""
    with pytest.raises(DataError) as caught:
        open_corpus(name, root, **options)
    assert "\n" not in str(caught.value)
    report = check_corpus(name, root, **options)
    assert not report.usable
    return str(caught.value)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


PROTOCOL = "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"


def test_the_real_training_corpus_opens_with_its_counts():
    root = shared("corpus")
    whole = open_corpus("tsv", root, split="all")
    assert Counter((u.split, u.label) for u in whole.utterances) == {
        ("train", 1): 1610,
        ("train", 0): 1607,
        ("dev", 1): 317,
        ("dev", 0): 319,
    }
    assert "6 rows labelled noise (or as asked) are left out" in whole.notes
    assert len(open_corpus("tsv", root / "corpus.tsv", split="dev")) == 636
    report = check_corpus("tsv", root)
    assert report.usable
    assert [round(split.hours * 60) for split in report.splits] == [160, 31]


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_opens_on_its_miniature(name, shelf):
    root = shelf(name)
    report = check_corpus(name, root)
    assert (report.problems, report.warnings) == ((), ())
    assert f"{root} is a generated miniature, not the corpus" in report.notes
    for split in report.splits:
        assert (split.bonafide, split.spoof) == split.official == (2, 2)
        assert split.sample_rates == (16_000,)
    dataset = open_corpus(name, root, split="all")
    assert len(dataset) == 4 * len(report.splits)
    assert all(u.path.is_file() and u.corpus == name for u in dataset.utterances)
    assert len(set(dataset.ids.tolist())) == len(dataset)


# Of each corpus one spoof: what its reader must know of it.
KNOWN = {
    "asvspoof2019-la": {"id": "LA_T_1000002", "split": "train", "speaker": "LA_0000", "attack": "A01"},
    "asvspoof2021-la": {"id": "LA_E_9000004", "split": "eval", "subset": "eval", "codec": "alaw", "attack": "A08"},
    "asvspoof2021-df": {"id": "DF_E_9000002", "subset": "eval", "vocoder": "neural_vocoder", "source": "asvspoof"},
    "asvspoof5": {"id": "E_0000000002", "split": "eval", "speaker": "E_0000", "attack": "A09", "codec": "C02"},
    "in-the-wild": {"id": "1.wav", "split": "", "speaker": "Speaker 0"},
    "mlaad": {"id": "fake/en/system_0/book_0001.wav", "language": "en", "attack": "system_0"},
    "wavefake": {"id": "ljspeech_melgan/0001_gen.wav", "vocoder": "melgan", "language": "en", "source": "LJSpeech"},
    "for": {"id": "training/fake/file1.wav", "split": "train", "subset": "training"},
    "spoofceleb": {"id": "a01/id10001/trainvideo-00001-001.flac", "attack": "a01", "speaker": "id10001"},
    "codecfake": {"id": "C2/F01_SSB00002001.wav", "split": "eval", "subset": "C2", "codec": "F01"},
    "partialspoof": {"id": "CON_T_0000002", "attack": "CON", "speaker": "LA_0000"},
    "folder": {"id": "train/fake/system_0/001.wav", "split": "train", "attack": "system_0"},
    "tsv": {"id": "audio/train/001.flac", "attack": "system-0", "language": "en", "seconds": 0.8},
}


@pytest.mark.parametrize("name", CORPORA)
def test_what_is_known_of_an_utterance(name, shelf):
    dataset = open_corpus(name, shelf(name), split="all")
    wanted = KNOWN[name]
    found = next(u for u in dataset.utterances if u.id == wanted["id"])
    assert found.label == 0
    assert {column: getattr(found, column) for column in wanted} == wanted
    assert not any(u.attack for u in dataset.utterances if u.label)


@pytest.mark.parametrize("name", CORPORA)
def test_an_empty_folder_is_told(name, tmp_path):
    assert str(tmp_path) in refusal(name, tmp_path)


@pytest.mark.parametrize("name", [name for name in CORPORA if name != "tsv"])
def test_a_root_that_is_a_file_is_told(name, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "is a file: give the folder" in refusal(name, tmp_path / "file")
    assert "no such folder" in refusal(name, tmp_path / "nowhere")


def test_unknown_names_are_told(shelf):
    with pytest.raises(ConfigError, match="unknown corpus 'asv': choose one of asvspoof2019-la"):
        open_corpus("asv", ".")
    with pytest.raises(ConfigError, match="no split 'hidden': choose one of train, dev, eval, all"):
        open_corpus("asvspoof2019-la", shelf("asvspoof2019-la"), split="hidden")
    with pytest.raises(ConfigError, match="no split 'x': choose one of train, dev, eval"):
        open_corpus("in-the-wild", shelf("in-the-wild"), split="x")
    with pytest.raises(ConfigError, match="has genuine speech of its own"):
        open_corpus("in-the-wild", shelf("in-the-wild"), genuine="x")
    with pytest.raises(ConfigError, match="has official labels"):
        open_corpus("in-the-wild", shelf("in-the-wild"), labels={"x": 1})


def test_splits_are_chosen_and_said(shelf):
    root = shelf("asvspoof2019-la")
    dataset = open_corpus("asvspoof2019-la", root)
    assert (dataset.name, {u.split for u in dataset.utterances}) == ("asvspoof2019-la eval", {"eval"})
    assert dataset.notes[0] == "split 'eval' chosen of train, dev, eval"
    assert len(open_corpus("asvspoof2019-la", root, split="dev")) == 4
    assert open_corpus("asvspoof2019-la", root, split="all").notes[0] == "splits mixed as asked: train, dev, eval"
    assert "the split 'train' of asvspoof2021-la is not there" in refusal(
        "asvspoof2021-la", shelf("asvspoof2021-la"), split="train"
    )
    note = open_corpus("in-the-wild", shelf("in-the-wild"), split="train").notes[0]
    assert note == "in-the-wild has no splits: all of it is taken as train"


@pytest.mark.parametrize("name", ["asvspoof2021-la", "asvspoof2021-df"])
def test_subsets_of_2021_are_never_mixed_silently(name, shelf):
    dataset = open_corpus(name, shelf(name))
    assert {u.subset for u in dataset.utterances} == {"eval"}
    assert dataset.notes[0] == "subset 'eval' chosen of eval 4, progress 4, hidden 4"
    progress = open_corpus(name, shelf(name), split="progress")
    assert {u.subset for u in progress.utterances} == {"progress"}
    assert "subsets together: eval 4, progress 4, hidden 4" in open_corpus(name, shelf(name), split="all").notes


def test_conditions_of_codecfake_come_together_or_one_by_one(shelf):
    root = shelf("codecfake")
    assert "subsets together: C1 4, C2 4, A1 4" in open_corpus("codecfake", root, split="eval").notes
    assert {u.subset for u in open_corpus("codecfake", root, split="C2").utterances} == {"C2"}


INNER = {
    "asvspoof2019-la": "LA",
    "in-the-wild": "release_in_the_wild",
    "spoofceleb": "spoofceleb",
    "partialspoof": "database",
    "asvspoof2021-la": "ASVspoof2021_LA_eval",
    "for": "for-norm",
    "mlaad": "fake",
}


@pytest.mark.parametrize("name", INNER)
def test_the_root_may_be_the_inner_folder_or_one_above(name, shelf):
    inside = open_corpus(name, shelf(name) / INNER[name], split="all")
    assert len(inside) == len(open_corpus(name, shelf(name), split="all"))
    if name not in ("for", "mlaad"):
        above = open_corpus(name, shelf(name), split="all")
        assert [u.path for u in inside.utterances] == [u.path for u in above.utterances]


def test_keys_of_2021_may_lie_in_their_own_download(mini):
    root = mini("asvspoof2021-df")
    (root / "DF-keys-full").mkdir()
    (root / "keys").rename(root / "DF-keys-full" / "keys")
    assert len(open_corpus("asvspoof2021-df", root)) == 4
    shutil.rmtree(root / "DF-keys-full")
    assert "the key keys/DF/CM/trial_metadata.txt is not there" in refusal("asvspoof2021-df", root)


def test_the_key_of_another_track_is_refused(mini, shelf):
    root = mini("asvspoof2021-la")
    shutil.copy(shelf("asvspoof2021-df") / "keys/DF/CM/trial_metadata.txt", root / "keys/LA/CM/trial_metadata.txt")
    assert "is a 2021 DF key, not a 2021 LA key" in refusal("asvspoof2021-la", root)


def test_missing_audio_is_counted_and_named(mini):
    root = mini("asvspoof2019-la")
    gone = sorted((root / "LA/ASVspoof2019_LA_train/flac").iterdir())[:3]
    for path in gone:
        path.unlink()
    line = refusal("asvspoof2019-la", root, split="train")
    assert "3 of 4 utterances of train have no audio below" in line
    assert "LA_T_1000001, LA_T_1000002, LA_T_1000003" in line
    assert len(open_corpus("asvspoof2019-la", root, split="dev")) == 4  # what is whole can be used
    report = check_corpus("asvspoof2019-la", root)
    assert [split.missing for split in report.splits] == [3, 0, 0]


def test_several_faults_are_one_line(mini):
    root = mini("asvspoof2019-la")
    next((root / "LA/ASVspoof2019_LA_train/flac").iterdir()).unlink()
    edit(root / PROTOCOL.replace("train.trn", "dev.trl"), "spoof", "spoofy")
    line = refusal("asvspoof2019-la", root, split="all")
    assert "and 1 more: fakemamba data check asvspoof2019-la" in line
    assert len(check_corpus("asvspoof2019-la", root).problems) == 2


def test_an_unknown_label_is_told_with_its_line(mini):
    root = mini("asvspoof2019-la")
    edit(root / PROTOCOL, "A02 spoof", "A02 spoofed-by-me")
    assert "train.trn.txt, line 4: label 'spoofed-by-me' (unknown)" in refusal("asvspoof2019-la", root, split="train")


def test_wrong_counts_are_warned_of_in_miniatures_and_in_the_real_thing(mini):
    root = mini("asvspoof2019-la")
    lines = (root / PROTOCOL).read_text().splitlines()
    (root / PROTOCOL).write_text("\n".join(lines[1:]) + "\n")
    dataset = open_corpus("asvspoof2019-la", root, split="train")
    assert dataset.warnings[0].startswith("train holds 1 bona fide and 2 spoofed utterances, officially 2 and 2")
    assert "1 audio files that no key or label names are left out" in dataset.notes
    (root / MARKER).unlink()
    dataset = open_corpus("asvspoof2019-la", root, split="train")
    assert "officially 2580 and 22800: numbers from it do not compare" in dataset.warnings[0]
    assert not any("miniature" in note for note in dataset.notes)


def test_a_marker_of_another_corpus_silences_nothing(mini):
    root = mini("asvspoof2019-la")
    edit(root / MARKER, "asvspoof2019-la", "asvspoof5")
    assert "officially 2580" in open_corpus("asvspoof2019-la", root, split="train").warnings[0]
    (root / MARKER).write_text("{")
    assert "is damaged" in refusal("asvspoof2019-la", root)


def test_duplicates_are_counted_once_and_contradictions_refused(mini):
    root = mini("asvspoof2019-la")
    lines = (root / PROTOCOL).read_text().splitlines()
    (root / PROTOCOL).write_text("\n".join([*lines, lines[0]]) + "\n")
    dataset = open_corpus("asvspoof2019-la", root, split="train")
    assert len(dataset) == 4
    assert "1 repeated lines" in dataset.warnings[0]
    (root / PROTOCOL).write_text("\n".join([*lines, lines[0].replace("bonafide", "spoof")]) + "\n")
    assert "1 trials are both bona fide and spoof" in refusal("asvspoof2019-la", root, split="train")


def test_a_missing_key_is_told(mini):
    root = mini("asvspoof2019-la")
    (root / PROTOCOL).unlink()
    assert "cannot read" in refusal("asvspoof2019-la", root, split="train")
    root = mini("in-the-wild")
    (root / "release_in_the_wild/meta.csv").unlink()
    assert "meta.csv is not there; expected release_in_the_wild/meta.csv" in refusal("in-the-wild", root)


def test_what_is_no_audio_is_told(mini):
    root = mini("asvspoof2019-la")
    for path in (root / "LA/ASVspoof2019_LA_train/flac").iterdir():
        path.write_text("<html>not found</html>")
    assert "not audio that can be read (looks like text)" in refusal("asvspoof2019-la", root, split="train")


def test_two_files_of_one_name_are_told(mini):
    root = mini("asvspoof2019-la")
    folder = root / "LA/ASVspoof2019_LA_train/flac"
    shutil.copy(folder / "LA_T_1000001.flac", folder / "LA_T_1000001.wav")
    warnings = open_corpus("asvspoof2019-la", root, split="train").warnings
    assert warnings == ("1 names stand for two audio files, the first is taken: LA_T_1000001",)


def test_fakes_alone_are_told(mini, tmp_path):
    root = mini("mlaad")
    (root / "M-AILABS").rename(tmp_path / "elsewhere")
    warnings = open_corpus("mlaad", root).warnings
    assert "give the folder of M-AILABS as its genuine counterpart" in " ".join(warnings)
    dataset = open_corpus("mlaad", root, genuine=tmp_path / "elsewhere")
    assert Counter(dataset.labels.tolist()) == {0: 2, 1: 2}
    assert {u.speaker for u in dataset.utterances if u.label} == {"reader_0", "reader_1"}
    assert "no such folder" in refusal("mlaad", root, genuine=tmp_path / "nowhere")


def test_wavefake_takes_its_counterparts_from_anywhere(mini, tmp_path):
    root = mini("wavefake")
    for name in ("LJSpeech-1.1", "jsut_ver1.1"):
        (root / name).rename(tmp_path / name)
    dataset = open_corpus("wavefake", root / "generated_audio", genuine=[tmp_path / "LJSpeech-1.1"])
    assert Counter((u.label, u.source) for u in dataset.utterances) == {(0, "LJSpeech"): 2, (1, "LJSpeech"): 1}
    both = open_corpus("wavefake", root, genuine=[tmp_path / "LJSpeech-1.1", tmp_path / "jsut_ver1.1"])
    assert {u.source for u in both.utterances if u.label} == {"LJSpeech", "JSUT"}


def test_two_versions_of_fake_or_real_are_refused(mini):
    root = mini("for")
    shutil.copytree(root / "for-norm", root / "for-rerec")
    assert "holds 2 versions of the same speech: give one of them (for-norm, for-rerec)" in refusal("for", root)


def test_partialspoof_without_frame_labels_still_opens(mini):
    root = mini("partialspoof")
    assert all(u.frames is not None for u in open_corpus("partialspoof", root).utterances)
    shutil.rmtree(root / "database/segment_labels")
    dataset = open_corpus("partialspoof", root)
    assert dataset.utterances[0].frames is None
    assert "no frame labels, no localization" in dataset.warnings[0]


def test_a_folder_of_ones_own(mini):
    root = mini("folder")
    (root / "train/real").rename(root / "train/Genuine")
    assert len(open_corpus("folder", root, split="train")) == 4
    flat = root / "train"
    assert {u.split for u in open_corpus("folder", flat).utterances} == {""}
    (flat / "Genuine").rename(flat / "people")
    assert "all utterances are spoofed" in open_corpus("folder", flat).warnings[0]
    assert len(open_corpus("folder", flat, labels={"people": 1})) == 4
    assert len(open_corpus("folder", flat, labels={"people": None})) == 2
    shutil.copytree(flat / "people", flat / "fake/real")
    assert "lies below a folder of either class" in refusal("folder", flat)


def test_files_outside_the_splits_of_a_folder_are_refused(mini):
    root = mini("folder")
    shutil.copytree(root / "train/real", root / "real")
    assert "2 files lie outside its split folders (dev, eval, train)" in refusal("folder", root)


def test_faults_of_a_table(mini):
    root = mini("tsv")
    table = root / "corpus.tsv"
    good = table.read_text()
    table.write_text(good.replace("bonafide", "human-voice"))
    assert "line 2: label 'human-voice' (unknown)" in refusal("tsv", root)
    assert len(open_corpus("tsv", table, split="all", labels={"human-voice": 1})) == 12
    table.write_text(good.replace("\tdev\t", "\tholdout\t"))
    assert "unknown split 'holdout'; write train, dev or eval" in refusal("tsv", root)
    table.write_text(good.replace("\tdev\t", "\t\t"))
    assert "4 rows have no split where others have" in refusal("tsv", root)
    table.write_text(good.replace("0.80", "short"))
    assert "seconds 'short' is no number" in refusal("tsv", root)
    table.write_text(good)
    (root / "audio/eval/000.flac").unlink()
    assert "1 of 4 utterances of eval have no audio" in refusal("tsv", root)
    (root / "other.tsv").write_text("x")
    assert refusal("tsv", root)  # corpus.tsv is preferred
    table.rename(root / "mine.tsv")
    assert "give the table itself" in refusal("tsv", root)


def test_miniatures_are_reproducible_and_overwrite_nothing(tmp_path):
    first = make_miniature("in-the-wild", tmp_path / "a", seed=3, per_class=1)
    second = make_miniature("in-the-wild", tmp_path / "b", seed=3, per_class=1)
    other = make_miniature("in-the-wild", tmp_path / "c", seed=4, per_class=1)
    wave = "release_in_the_wild/0.wav"
    assert (first / wave).read_bytes() == (second / wave).read_bytes() != (other / wave).read_bytes()
    assert make_miniature("in-the-wild", first, seed=3, per_class=1) == first
    with pytest.raises(DataError, match="is there and not this miniature"):
        make_miniature("in-the-wild", first, seed=5, per_class=1)
    with pytest.raises(ConfigError, match="at least 1"):
        make_miniature("in-the-wild", tmp_path / "d", per_class=0)
    with pytest.raises(ConfigError, match="unknown corpus"):
        make_miniature("x", tmp_path / "d")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["in-the-wild", "asvspoof2019-la"])
def test_the_fakes_of_a_miniature_can_be_told_apart(name, shelf):
    """Every fake hums at one frequency above 3.9 kHz, no genuine one does: something to learn in a dry run."""
    dataset = open_corpus(name, shelf(name), split="all")
    for utterance in dataset.utterances:
        spectrum = np.abs(np.fft.rfft(read_wave(utterance)))
        above = spectrum[int(len(spectrum) * 3_900 / 8_000) :]
        assert (above.max() > 100 * np.median(above)) == (not utterance.label)


def test_another_corpus_in_the_folder_is_not_taken_for_mlaad(shelf):
    assert "fake/<language>/<system>" in refusal("mlaad", shelf("for"))
