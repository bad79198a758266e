"""docs/streaming.md says what really happens."""

import json
import re

import pytest

import fakemamba
from conftest import ROOT
from fakemamba.audio.pcm import ENCODINGS
from fakemamba.stream import StreamConfig, events

PAGE = (ROOT / "docs" / "streaming.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_print_what_the_page_shows(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    names: dict = {}
    first, second = blocks("python")
    exec(compile(first, "streaming.md", "exec"), names)
    printed = capsys.readouterr().out
    ours, shown = ([json.loads(line) for line in text.splitlines()] for text in (printed, *blocks("json")))
    assert len(ours) == len(shown)
    for one, other in zip(ours, shown, strict=True):
        assert list(one) == list(other)
        for key, value in other.items():
            assert one[key] == (pytest.approx(value, abs=1e-3) if isinstance(value, float | list) else value), key
    exec(compile(second, "streaming.md", "exec"), names)
    assert capsys.readouterr().out == blocks("text")[0]


def test_all_that_can_be_said_is_on_the_page():
    kinds = [kind.event for kind in fakemamba.Event.__subclasses__()]
    assert all(f"| `{kind}` |" in PAGE for kind in kinds)
    assert all(f"`{why}`" in PAGE for why in events.UnsureReason.__args__)
    assert "|".join(ENCODINGS) in PAGE
    for name, field in StreamConfig.model_fields.items():
        assert f"`{name}`" in PAGE
        assert field.default is None or f"{field.default:g}" in PAGE
