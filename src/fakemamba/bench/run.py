"""Measures a plan: every group's processes in turn, round by round, each finished cell kept at once."""

import math
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from fakemamba.bench.backends import REFERENCE, Backend, backend
from fakemamba.bench.crew import Worker, WorkerError
from fakemamba.bench.plan import Point, duration_words
from fakemamba.bench.records import Cell, Reference, Skip, compare, timing
from fakemamba.bench.store import Store, stamp
from fakemamba.bench.subjects import Say, Subject
from fakemamba.machine.memory import available_bytes

Spec = tuple[Subject, Backend]
_PROBE = {"pass": 1.0, "encoder": 1.0, "windows": 10.0}  # seconds of audio that show what a second costs
_REFERENCE_SHARE = 0.25  # of the longest call: what a recording's reference may take


@dataclass(frozen=True)
class Settings:
    """Of all cells of a run.

    Attributes:
        device: "cpu", "cuda", ...
        budget: seconds of measuring for each back-end at each size.
        most, least: rounds, whatever the budget says.
        limit: seconds that one call may take; what would take longer is left out.
    """

    device: str = "cpu"
    budget: float = 5.0
    most: int = 20
    least: int = 3
    limit: float = 120.0

    def to_dict(self) -> dict[str, Any]:
        """For stamps and reports. The limit only decides what is left out."""
        return {"device": self.device, "budget": self.budget, "most": self.most, "least": self.least}


@dataclass(frozen=True)
class Group:
    """What takes turns: ways to run one size, and the reference."""

    point: Point
    specs: tuple[Spec, ...]
    reference: Spec | None

    def words(self) -> str:
        """For progress."""
        names = list(dict.fromkeys(subject.name for subject, _ in self.specs))
        return f"{names[0] if len(names) == 1 else 'encoders'}, {self.point.words()}"


def groups_of_models(
    subjects: Sequence[Subject], backends: Sequence[Backend], points: Callable[[Subject], list[Point]]
) -> list[Group]:
    """For each model and size a group of its back-ends."""
    found = []
    for subject in subjects:
        reference = (subject, reference_of(subject))
        names = {one.name for one in backends}
        own = subject.own
        more = [] if own is None or own in ("onnx", *names) else [backend(own)]  # an export for int8 or fp16
        specs = tuple((subject, one) for one in (*backends, *more))
        found += [Group(point, specs, reference) for point in points(subject)]
    return found


def reference_of(subject: Subject) -> Backend:
    """Eager float32 torch with the scan step by step; ONNX Runtime (on one thread) where torch cannot run it."""
    plain = backend(REFERENCE)
    return plain if subject.lacks(plain, "cpu") is None else backend(subject.own or "onnx")


def measure(groups: Sequence[Group], store: Store, settings: Settings, say: Say) -> list[Skip]:
    """Measure what the store lacks; the same call goes on where one was stopped.

    Returns:
        what was left out, and why.
    """
    skips: list[Skip] = []
    for number, group in enumerate(groups, 1):
        said = f"{number}/{len(groups)} {group.words()}"
        todo = []
        for subject, one in group.specs:
            reason = subject.lacks(one, settings.device)
            if reason is not None:
                skips.append(_skip((subject, one), group.point, reason))
            elif store.find(subject, one, group.point, _stamp((subject, one), group.point, settings)) is None:
                todo.append((subject, one))
        while todo:
            say(f"{said}: {', '.join(_name(spec, group) for spec in todo)}")
            todo = _measure_some(group, todo, store, settings, skips)
    return _once(skips)


def _measure_some(group: Group, todo: list[Spec], store: Store, settings: Settings, skips: list[Skip]) -> list[Spec]:
    """As many of `todo` as memory holds at once, at least one; returns what is left."""
    left = list(todo)
    with ExitStack() as stack:

        def enter(spec: Spec, *, reference: bool) -> "_Member | None":
            try:
                member = _open(spec, group.point, settings, stack, reference=reference)
            except (WorkerError, _TooLongError) as error:
                what = f"as the reference: {error}" if reference else str(error)
                skips.append(_skip(spec, group.point, what))
                return None
            return member

        reference = None if group.reference is None else enter(group.reference, reference=True)
        members: list[_Member] = []
        while left and (not members or _fits([*members, *([reference] if reference else [])])):
            member = enter(left.pop(0), reference=False)
            if member is not None:
                members.append(member)
        failed = _rounds([*([reference] if reference else []), *members], settings)
        for member in members:
            if member in failed:
                skips.append(_skip(member.spec, group.point, failed[member]))
            else:
                fit = reference if reference is not None and reference not in failed else None
                store.save(_cell(member, fit, group.point, settings))
    return left


class _TooLongError(Exception):
    """A call would take longer than the limit."""


@dataclass(eq=False)
class _Member:
    """A process that takes turns, and what it has shown."""

    spec: Spec
    worker: Worker
    seconds: float
    expected: float  # milliseconds of a call
    rounds: list[list[float]] = field(default_factory=list)
    joules: list[float | None] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def turn(self) -> None:
        """One round: quick calls are repeated until a clock can tell."""
        times = min(20, max(1, math.ceil(30 / max(self.expected, 0.1))))
        answer = self.worker.call(self.seconds, times)
        self.rounds.append(answer["ms"])
        self.joules.append(answer["joules"])
        self.scores = answer["scores"]


