"""Several corpora as one data set, by a table in TOML: weights, caps, label maps, what to keep and what to leave out.

[data]
balance = ["class", "corpus"]
leave_out = ["attack=A04"]
train = [{ corpus = "asvspoof2019-la", root = "LA" }, { corpus = "mlaad", root = "MLAAD", weight = 0.5, cap = 20000 }]
dev = [{ corpus = "asvspoof2019-la", root = "LA" }]
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from fakemamba.config import Frozen
from fakemamba.data.corpora import open_corpus
from fakemamba.data.dataset import COLUMNS, Dataset, Utterance
from fakemamba.data.tables import sample
from fakemamba.errors import ConfigError, DataError

Balance = Literal["class", "corpus", "attack", "speaker", "language", "source"]
MEANINGS: dict[str, int | None] = {"bonafide": 1, "spoof": 0, "ignore": None}


class CorpusConfig(Frozen):
    """One source of a mix.

    Attributes:
        corpus: a name that `open_corpus` takes. root: its folder. genuine: folders of its human counterpart.
        split: of the corpus; None is "train" among the training sources and "dev" among the others.
        name: what to call it, where one kind of corpus comes twice; else `corpus`.
        weight: how often it is drawn, relative to others: 0.5 is half of it an epoch, 2 is each utterance twice;
            under balance by corpus the share of the corpus.
        cap: at most that many utterances, drawn once by the seed, with the classes in proportion.
        labels: what words mean: of the label column ("tts" = "spoof"; tables and folders only), or of another
            ("codec=C05" = "ignore"); the meanings are bonafide, spoof and ignore.
        only, exclude: column -> values that stay, or go: only = { language = ["en", "de"] }.
    """

    corpus: str
    root: str
    split: str | None = None
    genuine: tuple[str, ...] = ()
    name: str | None = None
    weight: float = Field(1.0, gt=0, le=1000, allow_inf_nan=False)
    cap: int | None = Field(None, ge=1)
    labels: dict[str, Literal["bonafide", "spoof", "ignore"]] = Field(default_factory=dict)
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    exclude: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("only", "exclude")
    @classmethod
    def _columns_exist(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for column in value:
            if column not in COLUMNS:
                raise ValueError(f"no column {column!r}: choose one of {', '.join(COLUMNS)}")
        return value


class DataConfig(Frozen):
    """What to train on and what to choose the best epoch by.

    Attributes:
        train, dev: the sources.
        leave_out: corpora (by name) or values ("attack=A04") that neither side may see.
        balance: what every epoch holds in equal shares, the first word first; () draws each utterance once.
    """

    train: tuple[CorpusConfig, ...] = Field(min_length=1)
    dev: tuple[CorpusConfig, ...] = ()
    leave_out: tuple[str, ...] = ()
    balance: tuple[Balance, ...] = ()

    @field_validator("balance")
    @classmethod
    def _each_once(cls, value: tuple[Balance, ...]) -> tuple[Balance, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a word stands twice")
        return value


def open_mix(
    sources: Sequence[CorpusConfig], *, split: str = "train", leave_out: Sequence[str] = (), seed: int = 0
) -> Dataset:
    """Open sources, each checked, as one data set.

    Args:
        sources: at least one, in the order of the result.
        split: for the sources that name none.
        leave_out: see `DataConfig`.
        seed: of the draws that caps make.

    Raises:
        ConfigError: an unknown corpus, split, column or label word.
        DataError: a source cannot be used as it is, nothing is left of it, or a recording is in two of them.
    """
    return _mix(sources, split, leave_out, seed)[0]


def open_data(config: DataConfig, *, seed: int = 0) -> tuple[Dataset, Dataset | None]:
    """The training and the development set (None without `dev`), checked to have no recording in common.

    Raises:
        what `open_mix` does; ConfigError: `leave_out` names what is not there.
    """
    train, idle = _mix(config.train, "train", config.leave_out, seed)
    if idle:  # a slip of the pen, and the numbers of what follows would be wrong
        raise ConfigError(f"leave_out {idle[0]!r} is not in the training data, so nothing is left out by it")
    if not config.dev:
        return train, None
    dev = open_mix(config.dev, split="dev", leave_out=config.leave_out, seed=seed)
    common = sorted(str(path) for path in {u.path for u in train.utterances} & {u.path for u in dev.utterances})
    if common:
        raise DataError(f"{len(common)} recordings are in train and in dev: {sample(common)}; give each its own split")
    return train, dev


def _mix(
    sources: Sequence[CorpusConfig], split: str, leave_out: Sequence[str], seed: int
) -> tuple[Dataset, tuple[str, ...]]:
    """The mix, and which words of `leave_out` left nothing out."""
    if not sources:
        raise ConfigError("no corpus to open: give at least one")
    rules = {text: _condition(text) for text in leave_out}
    used: set[str] = set()
    parts = []
    for place, config in enumerate(sources):
        name = config.name or config.corpus
        if name in rules:  # not even opened, so that it need not be there
            used.add(name)
            continue
        whole = _open(config, split)
        hit = {text: [rule(u) for u in whole.utterances] for text, rule in rules.items()}
        used |= {text for text, found in hit.items() if any(found)}
        gone = [any(found) for found in zip(*hit.values(), strict=True)] if hit else [False] * len(whole)
        kept = tuple(u for u, left in zip(whole.utterances, gone, strict=True) if not left)
        if kept:
            part = replace(whole, utterances=kept)
            parts.append(_capped(part, config, np.random.default_rng([seed, place])))
    if not parts:
        raise DataError(f"nothing is left of {sample([s.corpus for s in sources])} without {', '.join(leave_out)}")
    return _joined(parts), tuple(text for text in rules if text not in used)


def _joined(parts: list[Dataset]) -> Dataset:
    utterances = tuple(u for part in parts for u in part.utterances)
    twice = [str(path) for path, count in Counter(u.path for u in utterances).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice)} recordings are in two sources: {sample(twice)}")
    return Dataset(
        " + ".join(part.name for part in parts),
        utterances,
        tuple(f"{part.name}: {text}" for part in parts for text in part.notes),
        tuple(f"{part.name}: {text}" for part in parts for text in part.warnings),
    )


def _open(config: CorpusConfig, split: str) -> Dataset:
    words = {word: MEANINGS[label] for word, label in config.labels.items() if "=" not in word}
    dataset = open_corpus(
        config.corpus,
        Path(config.root).expanduser(),
        split=config.split or split,
        genuine=[Path(p).expanduser() for p in config.genuine],
        labels=words,
    )
    keep = _keep(config)
    relabel = [(_condition(word), MEANINGS[label]) for word, label in config.labels.items() if "=" in word]
    name = config.name or config.corpus
    made = []
    for utterance in dataset.utterances:
        label: int | None = utterance.label
        for rule, meaning in relabel:
            label = meaning if rule(utterance) else label
        if label is not None and keep(utterance):
            made.append(replace(utterance, label=label, corpus=name, weight=config.weight))
    if not made:
        raise DataError(f"{config.corpus} ({config.root}): only, exclude and labels leave nothing of {len(dataset)}")
    return replace(dataset, name=dataset.name.replace(config.corpus, name, 1), utterances=tuple(made))


def _keep(config: CorpusConfig) -> Callable[[Utterance], bool]:
    only = {column: frozenset(values) for column, values in config.only.items()}
    gone = {column: frozenset(values) for column, values in config.exclude.items()}

    def keep(utterance: Utterance) -> bool:
        return all(getattr(utterance, column) in values for column, values in only.items()) and not any(
            getattr(utterance, column) in values for column, values in gone.items()
        )

    return keep


def _condition(text: str) -> Callable[[Utterance], bool]:
    """ "attack=A04" or the name of a corpus as a question to an utterance."""
    column, mark, value = text.partition("=")
    if not mark:
        column, value = "corpus", text
    if column not in COLUMNS:
        raise ConfigError(f"{text!r}: no column {column!r}; choose one of {', '.join(COLUMNS)}")
    return lambda utterance: getattr(utterance, column) == value


def _capped(dataset: Dataset, config: CorpusConfig, rng: np.random.Generator) -> Dataset:
    """At most `cap` utterances, as many of either class as its share asks for, in the same order."""
    if config.cap is None or len(dataset) <= config.cap:
        return dataset
    labels = dataset.labels
    spoofed = np.flatnonzero(labels == 0)
    genuine = np.flatnonzero(labels == 1)
    of_genuine = round(config.cap * len(genuine) / len(dataset))
    chosen = [rng.permutation(genuine)[:of_genuine], rng.permutation(spoofed)[: config.cap - of_genuine]]
    kept = tuple(dataset.utterances[row] for row in np.sort(np.concatenate(chosen)).tolist())
    note = f"{config.cap} of {len(dataset)} utterances drawn, as capped"
    return replace(dataset, utterances=kept, notes=(*dataset.notes, note))
