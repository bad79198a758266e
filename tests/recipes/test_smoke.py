"""The recipe from end to end, on next to nothing."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from fakemamba.checkpoint.card import read_card
from recipes.builtin import manifest
from recipes.builtin.__main__ import main

CORPUS = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpus"
MISSING = [tool for tool in ("espeak-ng", "flite") if shutil.which(tool) is None]
MISSING += [name for name in ("pyworld", "onnxscript") if find_spec(name) is None]


@pytest.mark.filterwarnings("ignore:pkg_resources")
@pytest.mark.skipif(not (CORPUS / "corpus.tsv").exists(), reason="the training corpus is not beside this checkout")
@pytest.mark.skipif(bool(MISSING), reason=f"the recipe's tools are not installed: {', '.join(MISSING)}")
def test_every_step_runs_on_a_few_clips(tmp_path: Path) -> None:
    main(["--smoke", "--corpus", str(CORPUS), "--work", str(tmp_path), "--out", str(tmp_path / "tiny")])
    tables = {path.stem: manifest.read(path) for path in tmp_path.glob("*.tsv")}
    assert set(tables) == {"synthetic", "copies-00", "copies-01", "own-00", "own-01", "partial", "partial-dev", "test"}
    assert all(tables.values())
    assert {c.system for c in tables["synthetic"]} == {"espeak-ng", "flite"}
    assert all(c.spans for c in tables["partial"])
    card = read_card(tmp_path / "tiny" / "config.json")
    assert (tmp_path / "tiny" / "model.onnx").exists()
    assert card.name == "tiny"
    assert card.training["recipe"] == "python -m recipes.builtin --smoke"
    assert set(card.training["clips"]) == {"bonafide", "spoof"}
    found = json.loads((tmp_path / "report-tiny" / "report.json").read_text())
    assert card.training["error_rates"]["sets"][0]["eer"] == round(found["conditions"]["clean"]["macro"], 1)
    assert set(found["left_out"]["families"]) == {"clean", "light", "heavy", "line", "noise"}
    assert found["left_out"]["pages"]["clean"]
    assert (tmp_path / "report-tiny" / "report-codecs.png").stat().st_size > 1000
    assert (tmp_path / "shortcuts.md").exists()
    main(["--smoke", "--corpus", str(CORPUS), "--work", str(tmp_path), "--only", "copies:1"])
