"""Asks the processes that try things out, and draws the conclusions. Never raises for what it finds."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fakemamba import __version__
from fakemamba.doctor.choices import choices, faster
from fakemamba.doctor.features import FEATURES, PACKAGES, Feature, install_line
from fakemamba.doctor.records import Ability, Cache, Package, Report, SelfTest, State
from fakemamba.doctor.selftest import EXPECTED
from fakemamba.machine.gpus import nvidia_gpus
from fakemamba.machine.memory import total_bytes
from fakemamba.machine.processor import cores, features, processor_name

_PATIENCE = 120  # seconds for a process: a first import from a slow disk takes long, a dead lock for ever


def examine() -> Report:
    """Look at everything; takes some seconds, most of them for importing torch where it is installed."""
    problems: list[str] = []
    packages, facts = _probe(problems)
    machine = _machine(problems)
    test = _self_test()
    abilities = tuple(_ability(feature, packages) for feature in FEATURES)
    advice = faster(packages, facts, machine)
    return Report(
        works=test.passed,
        verdict=_verdict(test, abilities, advice),
        self_test=test,
        machine=machine,
        choices=choices(packages, facts, machine, test.model),
        abilities=abilities,
        caches=_caches(facts),
        faster=advice,
        problems=tuple(problems),
    )


def _probe(problems: list[str]) -> tuple[dict[str, Package], dict[str, Any]]:
    """What works, and what it says. A package that ends the process is skipped at the next try."""
    packages: dict[str, Package] = {}
    facts: dict[str, Any] = {}
    left = list(PACKAGES)
    while True:
        lines, end = _run("fakemamba.doctor.probe", left)
        facts = {}
        for line in lines:
            if "package" in line:
                name = line.pop("package")
                packages[name] = Package(name, **line)
            elif "error" in line:
                problems.append(f"{line['fact']}: {line['error']}")
            else:
                facts[line["fact"]] = line["value"]
        dead = next((name for name in left if name not in packages), None)
        if dead is None or end is None:
            if end is not None:
                problems.append(f"asking the packages ended early: {end}")
            return packages, facts
        packages[dead] = Package(dead, "broken", None, f"importing it ended Python: {end}")
        left = [name for name in left if packages.get(name) is None or packages[name].state == "works"]


def _self_test() -> SelfTest:
    lines, end = _run("fakemamba.doctor.selftest", [])
    found = lines[0] if lines else {"error": end or "no answer"}
    if "error" in found:
        return SelfTest(False, EXPECTED, problem=found["error"])
    problem = None
    if found["verdict"] != EXPECTED:
        problem = f"the built-in model calls a synthetic voice {found['verdict']}, not {EXPECTED}"
    return SelfTest(problem is None, EXPECTED, problem=problem, **found)


def _run(module: str, words: Sequence[str]) -> tuple[list[dict[str, Any]], str | None]:
    """The JSON lines of a module run as a program, and why it ended early (None if it did not)."""
    command = [sys.executable, "-m", module, *words]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=_PATIENCE
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        text = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        return _lines(text), f"no answer within {_PATIENCE} s"
    except OSError as error:
        return [], str(error)
    if done.returncode == 0:
        return _lines(done.stdout), None
    last = (done.stderr.strip().splitlines() or [""])[-1]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
    return _lines(done.stdout), f"{how}{': ' if last else ''}{last}"


def _lines(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break  # the last, cut off
    return found


def _machine(problems: list[str]) -> dict[str, Any]:
    def guarded(name: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - one odd file of the system must not hide the rest
            problems.append(f"{name}: {type(error).__name__}: {error}")
            return None

    found = guarded("cores", cores)
    total = guarded("memory", total_bytes)
    return {
        "fakemamba": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": guarded("processor", processor_name),
        "cores": None if found is None else found.words(),
        "usable_cores": None if found is None else found.usable,
        "instructions": guarded("instructions", features),
        "memory_gb": None if total is None else round(total / 1e9, 1),
        "gpus": guarded("GPUs", nvidia_gpus) or [],
    }


def _ability(feature: Feature, packages: dict[str, Package]) -> Ability:
    own = tuple(packages.get(name, Package(name, "missing")) for name in feature.packages)
    broken = [one for one in own if one.state == "broken"]
    missing = [one for one in own if one.state == "missing"]
    state: State = "broken" if broken else "missing" if missing else "works"
    if broken:
        help_ = "; ".join(f"{one.name} is installed but cannot be used: {one.reason}{_mend(one)}" for one in broken)
    elif missing and feature.extra is not None:
        help_ = install_line(feature.extra)
    elif missing and not feature.optional:
        help_ = "pip install --force-reinstall fakemamba"
    else:
        help_ = None
    return Ability(feature.name, state, own, help_, feature.optional)


def _mend(package: Package) -> str:
    """What usually helps, where that is known."""
    if package.name == "sounddevice" and "PortAudio" in (package.reason or ""):
        return " (Debian, Ubuntu: apt-get install libportaudio2)"
    return ""


def _caches(facts: dict[str, Any]) -> tuple[Cache, ...]:
    names = {"numba_cache": "the compiled scan", "hub_cache": "models from the Hub"}
    return tuple(Cache(what, facts[key]["path"], facts[key]["writable"]) for key, what in names.items() if key in facts)


def _verdict(test: SelfTest, abilities: Sequence[Ability], advice: Sequence[str]) -> str:
    if not test.passed:
        broken = [one for one in abilities if one.name == FEATURES[0].name and one.help is not None]
        more = f" ({broken[0].help})" if broken else ""
        return f"Checking recordings does not work here: {test.problem}{more}."
    said = "Everything needed to check recordings works."
    states = {one.name: one.state for one in abilities}
    broken_names = [one.name for one in abilities if one.state == "broken"]
    if broken_names:
        return f"{said} Something else is broken: {', '.join(broken_names)}; see below."
    if states["XLS-R models"] == "missing":
        return f"{said} For XLS-R models: {install_line('torch')}"
    if advice:
        return f"{said} XLS-R models run too. Faster: {advice[0]}"
    return f"{said} XLS-R models run too."
