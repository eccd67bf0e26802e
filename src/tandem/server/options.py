"""Options that several processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path | None, typer.Option("--data", help="Folder where everything of ours is kept.")]
LogFormat = Annotated[str | None, typer.Option(help="console or json.")]
