"""`fakemamba serve`: the detector as a service over HTTP and WebSocket; needs the extra `server`.

    request ──> gate (key, rates, room) ──> upload (into memory) ──> judge (decode, detect) ──┐
    stream  ──> gate ──> live (decode, window) ───────────────────────────────────────────────┴─> pool ──> scorer

Nothing that is uploaded touches the disk, and neither audio nor names nor keys go to the log.
"""

from importlib.util import find_spec

from fakemamba.errors import MissingExtraError

for _name in ("fastapi", "uvicorn", "websockets", "python_multipart"):
    if find_spec(_name) is None:
        raise MissingExtraError("the server", "server")

from fakemamba.server.app import create_app  # noqa: E402 - only after the check above
from fakemamba.server.config import ServerConfig  # noqa: E402

__all__ = ["ServerConfig", "create_app"]
