"""The API's description as one plain page, made from the OpenAPI document: no script, no request to anywhere.

The usual viewers load their scripts and styles from other hosts, which this server's pages never do.
"""

import json
from html import escape
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def reference(request: Request) -> HTMLResponse:
    """`GET /docs`."""
    return HTMLResponse(render(request.app.openapi()), headers={"Content-Security-Policy": POLICY})


def render(document: dict[str, Any]) -> str:
    """The OpenAPI document as HTML."""
    info = document["info"]
    css = files("fakemamba.report").joinpath("page.css").read_text(encoding="utf-8")
    sections = [
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    title = f"{escape(info['title'])} {escape(info['version'])}: API"
    about = "".join(f"<p>{escape(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{css}pre {{ overflow-x: auto; }}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{title}</h1>{about}<p>As a document for programs: "
        f"<a href='openapi.json'>openapi.json</a></p></header>\n{''.join(sections)}\n</main>\n</body>\n</html>\n"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>",
        f"<p>{escape(operation.get('summary', ''))}. {escape(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", [])),
        _body(operation.get("requestBody")),
        "<h3>Answers</h3>",
        *(_answer(status, answer) for status, answer in operation["responses"].items()),
    ]
    return f"<section>{''.join(parts)}</section>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><th><code>{escape(one['name'])}</code></th><td>{escape(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<h3>Options in the query</h3><table class='facts'><tbody>{rows}</tbody></table>"


def _body(body: dict[str, Any] | None) -> str:
    if body is None:
        return ""
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
    return f"<h3>Body</h3><p>{escape(body.get('description', ''))} As {kinds}.</p>"


def _answer(status: str, answer: dict[str, Any]) -> str:
    examples = [content["example"] for content in answer.get("content", {}).values() if "example" in content]
    shown = "".join(f"<pre>{escape(json.dumps(example, indent=1))}</pre>" for example in examples)
    return f"<p><b>{escape(status)}</b> {escape(answer.get('description', ''))}</p>{shown}"
