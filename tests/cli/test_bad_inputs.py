"""What people hand in by mistake or malice: one line each, the promised exit code, never a traceback.

A row: what is made in an empty folder, the words after `fakemamba detect`, the exit code, and what is said. With exit
code 0 the audio is odd but can be answered, and the answer is on stdout.
"""

import io
import json
import os
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audio.audio_makers import encoded, media_bytes, wav_bytes
from fakemamba.checkpoint.folder import write_folder
from fakemamba.cli import run
from fakes import RATE, speech, tiny_card, tiny_onnx, write_tiny_model

CLIP = speech(3.0)
PCM = (CLIP * 32767).astype("<i2").tobytes()
FLAC = encoded(CLIP, container="FLAC")
HEAVY = "y" * 2_000_000


@dataclass(frozen=True)
class Case:
    """`name` also heads the row in pytest's output; `make` gets the empty folder and monkeypatch."""

    name: str
    make: Callable[[Path, pytest.MonkeyPatch], object]
    words: str
    code: int
    said: str


def content(data: bytes | str, name: str = "x.wav") -> Callable[[Path, pytest.MonkeyPatch], object]:
    raw = data.encode() if isinstance(data, str) else data
    return lambda folder, _: (folder / name).write_bytes(raw)


def nothing(_folder: Path, _patch: pytest.MonkeyPatch) -> None:
    pass


def piped(data: bytes, *, terminal: bool = False) -> Callable[[Path, pytest.MonkeyPatch], object]:
    class Stdin:
        buffer = io.BytesIO(data)

        def isatty(self) -> bool:
            return terminal

    return lambda _, patch: patch.setattr(sys, "stdin", Stdin())


def float_wav(wave: np.ndarray) -> bytes:
    return encoded(wave, subtype="FLOAT")


def with_bad(value: float) -> bytes:
    wave = CLIP.copy()
    wave[20_000] = value
    return float_wav(wave)


def unreadable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Mode 000; for root, who may read all the same, the system's answer is put in its mouth."""
    path = folder / "x.wav"
    path.write_bytes(encoded(CLIP))
    path.chmod(0)
    if os.geteuid() == 0:
        real = open

        def refuse(file: Any, *args: Any, **options: Any) -> Any:
            if str(file).endswith("x.wav"):
                raise PermissionError(13, "Permission denied")
            return real(file, *args, **options)

        patch.setattr("builtins.open", refuse)


def read_only_folder(_folder: Path, patch: pytest.MonkeyPatch) -> None:
    good(_folder, patch)
    patch.setattr(os, "access", lambda *_: False)


def good(folder: Path, _patch: pytest.MonkeyPatch) -> None:
    (folder / "x.wav").write_bytes(encoded(CLIP))


