"""`fakemamba serve`: the detector as a web page and a service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fakemamba.cli.options import RUN, Model, OperatingPoint

_NET, _LIMITS = "Network", "Limits"


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 127.0.0.1 if not given.", rich_help_panel=_NET)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 8000 if not given, 0 for any free one.", rich_help_panel=_NET)
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="/PATH", help="Where a proxy shows the server.", rich_help_panel=_NET),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS|NETWORK",
            help="A proxy whose X-Forwarded-For is believed. Repeatable.",
            rich_help_panel=_NET,
        ),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A site whose pages may use the service, such as https://example.org. Repeatable.",
            rich_help_panel=_NET,
        ),
    ] = None,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Let in only who has a key of this file, or of FAKEMAMBA_API_KEYS.",
            rich_help_panel=_NET,
        ),
    ] = None,
    max_upload: Annotated[
        float | None, typer.Option(metavar="MB", help="Largest recording; 67 if not given.", rich_help_panel=_LIMITS)
    ] = None,
    max_duration: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Longest recording; 3600 if not given.", rich_help_panel=_LIMITS),
    ] = None,
    max_requests: Annotated[
        int | None,
        typer.Option(help="Recordings accepted at once; 64 if not given.", rich_help_panel=_LIMITS),
    ] = None,
    max_streams: Annotated[
        int | None,
        typer.Option(help="Live streams at once; what the cores carry if not given.", rich_help_panel=_LIMITS),
    ] = None,
    client_rate: Annotated[
        int | None,
        typer.Option(help="Requests a minute of one client; 600 if not given.", rich_help_panel=_LIMITS),
    ] = None,
    model: Model = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="In place of the model's own; see detect --help.", rich_help_panel=RUN),
    ] = None,
    operating_point: OperatingPoint = None,
    threads: Annotated[
        int | None, typer.Option(help="Cores that score; all if not given.", rich_help_panel=RUN)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML", help="A file with these and all other settings; options win.", rich_help_panel=RUN
        ),
    ] = None,
    log_level: Annotated[
        str, typer.Option(metavar="debug|info|warning|error", help="What goes to stderr, as JSON lines.")
    ] = "info",
) -> None:
    """Serve the detector as a web page and an API, on this machine only unless --host says otherwise.

    Examples:

      fakemamba serve

      curl -F file=@call.mp3 http://127.0.0.1:8000/v1/detect

      fakemamba serve --host 0.0.0.0 --api-keys keys.txt

    Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 something that you can mend, 3 a bug.
    """
    from fakemamba.errors import ConfigError
    from fakemamba.server import create_app
    from fakemamba.server.config import read_config
    from fakemamba.server.logs import set_up
    from fakemamba.server.run import listen, make_server, spare_memory, url_of

    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise ConfigError(f"--log-level {log_level}: choose debug, info, warning or error")
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "root_path": root_path,
        "trusted_proxies": tuple(trusted_proxy) if trusted_proxy else None,
        "cors_origins": tuple(cors_origin) if cors_origin else None,
        "api_keys_file": api_keys,
        "max_upload": None if max_upload is None else round(max_upload * 1e6),
        "max_duration": max_duration,
        "max_requests": max_requests,
        "max_streams": max_streams,
        "client_rate": client_rate,
        "model": model,
        "threshold": threshold,
        "operating_point": operating_point,
        "threads": threads,
    }
    settings = read_config(config, {name: value for name, value in given.items() if value is not None})
    set_up(log_level.upper())
    spare_memory()
    sock = listen(settings)
    with sock:
        app = create_app(settings)
        name = app.state.service.detector.card.name
        where = url_of(settings, sock)
        started = f"fakemamba serves {name} at {where}  (Ctrl-C ends it)"
        make_server(app, settings, lambda: typer.echo(started)).run(sockets=[sock])
