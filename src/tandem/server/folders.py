"""Where console and agent keep what is theirs, below the data folder."""

from __future__ import annotations

from pathlib import Path

SEAL_FILE = "seal.key"
PASSWORD_FILE = "admin-password"  # noqa: S105  (a file's name)


def console_folder(data: Path) -> Path:
    """Give the console's part of the data folder."""
    return data / "console"


def agent_folder(data: Path) -> Path:
    """Give the agent's part of the data folder."""
    return data / "agent"
