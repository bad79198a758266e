"""Scored clips and their rows in `scores.tsv`.

id  score  llr  verdict  label  seconds  corpus … source  path  windows  frames
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from fakemamba.data.dataset import COLUMNS, Utterance
from fakemamba.decision import Verdict
from fakemamba.errors import DataError
from fakemamba.metrics.records import Record

SCORES, META = "scores.tsv", "scores.json"
FIELDS = ("id", "score", "llr", "verdict", "label", "seconds", *COLUMNS, "path", "windows", "frames")
_LABELS = {"bonafide": 1, "spoof": 0}


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """A clip with its answer.

    Attributes:
        utterance: what is known of the clip; `seconds` is set.
        score: raw, higher = more genuine.
        llr: calibrated log-likelihood ratio (natural log); None for a model without calibration.
        verdict: by the model's thresholds; None for a model that gives none.
        windows: raw scores of windows in time (protocol locate), else empty.
        hop: seconds from one window's start to the next; window: seconds of each; 0 without windows.
    """

    utterance: Utterance
    score: float
    llr: float | None = None
    verdict: Verdict | None = None
    windows: tuple[float, ...] = ()
    hop: float = 0.0
    window: float = 0.0


@dataclass(frozen=True)
class Origin(Record):
    """What scores were made with; files of different origin never mix.

    Attributes:
        model, model_sha256, licence: of the model; "" where unknown.
        precision: that the model computed in; "" where unknown.
        protocol: fixed, whole, detect or locate; "" for scores made elsewhere.
        dataset: its name. expected: how many clips it holds; 0 where unknown.
        threshold, unsure_below, unsure_above: LLR (raw score without calibration); None without verdicts.
        operating_point: the decision's name in the model's card, if it has one.
        calibrated: whether the scores have an LLR. calibrations: by which, as JSON; "" where unknown.
        window, hop: seconds.
        version: of fakemamba.
    """

    dataset: str
    model: str = ""
    model_sha256: str = ""
    licence: str = ""
    precision: str = ""
    protocol: str = ""
    threshold: float | None = None
    unsure_below: float | None = None
    unsure_above: float | None = None
    operating_point: str | None = None
    calibrated: bool = False
    calibrations: str = ""
    window: float | None = None
    hop: float | None = None
    expected: int = 0
    version: str = ""


def key_of(utterance: Utterance) -> tuple[str, str]:
    """What tells clips apart: ids are unique within a corpus."""
    return utterance.corpus, utterance.id


def read_clips(path: Path) -> list[ScoredClip]:
    """The rows of a `scores.tsv`; a broken last row is left out.

    Raises:
        DataError: the file is missing, no such table, or a row is damaged or doubled.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}") from error
    lines = text[: text.rfind("\n") + 1].split("\n")[:-1]
    if not lines or tuple(lines[0].split("\t")) != FIELDS:
        raise DataError(f"{path}: not a score file of fakemamba evaluate (its first line must begin with: id, score)")
    clips = [_clip(line, f"{path}, line {number}") for number, line in enumerate(lines[1:], 2)]
    seen: set[tuple[str, str]] = set()
    for clip in clips:
        if (key := key_of(clip.utterance)) in seen:
            raise DataError(f"{path}: {clip.utterance.id} stands there twice; delete one of its rows")
        seen.add(key)
    return clips


def read_origin(folder: Path) -> Origin | None:
    """What the scores in a folder were made with; None where nothing is said.

    Raises:
        DataError: `scores.json` is damaged.
    """
    path = folder / META
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
        known = {field.name for field in fields(Origin)}
        return Origin(**{name: value for name, value in data.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is damaged ({error}); delete it with scores.tsv to start again") from error


def nameable(utterance: Utterance) -> bool:
    """Whether its id, path and columns fit a row: no tab, no line break, nothing that is no text."""
    texts = [utterance.id, str(utterance.path), str(utterance.frames or ""), *_columns(utterance)]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return not any("\t" in text or len(f"{text}.".splitlines()) > 1 for text in texts)


def cells(clip: ScoredClip) -> Iterable[str]:
    """A clip's row, by FIELDS."""
    u = clip.utterance
    yield u.id
    yield repr(clip.score)
    yield "" if clip.llr is None else repr(clip.llr)
    yield clip.verdict or ""
    yield "bonafide" if u.label else "spoof"
    yield "" if u.seconds is None else f"{u.seconds:.4f}"
    yield from _columns(u)
    yield str(u.path)
    yield f"{clip.window!r}:{clip.hop!r}:{','.join(map(repr, clip.windows))}" if clip.windows else ""
    yield str(u.frames or "")


def _columns(utterance: Utterance) -> list[str]:
    return [str(getattr(utterance, name)) for name in COLUMNS]


def row(cells: Iterable[str]) -> bytes:
    return ("\t".join(cells) + "\n").encode()


def _clip(line: str, at: str) -> ScoredClip:
    cells = line.split("\t")
    if len(cells) != len(FIELDS):
        raise DataError(f"{at}: {len(cells)} columns, not {len(FIELDS)}; delete this row to have it scored again")
    row = dict(zip(FIELDS, cells, strict=True))
    try:
        utterance = Utterance(
            id=row["id"],
            path=Path(row["path"]),
            label=_LABELS[row["label"]],
            corpus=row["corpus"],
            seconds=float(row["seconds"]) if row["seconds"] else None,
            frames=Path(row["frames"]) if row["frames"] else None,
        )
        known: dict[str, Any] = {name: row[name] for name in COLUMNS}
        utterance = replace(utterance, **known)
        clip = ScoredClip(
            utterance, float(row["score"]), float(row["llr"]) if row["llr"] else None, _verdict(row["verdict"])
        )
        if row["windows"]:
            window, hop, scores = row["windows"].split(":")
            clip = replace(
                clip, window=float(window), hop=float(hop), windows=tuple(float(cell) for cell in scores.split(","))
            )
    except (ValueError, KeyError) as error:
        raise DataError(f"{at}: is damaged ({error}); delete this row to have it scored again") from error
    if not math.isfinite(clip.score):
        raise DataError(f"{at}: the score is {clip.score}; delete this row to have it scored again")
    return clip


def _verdict(cell: str) -> Verdict | None:
    if cell not in ("", "real", "fake", "unsure"):
        raise ValueError(f"verdict {cell!r}")
    return cast(Verdict, cell) if cell else None
