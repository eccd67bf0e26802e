"""Folders of this machine, judged by where they really lead."""

from __future__ import annotations

import os
from pathlib import Path

from tandem.domain.repository_locations import is_remote
from tandem.protocol.messages import Configuration
from tandem.restic.restore import STAGING

# Nothing is ever restored into these, and these are no shares: the machine's own.
SYSTEM_FOLDERS = tuple(
    Path(folder)
    for folder in ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
)
PSEUDO_FOLDERS = (Path("/dev"), Path("/proc"), Path("/sys"))


def real_path(path: str) -> str:
    """Give where a path leads, after following symbolic links."""
    return os.path.realpath(path)


def real_overlap(one: Path, other: Path) -> bool:
    """Say whether one path is the other or lies inside it, after following symbolic links."""
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first == second or first in second.parents or second in first.parents


def is_inside(path: Path, folder: Path) -> bool:
    """Say whether a path is a folder or lies inside it, after following symbolic links."""
    real = Path(os.path.realpath(path))
    return real == folder or folder in real.parents


def check_share(path: str, configuration: Configuration | None, data: Path) -> str:
    """Say what is wrong with a folder as a share; empty when nothing is."""
    folder = Path(path)
    if not folder.exists():
        return f"{path} does not exist on this backup server."
    if not folder.is_dir():
        return f"{path} is not a folder."
    if not os.access(folder, os.R_OK | os.X_OK):
        return f"{path} cannot be read by the agent."
    if any(is_inside(folder, pseudo) for pseudo in PSEUDO_FOLDERS):
        return f"{path} belongs to the system and holds no documents."
    taken = {
        f"the repository {known.name}": known.path
        for known in (configuration.repositories if configuration else [])
        if not is_remote(known.path)
    }
    taken["the agent's own data"] = str(data)
    for what, other in taken.items():
        if real_overlap(folder, Path(other)):
            return f"{path} leads to the same place as {what} ({other})."
    return ""


def check_restore_target(path: str, configuration: Configuration, data: Path, *, must_be_empty: bool = True) -> str:
    """Say what is wrong with a folder to restore into; empty when nothing is."""
    folder = Path(path)
    if any(is_inside(folder, system) for system in SYSTEM_FOLDERS):
        return f"{path} is part of the system; restore into another folder."
    taken = {f"the repository {known.name}": known.path for known in configuration.repositories}
    taken["the agent's own data"] = str(data)
    for what, other in taken.items():
        if real_overlap(folder, Path(other)):
            return f"{path} leads to the same place as {what} ({other}); restore into another folder."
    real = os.path.realpath(folder)
    if real != os.path.normpath(folder):
        return f"{path} leads to {real} through a link; name that folder itself, if it is meant."
    if folder.exists() and not folder.is_dir():
        return f"{path} is not a folder."
    # What a restore that was cut short has left is its own.
    if must_be_empty and folder.exists() and any(not each.name.startswith(STAGING) for each in folder.iterdir()):
        return f"{path} is not empty; restore into an empty folder, or say what happens to files that are there."
    return ""