def without(module: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(sys.modules, module, None)


def no_media(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "x.m4a").write_bytes(media_bytes(CLIP))
    without("av")(patch)


def loop(folder: Path, _patch: pytest.MonkeyPatch) -> None:
    (folder / "x.wav").symlink_to("x.wav")


def broken_link(folder: Path, _patch: pytest.MonkeyPatch) -> None:
    (folder / "x.wav").symlink_to("gone.wav")


def deep_audio(folder: Path, _patch: pytest.MonkeyPatch) -> None:
    (folder / "d" / "e").mkdir(parents=True)
    (folder / "d" / "e" / "x.wav").write_bytes(encoded(CLIP))


AUDIO = [
    Case("no such file", nothing, "x.wav", 2, "x.wav: no such file"),
    Case("empty file", content(b""), "x.wav", 2, "x.wav: is empty"),
    Case("text file", content("Dear diary\n" * 50, "x.txt"), "x.txt", 2, "x.txt: not audio .*text"),
    Case("text called wav", content("Dear diary\n" * 50), "x.wav", 2, "not audio .*text"),
    Case("picture called wav", content(b"\x89PNG\r\n\x1a\n" + bytes(99)), "x.wav", 2, "not audio .*PNG"),
    Case("random bytes", content(np.random.default_rng(0).bytes(5000), "x.mp3"), "x.mp3", 2, "x.mp3: "),
    Case("header only", content(wav_bytes()), "x.wav", 2, "x.wav: "),
    Case("half a header", content(wav_bytes(PCM)[:20]), "x.wav", 2, "x.wav: "),
    Case("truncated WAV", content(wav_bytes(PCM[: len(PCM) // 2], promised=len(PCM))), "x.wav", 0, "cut short"),
    Case("truncated FLAC", content(FLAC[:-9000], "x.flac"), "x.flac", 0, "cut short|damaged"),
    Case("wrong extension", content(FLAC, "x.mp3"), "x.mp3", 0, "REAL|FAKE|UNSURE"),
    Case("NaN", content(with_bad(float("nan"))), "x.wav", 2, "1.250 s is NaN or infinite"),
    Case("infinity", content(with_bad(float("inf"))), "x.wav", 2, "1.250 s is NaN or infinite"),
    Case("unscaled floats", content(float_wav(CLIP * 32768)), "x.wav", 2, "full scale is 1"),
    Case("0.1 s", content(encoded(CLIP[:1600])), "x.wav", 0, "lasts only 0.10 s; at least 0.5 s"),
    Case("one sample", content(encoded(CLIP[:1])), "x.wav", 0, "lasts only 0.00 s"),
    Case("silence", content(encoded(np.zeros(RATE))), "x.wav", 0, "it is silent"),
    Case("8 channels", content(encoded(np.stack([CLIP] * 8, axis=1))), "x.wav", 0, "0:03.0"),
    Case("192 kHz", content(encoded(np.repeat(CLIP, 12), rate=192_000)), "x.wav", 0, "0:03.0"),
    Case("opposite channels", content(encoded(np.stack([CLIP, -CLIP], axis=1))), "x.wav", 0, "opposite phase"),
    Case("empty folder", lambda folder, _: (folder / "d").mkdir(), "d", 2, "d: no audio files in this folder"),
    Case("audio lies deeper", deep_audio, "d", 2, "--recursive"),
    Case("no permission", unreadable, "x.wav", 2, "x.wav: no permission"),
    Case("broken link", broken_link, "x.wav", 2, "link to a file that does not exist"),
    Case("link to itself", loop, "x.wav", 2, "symbolic links"),
    Case("device", nothing, "/dev/zero", 2, "is a device"),
    Case("address", nothing, "https://example.org/a.wav", 2, "download it first"),
    Case("steering name", nothing, "a\x1b[31m.wav", 2, r"a\\x1b\[31m.wav: no such file"),
    Case("name too long", nothing, "a" * 5000, 2, "name too long"),
    Case("NUL in the name", nothing, "a\0b.wav", 2, "NUL"),
    Case("empty stdin", piped(b""), "-", 2, "stdin: .*empty"),
    Case("text on stdin", piped(b"hello world " * 99), "-", 2, "stdin: not audio"),
    Case("terminal as stdin", piped(b"", terminal=True), "-", 2, "stdin: nothing is piped"),
    Case("m4a without the extra", no_media, "x.m4a", 2, r"pip install 'fakemamba\[media\]'"),
]


def options(name: str, words: str, said: str) -> Case:
    return Case(name, good, f"x.wav {words}", 2, said)


OPTIONS = [
    Case("empty file name", good, "x.wav ", 2, "a file's name is empty"),
    Case("no files", nothing, "", 2, "Missing argument"),
    options("unknown option", "--jsno", "No such option"),
    options("threads 0", "--threads 0", "threads must be from 1 to"),
    options("threads by the million", "--threads 1000000", "threads must be from 1 to"),
    options("a device of no use", "--device meta", "choose cpu, cuda"),
    Case("empty model name", good, "x.wav --model ", 2, "the model's name is empty"),
    options("threads text", "--threads many", "--threads"),
    options("threshold text", "--threshold high", "--threshold"),
    options("threshold NaN", "--threshold nan", "finite"),
    options("unknown device", "--device banana", "banana"),
    options("two formats", "--json --csv", "only one of --json and --csv"),
    options("unknown ending", "-o report.pdf", "unknown ending"),
    options("no ending", "-o report", "unknown ending"),
    options("output twice", "-o r.html -o ./r.html", "given twice"),
    options("output is the input", "-o x.wav --json", "overwritten"),
    options("output name too long", f"-o {'a' * 300}.html", "too long"),
    options("output is a folder", "-o . --json", "is a folder"),
    options("no such folder", "-o gone/r.html", "there is no folder gone"),
    options("a format for two outputs", "--json -o a.json -o b.json", "leave --json out"),
    Case("folder without permission", read_only_folder, "x.wav -o r.html", 2, "no permission"),
]


def model(**changes: Any) -> Callable[[Path, pytest.MonkeyPatch], object]:
    """A good clip, and a model whose card has been tampered with."""

    def make(folder: Path, patch: pytest.MonkeyPatch) -> None:
        good(folder, patch)
        card = json.loads((write_tiny_model(folder / "m") / "config.json").read_text())
        (folder / "m" / "config.json").write_text(json.dumps({**card, **changes}))

    return make


def card_text(text: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    def make(folder: Path, patch: pytest.MonkeyPatch) -> None:
        good(folder, patch)
        write_tiny_model(folder / "m")
        (folder / "m" / "config.json").write_text(text)

    return make


def files(**contents: bytes) -> Callable[[Path, pytest.MonkeyPatch], object]:
    """A good clip, and a model folder of these files with the right hashes."""

    def make(folder: Path, patch: pytest.MonkeyPatch) -> None:
        good(folder, patch)
        write_folder(folder / "m", tiny_card(), {name.replace("_", "."): data for name, data in contents.items()})

    return make


def changed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    good(folder, patch)
    path = write_tiny_model(folder / "m") / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")


def both(make: Callable[..., object], patching: Callable[[pytest.MonkeyPatch], None]) -> Callable[..., None]:
    def made(folder: Path, patch: pytest.MonkeyPatch) -> None:
        make(folder, patch)
        patching(patch)

    return made


def file_as_model(folder: Path, patch: pytest.MonkeyPatch) -> None:
    good(folder, patch)
    (folder / "best.pth").write_bytes(b"x")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was executed",))


def external_onnx() -> bytes:
    """A graph whose constant is to be read from a file outside the model's folder."""
    import onnx

    graph = onnx.load_from_string(tiny_onnx())
    constant = graph.graph.initializer[0]
    constant.ClearField("float_data")
    constant.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "../../../../../../etc/passwd"), ("offset", "0"), ("length", "4")):
        constant.external_data.add(key=key, value=value)
    return bytes(graph.SerializeToString())


def hostile(name: str, make: Callable[..., object], said: str, words: str = "x.wav -m m") -> Case:
    return Case(name, make, words, 2, said)


PICKLE = pickle.dumps(Bomb())
CARD = tiny_card().model_dump(mode="json")
MODELS = [
    hostile("missing model", good, "nope: no such model", "x.wav -m nope"),
    hostile("folder without a card", good, r"\.: no config.json", "x.wav -m ."),
    hostile("a checkpoint as model", file_as_model, "models import", "x.wav -m best.pth"),
    hostile("the Hub without the extra", both(good, without("huggingface_hub")), r"fakemamba\[hub\]", "x.wav -m a/b"),
    hostile(
        "torch model without torch", both(files(model_safetensors=b"x"), without("torch")), r"pip .*fakemamba\[torch\]"
    ),
    hostile("pickle as safetensors", files(model_safetensors=PICKLE), "model.safetensors"),
    hostile("pickle as ONNX", files(model_onnx=PICKLE), "cannot open"),
    hostile("ONNX of another kind", files(model_onnx=tiny_onnx(inputs="audio")), "not waves and score"),
    hostile("ONNX reads other files", files(model_onnx=external_onnx()), "cannot open"),
    hostile("changed weights", changed, "SHA-256"),
    hostile("scores are NaN", files(model_onnx=tiny_onnx("nan")), "not a number"),
    hostile("no weights listed", model(files={}), "nothing to run"),
    hostile("unknown key", model(run="rm -rf /"), "config.json: run: "),
    hostile("unknown architecture", model(model={"encoder": {"kind": "gpt"}}), "model.encoder.kind"),
    hostile("path traversal", model(files={"../x.wav": "0" * 64}), "files"),
    hostile("hash of another form", model(files={"model.onnx": "deadbeef"}), "files"),
    hostile("newer format", model(format=2), "newer fakemamba"),
    hostile("other people's card", card_text('{"model_type": "wav2vec2"}'), "no fakemamba model card"),
    hostile("card is no JSON", card_text("{"), "not valid JSON"),
    hostile("card is a list", card_text("[]"), "JSON object"),
    hostile("deep card", card_text("[" * 100_000), "not valid JSON|JSON object"),
    hostile("huge card", card_text(json.dumps({**CARD, "origin": HEAVY})), "larger than"),
    hostile("window of one sample", model(model={**CARD["model"], "window": 1}), "too short"),
    hostile("exhausting sizes", model(model={**CARD["model"], "width": 10**12}), "out of range"),
    hostile("name steers the terminal", model(name="a\x1b[31m"), "name"),
    hostile("scale turns scores round", model(calibration={"scale": -1.0, "bias": 0.0}), "calibration.scale"),
]

CASES = [*AUDIO, *OPTIONS, *MODELS]


@pytest.fixture(scope="module")
def good_model(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case, tmp_path, monkeypatch, capsys, good_model):
    monkeypatch.chdir(tmp_path)
    case.make(tmp_path, monkeypatch)
    words = case.words.split(" ") if case.words else []
    if not {"-m", "--model"} & set(words):
        words += ["--model", str(good_model)]
    code = run(["detect", *words])
    captured = capsys.readouterr()
    assert code == case.code, captured.err
    said = captured.out if case.code == 0 else captured.err
    assert re.search(case.said, said), said
    assert "Traceback" not in captured.err
    if case.code:
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        assert said.strip().isprintable()
        assert len(said) < 900
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


def test_a_loud_mistake_leaves_the_rest_standing(tmp_path, monkeypatch, capsys, good_model):
    """One bad file among good ones: its line on stderr, the others' results kept, exit 2."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", CLIP, RATE)
    Path("b.wav").write_text("not audio")
    soundfile.write("c.wav", CLIP, RATE)
    assert run(["detect", "a.wav", "b.wav", "c.wav", "--model", str(good_model), "-o", "r.json"]) == 2
    document = json.loads(Path("r.json").read_text())
    assert [result["source"] for result in document["results"]] == ["a.wav", "c.wav"]
    assert [error["source"] for error in document["errors"]] == ["b.wav"]
    assert capsys.readouterr().err.count("\n") == 1


def test_there_are_enough_kinds():
    assert len(CASES) == len({case.name for case in CASES}) >= 60
