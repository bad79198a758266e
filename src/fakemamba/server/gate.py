"""Who may come in: the page's origin and the API key, for HTTP and WebSocket alike."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from fakemamba.server.limits import address_of
from fakemamba.server.problem import Problem
from fakemamba.server.service import Service


def service_of(connection: HTTPConnection) -> Service:
    """The running server's parts."""
    found: Service = connection.app.state.service
    return found


def client_of(connection: HTTPConnection, service: Service) -> str:
    """Who asks: the key's label, or the address where no keys are set.

    Raises:
        Problem: 401 without a valid key, 403 from a foreign page.
    """
    check_origin(connection, service)
    if not service.keys:
        return address_of(connection.client.host if connection.client else None)
    return known(presented(connection), service)


def known(key: str, service: Service) -> str:
    """The client whose key it is; raises Problem 401."""
    label = service.keys.label(key) if key else None
    if label is None:
        what = "the API key is wrong" if key else "an API key is needed"
        raise Problem(401, "unauthorized", f"{what}; send it as  Authorization: Bearer KEY")
    return f"key:{label}"


def presented(connection: HTTPConnection) -> str:
    """The key in `Authorization: Bearer` or `X-API-Key`; empty for none. Never in the address, which others log."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return connection.headers.get("x-api-key", "").strip()


def check_origin(connection: HTTPConnection, service: Service) -> None:
    """403 for pages of other sites: CORS would keep them from reading the answer, not from using the machine.

    A WebSocket is not even bound by CORS. Programs that are no browser send no Origin.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in service.config.cors_origins:
        return
    try:
        site = urlsplit(origin).netloc.lower()
    except ValueError:
        site = ""
    if not site or site != connection.headers.get("host", "").lower():
        raise Problem(403, "foreign_origin", "pages of other sites may not use this server; --cors-origin allows one")
