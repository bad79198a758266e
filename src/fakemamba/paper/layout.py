"""What the report is made of, before it is text, JSON or a web page: sections of grids of cells, and pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fakemamba.metrics.records import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["words", "measured", "published", "empty"]


@dataclass(frozen=True)
class Cell(Record):
    """One cell.

    Attributes:
        text: what stands in it. below: small print: counts, intervals, a source.
        kind: whose number it is; "empty" is seen to be empty.
        data: the bare numbers, for JSON.
    """

    text: str
    below: tuple[str, ...] = ()
    kind: Kind = "measured"
    data: dict[str, Any] = field(default_factory=dict)


NOT_RUN = Cell("not run", kind="empty")
UNKNOWN = Cell("not known", kind="empty")
NOT_HELD = Cell("–", ("not in this software",), kind="empty")


def words(text: str, *below: str) -> Cell:
    """A cell without a number."""
    return Cell(text, below, "words")


@dataclass(frozen=True)
class Grid(Record):
    """A table; the first column holds words.

    Attributes:
        head: a cell a column. groups: (text, columns) above it, together as many columns; () for none.
        caption: what to know when reading it.
    """

    title: str
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn when it is wanted."""

    name: str
    caption: str
    draw: "Callable[[], Figure]" = field(repr=False, compare=False)


@dataclass(frozen=True)
class Section(Record):
    """One experiment.

    Attributes:
        done, total: of its cells.
        about, notes, warnings: sentences. grids, pictures: what it shows.
        machines: what computed it, a line each.
    """

    name: str
    title: str
    done: int
    total: int
    about: tuple[str, ...]
    grids: tuple[Grid, ...]
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of pictures the names."""
        names = [picture.name for picture in self.pictures]
        rest = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "pictures"}
        return {**_Plain(rest).to_dict()["rest"], "pictures": names}


@dataclass(frozen=True)
class _Plain(Record):
    rest: dict[str, Any]


class Footnotes:
    """Numbered remarks of one grid."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """ "[2]" for a remark, the same for the same; "" for none."""
        if not text:
            return ""
        if text not in self._texts:
            self._texts.append(text)
        return f"[{self._texts.index(text) + 1}]"

    def lines(self) -> tuple[str, ...]:
        return tuple(f"[{number}] {text}" for number, text in enumerate(self._texts, 1))


def once(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(texts))
