"""What was measured, kept in one file: of each part the last, with the machine, the versions and the date."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from aims import Aim


class Here(msgspec.Struct, frozen=True):
    """When and on what something was measured; the machine's `load` is what went on before."""

    date: str
    machine: dict[str, Any]
    versions: dict[str, str]

    @classmethod
    def now(cls) -> Here:
        """Give what holds now."""
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), _machine(), _versions())


class Measured(msgspec.Struct, frozen=True):
    """One part: how long it took, its tables as people read them, all numbers, and what was aimed at."""

    here: Here
    seconds: int
    tables: list[dict[str, Any]]
    measured: Any
    aims: list[Aim]


def keep(name: str, part: Measured, file: Path) -> None:
    """Put a part in the place of what the file has of it; other parts stay as they are, whatever happens meanwhile."""
    kept: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.exists() else {"parts": {}}
    kept["parts"][name] = msgspec.to_builtins(part.here) | {
        "seconds": part.seconds,
        "aims": [aim.as_kept() for aim in part.aims],
        "tables": part.tables,
        "measured": part.measured,
    }
    # A measured second is not known to more than six digits.
    rounding = msgspec.json.Decoder(float_hook=lambda text: float(f"{float(text):.6g}"))
    rounded = rounding.decode(msgspec.json.encode(kept))
    file.parent.mkdir(exist_ok=True)
    written = file.with_suffix(".new")
    written.write_bytes(msgspec.json.format(msgspec.json.encode(rounded), indent=1) + b"\n")
    written.replace(file)


def _machine() -> dict[str, Any]:
    models = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processors": len(os.sched_getaffinity(0)),
        "model": models[1] if models else platform.machine(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2),
    }


def _versions() -> dict[str, str]:
    names = ["granian", "sqlalchemy", "msgspec", "fastapi", "pydantic", "uvicorn"]
    names += ["django", "djangorestframework", "gunicorn"]
    programs = {"restic": ["restic", "version"], "nginx": ["nginx", "-v"], "postgresql": ["postgres", "--version"]}
    found = {"tandem": version("tandem"), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for name, command in programs.items():
        if said := _said(command):
            found[name] = said
    return found | {name: version(name) for name in names}


def _said(command: list[str]) -> str | None:
    """Give the version that a program says it has; None if it is not there."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    program = shutil.which(command[0], path=os.pathsep.join(places))
    if program is None:
        return None
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else None
