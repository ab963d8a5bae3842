"""The peers' environments under build/, made by pip from whatever index it is configured for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("venv-peers", "requirements.txt")
ARGUS = ("venv-argus", "requirements-argus.txt")
PSEUDOPEOPLE = ("venv-pseudopeople", "requirements-pseudopeople.txt")


def python_of(environment: tuple[str, str]) -> Path | None:
    """Return the interpreter of an environment, made when it is not there; None where its packages cannot be had."""
    name, pins = environment
    place, required = ROOT / "build" / name, Path(__file__).with_name(pins)
    python, done = place / "bin" / "python", place / "installed.txt"
    wanted = required.read_text(encoding="utf-8")
    if python.exists() and done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(required)]
    for command in ([sys.executable, "-m", "venv", str(place)], install):
        if subprocess.run(command, check=False).returncode:
            return None
    done.write_text(wanted, encoding="utf-8")
    return python
