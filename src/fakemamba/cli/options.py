"""Options that several commands have, said once."""

from typing import Annotated

import typer

RUN = "Model and machine"
_KNOWN = "A built-in model, a model folder, or owner/name on the Hub."

Model = Annotated[str | None, typer.Option("--model", "-m", metavar="NAME|DIR", help=_KNOWN, rich_help_panel=RUN)]
ModelArgument = Annotated[str | None, typer.Argument(metavar="[MODEL]", help=_KNOWN, show_default=False)]
OperatingPoint = Annotated[
    str | None,
    typer.Option(
        metavar="screening|balanced|…",
        help="How to decide, by a name of the model's card: screening finds most fakes, accuse-rarely hardly ever "
        "accuses a real voice; 'fakemamba models info' lists them with their error rates.",
        rich_help_panel=RUN,
    ),
]
Threads = Annotated[int | None, typer.Option(help="CPU threads; all cores if not given.", rich_help_panel=RUN)]
Device = Annotated[
    str | None, typer.Option(metavar="cpu|cuda|mps", help="Where a torch model runs.", rich_help_panel=RUN)
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="fp32|bf16",
        help="What a torch model multiplies in; fp32 if not given. bf16 is faster where the processor or GPU has it, "
        "and changes scores a little.",
        rich_help_panel=RUN,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, only what went wrong.")]
