"""Opening a corpus: which split, is all there, are the numbers the official ones; one report, one error."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fakemamba.audio import open_audio
from fakemamba.data.corpora.corpus import Corpus, Counts, Listing, Options, Part
from fakemamba.data.corpora.marker import Marker, read_marker
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.tables import sample
from fakemamba.errors import ConfigError, DataError, FakeMambaError
from fakemamba.metrics.records import Record

ALL = "all"
_EVERY = "*"  # what a check looks at: all, without a word about the choice
_DEFAULT = "eval"
_OURS = ("train", "dev", "eval")
VALUED = ("attack", "codec", "vocoder", "language", "source")
_LISTENED = 5  # files per split that are opened


@dataclass(frozen=True)
class SplitFacts(Record):
    """What one split (one subset of it) holds.

    Attributes:
        split, subset: our word and the key's. bonafide, spoof: rows of the key.
        official: what the corpus must hold, None where that is not known.
        missing: rows without audio. outside: audio files that the key does not name.
        speakers: how many are known.
        values: of attack, codec, vocoder, language and source, where known: value -> (bona fide, spoof).
        hours: None where the corpus does not tell lengths. sample_rates: Hz, of the few files that were opened.
    """

    split: str
    subset: str
    bonafide: int
    spoof: int
    official: Counts | None
    missing: int
    outside: int
    speakers: int
    values: dict[str, dict[str, Counts]]
    hours: float | None
    sample_rates: tuple[int, ...]


@dataclass(frozen=True)
class CorpusReport(Record):
    """What `check_corpus` found.

    Attributes:
        corpus, root: what was checked. splits: what is there.
        problems: why it cannot be used as it is. warnings: what makes it doubtful. notes: what was chosen.
    """

    corpus: str
    root: str
    splits: tuple[SplitFacts, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def usable(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Opened:
    """A corpus as read: its data set without what has no audio, and the report about it."""

    dataset: Dataset
    report: CorpusReport


@dataclass(frozen=True)
class _Read:
    part: Part
    listing: Listing


def open_checked(corpus: Corpus, root: Path, *, split: str | None, options: Options, every: bool = False) -> Opened:
    """Read and check; whatever a user can mend is in `report.problems`, not raised.

    Args:
        corpus: which.
        root: its folder.
        split: see `open_corpus`. options: what else was said.
        every: None means all splits and subsets, without a choice.

    Raises:
        ConfigError: the corpus has no such split.
    """
    asked = _EVERY if every and split is None else split
    problems: list[str] = []
    notes: list[str] = []
    chosen: list[Part] = []
    marker: Marker | None = None
    try:
        marker = read_marker(root, corpus.name)
        chosen, notes = _choose(corpus, root, corpus.parts(root, options), asked)
    except DataError as error:
        problems.append(str(error))
    read = _read(chosen, problems)
    read, more = _subset(corpus, root, read, asked)
    notes += more + ([] if marker is None else [f"{root} is a generated miniature, not the corpus"])
    facts: list[SplitFacts] = []
    warnings: list[str] = []
    for item in read:
        rates, faults, heard = _listen(item.listing)
        # One broken file among many is left to whoever reads them all, who counts and names it.
        problems += (faults if not rates else []) + _gone(item)
        warnings += (
            [f"{len(faults)} of {heard} files that were opened are broken: {faults[0]}"] if rates and faults else []
        )
        facts += _facts(item, rates, marker)
        notes += item.listing.notes
        warnings += item.listing.warnings
        if item.listing.outside:
            notes.append(f"{item.listing.outside} audio files that no key or label names are left out")
    warnings += [_miscounted(fact) for fact in facts if fact.official not in (None, (fact.bonafide, fact.spoof))]
    there = tuple(u for item in read for u in item.listing.utterances if u.id not in item.listing.missing)
    if read and not problems:
        warnings += _one_class(there)
    report = CorpusReport(corpus.name, str(root), tuple(facts), tuple(problems), _once(warnings), _once(notes))
    name = f"{corpus.name} {split or '+'.join(item.part.split for item in read)}".strip()
    return Opened(Dataset(name, there, report.notes, report.warnings), report)


def _read(parts: list[Part], problems: list[str]) -> list[_Read]:
    """Every part that can be read; what is wrong with the others is added to `problems`."""
    read = []
    for part in parts:
        try:
            read.append(_Read(part, part.load()))
        except DataError as error:
            problems.append(str(error))
    return read


def _choose(corpus: Corpus, root: Path, parts: list[Part], split: str | None) -> tuple[list[Part], list[str]]:
    """The parts to read and what to say about it; the subsets of a key are looked at later."""
    names = [part.split for part in parts]
    listed = ", ".join(names)
    if not parts:
        raise DataError(f"{root}: no split of {corpus.name} is there; expected {corpus.layout}")
    if names == [""]:
        _check_word(corpus, root, split, (*_OURS, ALL, _EVERY))
        asked = split in _OURS
        return parts, [f"{corpus.name} has no splits: all of it is taken as {split}"] if asked else []
    if split in (ALL, _EVERY):
        return parts, [f"splits mixed as asked: {listed}"] if len(parts) > 1 and split == ALL else []
    if split is None and len(parts) == 1:
        return parts, []
    wanted = split or _DEFAULT
    if wanted in names:
        note = f"split {wanted!r} chosen of {listed}"
        return [parts[names.index(wanted)]], [note] if split is None else []
    subsets = {subset: part for part in parts for subset in part.subsets}
    if wanted in subsets:
        return [subsets[wanted]], []
    choices = ", ".join(dict.fromkeys([*names, *subsets, ALL]))
    if wanted in _OURS:
        raise DataError(f"{root}: the split {wanted!r} of {corpus.name} is not there; it has {listed}")
    raise ConfigError(f"{corpus.name} has no split {wanted!r}: choose one of {choices}")


def _check_word(corpus: Corpus, root: Path, split: str | None, known: Sequence[str]) -> None:
    if split is not None and split not in known:
        raise ConfigError(f"{corpus.name} ({root}) has no split {split!r}: choose one of {', '.join(_OURS)}")


def _subset(corpus: Corpus, root: Path, read: list[_Read], split: str | None) -> tuple[list[_Read], list[str]]:
    """Keep one subset where a key has several (2021: progress, eval, hidden): never mixed without being asked to."""
    kept: list[_Read] = []
    notes: list[str] = []
    for item in read:
        counts = Counter(u.subset for u in item.listing.utterances)
        listed = ", ".join(f"{name or '(none)'} {count}" for name, count in counts.items())
        wanted = split or (_DEFAULT if _DEFAULT in item.part.subsets else item.part.split)
        if (wanted in (ALL, _EVERY, item.part.split) and wanted not in item.part.subsets) or not item.part.subsets:
            kept.append(item)  # whole; several conditions of one test are told, since their numbers differ
            if len(counts) > 1 and wanted != _EVERY:
                notes.append(f"subsets together: {listed}")
            continue
        if wanted not in counts:
            raise ConfigError(f"{corpus.name} ({root}) has no subset {wanted!r}: choose one of {listed}, {ALL}")
        if len(counts) > 1:
            notes.append(f"subset {wanted!r} chosen of {listed}")
        keep = tuple(u for u in item.listing.utterances if u.subset == wanted)
        missing = item.listing.missing & {u.id for u in keep}
        kept.append(_Read(item.part, replace(item.listing, utterances=keep, missing=missing)))
    return kept, notes


def _listen(listing: Listing) -> tuple[tuple[int, ...], list[str], int]:
    """Open a few files, spread evenly: their sample rates, what is no audio, and how many were opened."""
    there = [u for u in listing.utterances if u.id not in listing.missing]
    step = max(1, len(there) // _LISTENED)
    rates, faults = set(), []
    chosen = there[::step][:_LISTENED]
    for utterance in chosen:
        try:
            with open_audio(utterance.path) as stream:
                rates.add(stream.sample_rate)
        except FakeMambaError as error:
            faults.append(str(error))
    return tuple(sorted(rates)), faults, len(chosen)


def _gone(item: _Read) -> list[str]:
    total, missing = len(item.listing.utterances), item.listing.missing
    ids = Counter(u.id for u in item.listing.utterances)
    if not total:
        return [f"{item.part.split or 'it'} holds no utterance"]
    if len(ids) < total:
        return [f"{total - len(ids)} ids stand twice: {sample([name for name, count in ids.items() if count > 1])}"]
    if not missing:
        return []
    first = next(u for u in item.listing.utterances if u.id in missing)
    names = [u.id for u in item.listing.utterances if u.id in missing]
    split = f" of {item.part.split}" if item.part.split else ""
    return [f"{len(missing)} of {total} utterances{split} have no audio below {first.path.parent}: {sample(names)}"]


def _facts(item: _Read, rates: tuple[int, ...], marker: Marker | None) -> list[SplitFacts]:
    groups: dict[str, list[Utterance]] = {}
    for utterance in item.listing.utterances:
        groups.setdefault(utterance.subset, []).append(utterance)
    facts = []
    for place, (subset, members) in enumerate(groups.items()):
        lengths = [u.seconds for u in members if u.seconds is not None]
        bonafide = sum(u.label for u in members)
        official = item.part.official.get(subset)
        if marker is not None:
            official = marker.counts.get(f"{item.part.split}/{subset}")
        facts.append(
            SplitFacts(
                split=item.part.split,
                subset=subset,
                bonafide=bonafide,
                spoof=len(members) - bonafide,
                official=official,
                missing=sum(u.id in item.listing.missing for u in members),
                outside=0 if place else item.listing.outside,
                speakers=len({u.speaker for u in members} - {""}),
                values={name: counts for name in VALUED if (counts := _values(members, name))},
                hours=sum(lengths) / 3600 if len(lengths) == len(members) else None,
                sample_rates=rates,
            )
        )
    return facts


def _values(members: list[Utterance], column: str) -> dict[str, Counts]:
    """Known values, sorted, with how many of either class have them."""
    counts = Counter((str(getattr(u, column)), u.label) for u in members)
    return {value: (counts[value, 1], counts[value, 0]) for value in sorted({value for value, _ in counts} - {""})}


def _miscounted(fact: SplitFacts) -> str:
    assert fact.official is not None
    name = " ".join(dict.fromkeys(word for word in (fact.split, fact.subset) if word)) or "it"
    bonafide, spoof = fact.official
    return (
        f"{name} holds {fact.bonafide} bona fide and {fact.spoof} spoofed utterances, officially {bonafide} and "
        f"{spoof}: numbers from it do not compare with published ones"
    )


def _once(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _one_class(utterances: Sequence[Utterance]) -> list[str]:
    labels = {u.label for u in utterances}
    if len(labels) != 1:
        return []
    return ["all utterances are bona fide" if labels == {1} else "all utterances are spoofed: no genuine speech"]
