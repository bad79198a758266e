"""Scores as challenges and boards want them, one line a clip; all of them are read back by `fakemamba metrics`.

2021       LA_E_9332881 -4.21                  (ASVspoof 2021 submission)
2019       LA_E_2834763 A11 spoof -4.21
asvspoof5  filename<TAB>cm-score, then a line each
board      utt_id -4.21                        (arena boards; higher = bona fide)
"""

from collections.abc import Callable
from typing import Literal, get_args

from fakemamba.data.tables import sample
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation.judged import Judged

FormatName = Literal["2021", "2019", "asvspoof5", "board"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)


def render_scores(judged: Judged, name: FormatName) -> str:
    """The score file of a format, raw scores with the digits that a float32 has.

    Args:
        judged: the trials.
        name: 2021, 2019, asvspoof5 or board.

    Raises:
        ConfigError: an unknown format.
        DataError: the format has no place for an id, which holds blanks, or an id stands twice.
    """
    check_format(name)
    ids = [str(text) for text in judged.ids.tolist()]
    split = [text for text in ids if len(text.split()) != 1]
    if split and name != "asvspoof5":
        raise DataError(f"the format {name} cannot hold ids with blanks: {sample(split)}; asvspoof5 can")
    if len(set(ids)) < len(ids):
        raise DataError("an id stands in more than one corpus: write a score file for each corpus")
    scores = [clip.score for clip in judged.clips] if judged.clips else judged.evidence.tolist()
    head, line = _LINES[name]
    attacks = judged.columns["attack"].tolist() if "attack" in judged.columns else [""] * len(ids)
    rows = zip(ids, attacks, judged.labels.tolist(), scores, strict=True)
    return head + "".join(line(text, attack, label, f"{score:.9g}") for text, attack, label, score in rows)


def check_format(name: str) -> FormatName:
    """The name, if it is one; ConfigError otherwise."""
    for known in FORMATS:
        if name == known:
            return known
    raise ConfigError(f"unknown score format {name!r}: choose one of {', '.join(FORMATS)}")


def _pair(text: str, _attack: str, _label: int, score: str) -> str:
    return f"{text} {score}\n"


def _tabbed(text: str, _attack: str, _label: int, score: str) -> str:
    return f"{text}\t{score}\n"


def _old(text: str, attack: str, label: int, score: str) -> str:
    return f"{text} {'-'.join(attack.split()) or '-'} {'bonafide' if label else 'spoof'} {score}\n"


_LINES: dict[FormatName, tuple[str, Callable[[str, str, int, str], str]]] = {
    "2021": ("", _pair),
    "2019": ("", _old),
    "asvspoof5": ("filename\tcm-score\n", _tabbed),
    "board": ("", _pair),
}
