"""The page on evaluation: its commands have the options that they use, its examples run."""

import re
import shlex
import tomllib

import pytest
from evaluation_makers import write_clips

from conftest import ROOT
from fakemamba.cli import app
from fakemamba.cli.progress import Rate
from fakemamba.config import parse
from fakemamba.evaluation.sources import MixFile

PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_every_command_knows_its_options():
    import typer

    commands = typer.main.get_command(app).commands
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines() if line]
    asked = [words for words in lines if words[:1] == ["fakemamba"]]
    assert len(asked) > 10
    for _, verb, *words in asked:
        known = {name for parameter in commands[verb].params for name in parameter.opts + parameter.secondary_opts}
        assert {word for word in words if word.startswith("-")} <= known, words


def test_the_mix_is_one():
    (text,) = blocks("toml")
    assert len(parse(MixFile, tomllib.loads(text), "docs").sources) == 2


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    write_clips(tmp_path / "my-folder", real=12, fake=12)
    monkeypatch.chdir(tmp_path)
    exec(blocks("python")[1], {})
    assert capsys.readouterr().out.count("\n") == 3


def test_the_boards_example_is_a_class_that_serves(tmp_path):
    space: dict = {}
    exec(blocks("python")[0], space)
    assert space["Mine"]().name == "my-system"


def test_rate_and_time_left_leave_out_what_earlier_runs_did(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("fakemamba.cli.progress.time.monotonic", lambda: clock[0])
    rate = Rate()
    assert rate.words(50, 130, 0.0) == ""
    clock[0] += 10
    assert rate.words(70, 130, 400.0) == "2.0 clips/s, 40x real time, 0:00:30 left"


@pytest.mark.parametrize("name", ["fixed", "whole", "detect", "locate"])
def test_every_protocol_is_explained(name):
    assert f"| `{name}` |" in PAGE
