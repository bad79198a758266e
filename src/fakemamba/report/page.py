"""The frame of every web page here: it stands alone, runs nothing and asks nobody for anything."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from fakemamba.report.document import printable

# Nothing may be fetched or run, even if something slipped through the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; {media}base-uri 'none'; form-action 'none'"
_MEDIA = "img-src data:; media-src data:; "


def page(title: str, body: Sequence[str], *, media: bool = False) -> str:
    """One HTML document.

    Args:
        title: safe text.
        body: safe HTML, from top to bottom.
        media: whether pictures and sounds that lie in the page itself may be shown.
    """
    css = files("fakemamba.report").joinpath("page.css").read_text(encoding="utf-8")
    policy = _POLICY.format(media=_MEDIA if media else "")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def safe(text: str) -> str:
    """Text from outside as HTML: escaped, on one line, without control characters."""
    return escape(printable(text))


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def when(created: str) -> str:
    """An ISO 8601 time for people."""
    return created.replace("T", " ").replace("+00:00", " UTC")


def facts(rows: Iterable[tuple[str, str]], *, code: Sequence[str] = ()) -> str:
    """A table of names and values; hashes, and the values of the rows named in `code`, in a fixed pitch."""

    def cell(name: str, value: str) -> str:
        return f"<code>{safe(value)}</code>" if "SHA" in name or name in code else safe(value)

    body = "".join(f"<tr><th>{safe(name)}</th><td>{cell(name, value)}</td></tr>" for name, value in rows)
    return f'<table class="facts"><tbody>{body}</tbody></table>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1, scroll: bool = False) -> str:
    """A table of safe cells; the first `words` columns hold words, the others numbers, set to the right.

    Args:
        head, rows: plain text; escaped here.
        words: columns to the left.
        scroll: long tables get a window of their own on screens, and their full length on paper.
    """

    def row(cells: Sequence[str], tag: str) -> str:
        sides = (tag if k < words else f'{tag} class="num"' for k in range(len(cells)))
        return "".join(f"<{side}>{safe(cell)}</{tag}>" for side, cell in zip(sides, cells, strict=True))

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    found = f"<table><thead><tr>{row(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="{"scroll" if scroll else "wide"}">{found}</div>'
