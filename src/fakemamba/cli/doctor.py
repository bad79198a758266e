"""`fakemamba doctor`: what is installed, what will run, whether it works, and how to get more."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fakemamba.doctor.records import Report

_MARKS = {"works": "ok", "missing": "--", "broken": "!!"}


def doctor(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Look at this installation: does it work, what will run, and what would make it faster?

    Exit codes: 0 recordings can be checked, 2 they cannot (the reason is in the first line).
    """
    from json import dumps

    from fakemamba.doctor.examine import examine

    report = examine()
    if json:
        typer.echo(dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    if not report.works:
        raise typer.Exit(2)


def _print(report: "Report") -> None:
    typer.echo(report.verdict)
    test = report.self_test
    if test.passed:
        typer.echo(
            f"Self-test: {test.model} calls a synthetic voice {str(test.verdict).upper()} "
            f"(p_fake {test.p_fake:.3f}), as it should; {test.seconds:.2f} s"
        )
    _section("This machine", _machine(report.machine))
    _section("What will run", [(one.what, f"{one.runs}: {one.why}") for one in report.choices])
    _section("Installed", [(f"{_MARKS[one.state]}  {one.name}", _packages(one)) for one in report.abilities])
    _section(
        "Kept between runs",
        [
            (one.what, f"{one.path or 'nowhere'}{'' if one.writable else ' (cannot be written)'}")
            for one in report.caches
        ],
    )
    _section("Faster", [(f"{k}", line) for k, line in enumerate(report.faster, 1)])
    _section("Could not be found out", [("!!", line) for line in report.problems])


def _packages(ability: Any) -> str:
    if ability.state == "broken":
        return str(ability.help)
    if ability.state == "missing":
        names = ", ".join(one.name for one in ability.packages if one.state == "missing")
        return f"{names} not installed" + ("" if ability.help is None else f":  {ability.help}")
    return ", ".join(f"{one.name} {one.version or ''}".strip() for one in ability.packages)


def _machine(found: dict[str, Any]) -> list[tuple[str, str]]:
    instructions = found["instructions"]
    speed = "unknown" if instructions is None else ", ".join(
        f"{name} {'yes' if there else 'no'}" for name, there in instructions.items()
    )  # fmt: skip
    memory = "unknown" if found["memory_gb"] is None else f"{found['memory_gb']:g} GB"
    return [
        ("fakemamba", f"{found['fakemamba']}, Python {found['python']}, {found['system']}"),
        ("processor", f"{found['processor'] or 'unknown'}, {found['cores'] or 'unknown cores'}"),
        ("instructions", speed),
        ("memory", memory),
        ("GPU", ", ".join(found["gpus"]) or "none found"),
    ]


def _section(title: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    typer.echo(f"\n{title}")
    wide = max(len(name) for name, _ in rows)
    for name, text in rows:
        plain = "".join(letter if letter.isprintable() else " " for letter in text)  # a package's own words
        typer.echo(f"  {name:<{wide}}  {plain}")
