"""API keys: read once, kept as digests, compared in constant time."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fakemamba.errors import ConfigError

VARIABLE = "FAKEMAMBA_API_KEYS"
_SHORTEST = 16  # characters; what is shorter can be guessed


@dataclass(frozen=True)
class Keys:
    """Label and SHA-256 of each key; without any, everybody may come in."""

    entries: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def label(self, key: str) -> str | None:
        """Whose key it is, None for a wrong one; takes as long for a wrong key as for a right one."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for label, stored in self.entries:  # all of them: no early end that would tell which
            if hmac.compare_digest(digest, stored):
                found = label
        return found


def read_keys(path: Path | None, environ: Mapping[str, str] = os.environ) -> Keys:
    """Keys of a file (`label:key` or `key` a line, # comments) and of FAKEMAMBA_API_KEYS (parted by spaces).

    Raises:
        ConfigError: the file cannot be read or gives no key, a key is too short, or a label or key comes twice.
    """
    words = environ.get(VARIABLE, "").split()
    source = VARIABLE
    if path is not None:
        source = str(path)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            raise ConfigError(f"{path}: the API keys cannot be read: {reason}") from error
        found = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        if not found:
            raise ConfigError(f"{path}: holds no API key; write one a line, or leave the option out")
        words += found
    entries: dict[str, bytes] = {}
    for place, word in enumerate(words, 1):
        label, _, key = word.rpartition(":")
        label = label or f"key-{place}"
        if len(key) < _SHORTEST:
            raise ConfigError(
                f"{source}: the API key {label!r} is shorter than {_SHORTEST} characters: "
                'make one with  python -c "import secrets; print(secrets.token_urlsafe())"'
            )
        digest = hashlib.sha256(key.encode()).digest()
        if label in entries or digest in entries.values():
            raise ConfigError(f"{source}: the API key {label!r} is given twice")
        entries[label] = digest
    return Keys(tuple(entries.items()))