def _open(spec: Spec, point: Point, settings: Settings, stack: ExitStack, *, reference: bool) -> _Member:
    """Start a process, see what a second of audio costs, warm up at full size."""
    subject, one = spec
    threads = 1 if reference and one.engine.runs == "onnx" else point.threads
    worker = stack.enter_context(Worker(subject.job(one, point, device=settings.device, threads=threads)))
    probe = min(point.seconds, _PROBE[point.how])
    cost = worker.call(probe, 2)["ms"][-1] / probe  # the first call compiles, allocates and reads files
    seconds, limit = point.seconds, settings.limit
    if reference and point.how == "windows":  # windows all cost the same: a part of the recording tells the whole
        seconds = max(probe, min(seconds, math.floor(1e3 * _REFERENCE_SHARE * limit / cost)))
    if cost * seconds > 1e3 * limit:
        raise _TooLongError(f"a call would take about {duration_words(round(cost * seconds / 1e3))}: --limit allows it")
    expected = cost * seconds
    if expected < 1e4:
        expected = worker.call(seconds, 2)["ms"][-1]
    return _Member(spec, worker, seconds, expected, facts=worker.facts())


def _rounds(members: Sequence[_Member], settings: Settings) -> dict[_Member, str]:
    """Take turns until the budget is spent; who fails is left behind, with the reason."""
    failed: dict[_Member, str] = {}
    budget, spent, count = 1e3 * settings.budget * len(members), 0.0, 0
    least = 1 if any(member.expected > 6e4 for member in members) else settings.least
    while count < settings.most and (count < least or spent < budget):
        order = [member for member in members if member not in failed]
        random.Random(count).shuffle(order)  # nobody always follows the same one, a drift of the machine cancels out
        for member in order:
            try:
                member.turn()
                spent += sum(member.rounds[-1])
            except WorkerError as error:
                failed[member] = str(error)
        count += 1
    for member in members:
        if member not in failed:
            try:
                member.facts = member.worker.facts()
            except WorkerError as error:
                failed[member] = str(error)
    return failed


def _fits(members: Sequence[_Member]) -> bool:
    """Whether one more process like the largest would find memory."""
    free = available_bytes()
    peaks = [member.facts["peak_mb"] for member in members if member.facts.get("peak_mb")]
    return free is None or not peaks or free > 1.3e6 * max(peaks)


def _cell(member: _Member, reference: _Member | None, point: Point, settings: Settings) -> Cell:
    subject, one = member.spec
    opened = member.worker.opened
    return Cell(
        model=subject.name, random_weights=subject.random, backend=one.name, how=point.how, seconds=point.seconds,
        batch=point.batch, threads=point.threads, rounds=len(member.rounds), timing=_timing(member, point),
        scan=opened["scan"], parameters=opened["parameters"],
        reference=None if reference is None else _reference(member, reference, point),
        stamp=_stamp(member.spec, point, settings), versions=opened["versions"],
    )  # fmt: skip


def _reference(member: _Member, reference: _Member, point: Point) -> Reference:
    middle, low, high = compare(
        member.rounds, reference.rounds, seconds=member.seconds, reference_seconds=reference.seconds
    )
    same = member.seconds == reference.seconds and member.spec[0] == reference.spec[0]
    gaps = [abs(a - b) for a, b in zip(member.scores, reference.scores, strict=False)]
    return Reference(
        backend=reference.spec[1].name, threads=reference.worker.job.threads, timing=_timing(reference, point),
        ratio=middle, low=low, high=high, score_difference=max(gaps) if same and gaps else None,
    )  # fmt: skip


def _timing(member: _Member, point: Point) -> Any:
    known = [value for value in member.joules if value is not None]
    facts = {"load_s": member.worker.opened["load_s"], **member.facts}
    return timing(
        [value for turn in member.rounds for value in turn], seconds=member.seconds, batch=point.batch,
        joules=sum(known) if known and len(known) == len(member.joules) else None, facts=facts,
    )  # fmt: skip


def _stamp(spec: Spec, point: Point, settings: Settings) -> str:
    return stamp(*spec, point, settings.to_dict())


def _skip(spec: Spec, point: Point, reason: str) -> Skip:
    subject, one = spec
    return Skip(model=subject.name, backend=one.name, size=point.words(), reason=reason)


def _once(skips: Sequence[Skip]) -> list[Skip]:
    """What holds for several sizes is said once."""
    sizes: dict[tuple[str, str, str], list[str]] = {}
    for skip in skips:
        known = sizes.setdefault((skip.model, skip.backend, skip.reason), [])
        if skip.size not in known:
            known.append(skip.size)
    return [
        Skip(model=model, backend=name, size=known[0] if len(known) == 1 else f"{len(known)} sizes", reason=reason)
        for (model, name, reason), known in sizes.items()
    ]


def _name(spec: Spec, group: Group) -> str:
    several = len({subject.name for subject, _ in group.specs}) > 1
    return f"{spec[0].name} {spec[1].name}" if several else spec[1].name
