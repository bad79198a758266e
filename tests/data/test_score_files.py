"""Every score and key format of the corpora, and what is refused."""

import gzip

import pytest

from fakemamba.data.keys import read_key
from fakemamba.data.scores import read_asv_scores, read_scores
from fakemamba.errors import DataError


def write(folder, text, name="file.txt"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


KEYS = {
    "2019 protocol": (
        "LA_0039 LA_E_2834763 - A11 spoof\nLA_0014 LA_E_8877452 - - bonafide\n",
        {"speaker": "LA_0039", "attack": "A11"},
    ),
    "2021 LA key": (
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\nLA_2 LA_E_6 none loc_tx - bonafide notrim progress\n",
        {"speaker": "LA_0009", "codec": "alaw", "transmission": "ita_tx", "attack": "A07", "trim": "notrim"},
    ),
    "2021 DF key": (
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -\n"
        "TEF2 DF_E_2000013 low_m4a vcc2020 - bonafide notrim eval - Task1 team20 FF E\n",
        {"codec": "nocodec", "source": "asvspoof", "vocoder": "traditional_vocoder", "subset": "progress"},
    ),
    "ASVspoof 5 protocol": (
        "D_4461 D_0000000169 F - - - AC1 A14 spoof -\nD_4462 D_0000000170 M - - - - bonafide bonafide -\n",
        {"speaker": "D_4461", "gender": "F", "attack": "A14", "attack_tag": "AC1"},
    ),
    "six-column key": ("- 0.wav - - - spoof\n- 1.wav - - - bona-fide\n", {}),
    "2019 scores": ("LA_E_1 A11 spoof -4.21\nLA_E_2 - bonafide 3.0\n", {"attack": "A11"}),
    "label list": ("SSB13650058.wav real 0\nSSB13650059.wav fake 1\n", {}),
    "two columns": ("a.wav genuine\nb.wav spoof\n", {}),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_without_header(tmp_path, name):
    text, first = KEYS[name]
    key = read_key(write(tmp_path, text))
    assert key.format == name
    lines = [line.split() for line in text.splitlines()]
    genuine = [any(word in ("bonafide", "bona-fide", "genuine", "real") for word in words[1:]) for words in lines]
    assert key.labels.tolist() == genuine
    assert set(key.ids) <= {word for words in lines for word in words}
    assert {column: key.columns[column][0] for column in first} == first


@pytest.mark.parametrize(
    ("text", "labels", "columns"),
    [
        ("file,speaker,label\n0.wav,Alec Guinness,spoof\n1.wav,Barack Obama,bona-fide\n", [0, 1], ["speaker"]),
        ("file,speaker,attack\na.flac,id1,a00\nb.flac,id1,a14\n", [1, 0], ["speaker", "attack"]),
        ("file\tlabel\tlanguage\nx y.wav\treal\tde\nz.wav\tfake\tde\n", [1, 0], ["language"]),
        ("\ufeffPath;x,Label\na,spoof\n", None, None),
    ],
)
def test_keys_with_header(tmp_path, text, labels, columns):
    path = write(tmp_path, text)
    if labels is None:
        with pytest.raises(DataError):
            read_key(path)
        return
    key = read_key(path)
    assert key.labels.tolist() == labels
    assert list(key.columns) == columns


def test_names_with_blanks_survive_in_tables(tmp_path):
    key = read_key(write(tmp_path, "file\tlabel\nx y.wav\treal\nz.wav\tfake\n"))
    assert key.ids.tolist() == ["x y.wav", "z.wav"]


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ("LA_E_1 -4.21\nLA_E_2 1e-3\n", "id score", None),
        ("LA_E_1 A11 spoof -4.21\nLA_E_2 - bonafide 1e-3\n", "2019 format", [0, 1]),
        ("LA_0015 LA_E_1 -4.21 spoof\nLA_0007 LA_E_2 1e-3 bonafide\n", "speaker id score label", [0, 1]),
        ("filename\tcm-score\nLA_E_1\t-4.21\nLA_E_2\t0.001\n", "table with header", None),
        (
            "filename\tcm-score\tasv-score\nLA_E_1\t-4.21\t9\nLA_E_2\t1e-3\t9\n",
            "table with header",
            None,
        ),
        ("file,verdict,score\nLA_E_1,fake,-4.21\nLA_E_2,real,1e-3\n", "table with header", None),
        ("LA_E_1,-4.21\n\nLA_E_2,1e-3\n", "id score", None),
    ],
)
def test_score_formats(tmp_path, text, name, labels):
    scores = read_scores(write(tmp_path, text))
    assert scores.format == name
    assert scores.ids.tolist() == ["LA_E_1", "LA_E_2"]
    assert scores.scores.tolist() == [-4.21, 0.001]
    assert (None if scores.labels is None else scores.labels.tolist()) == labels


def test_gzip_is_seen_by_its_content(tmp_path):
    path = tmp_path / "scores.txt"
    path.write_bytes(gzip.compress(b"a 1\nb 2\n"))
    assert read_scores(path).ids.tolist() == ["a", "b"]
    path.write_bytes(gzip.compress(b"a 1\nb 2\n")[:-6])
    with pytest.raises(DataError, match="cannot read"):
        read_scores(path)


def test_verifier_scores(tmp_path):
    asv = read_asv_scores(write(tmp_path, "bonafide target 7.98\nbonafide nontarget -2\nA07 spoof 1\n"))
    assert asv.labels.tolist() == [1, 2, 0]
    with pytest.raises(DataError, match="expected lines such as"):
        read_asv_scores(write(tmp_path, "a 1\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("file,score\n", "has a header but no row"),
        ("a 1\nb x\n", "line 2: 'x' is not a number"),
        ("a 1\nb nan\nc nan\n", r"line 2: score nan \(2 of 3 scores are not finite\)"),
        ("a 1\nb 2 3\n", "line 2: 3 columns where the first row has 2"),
        ("a 1\na 2\n", "1 trials have two different scores: a"),
        ("a b c d e\n", "unknown score format"),
        ("file,label\na,real\n", "no score column among id, label"),
    ],
)
def test_bad_scores_are_explained(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_scores(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na,1\nb,0\n", "line 2: label '1' .*write bonafide or spoof"),
        ("file,label\na,real\nb,maybe\n", "line 3: label 'maybe'"),
        ("file,label\na,real\na,fake\n", "1 trials are both bona fide and spoof: a"),
        ("file,score\na,1\n", "no label column"),
        ("a b c\n", "unknown key format"),
    ],
)
def test_bad_keys_are_explained(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_key(write(tmp_path, text))


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_scores(tmp_path / "none.txt")
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="not a text file"):
        read_key(path)
