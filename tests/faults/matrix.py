"""The matrix: which faults there are, how often each is brought about, and what came of it."""

import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

ROUND_SECONDS_MAX = 300

terminal = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class Skipped(Exception):
    """This fault cannot be brought about here; says why."""


@dataclass(frozen=True)
class Scene:
    """What one round of a fault works with.

    Attributes:
        chance: decides what is random; the same for the same seed.
        folder: an empty one, gone with the round.
    """

    chance: random.Random
    folder: Path


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        number: as docs/faults.md has it.
        title: what goes wrong.
        play: brings it about, lets Tandem go on, and raises if anything was lost.
        on_site: whether it takes a whole site: console and agent as processes.
    """

    number: str
    title: str
    play: Callable[[Scene], None]
    on_site: bool = False


@dataclass
class Outcome:
    """What came of a fault's rounds."""

    number: str
    title: str
    survived: int = 0
    lost: list[int] = field(default_factory=list[int])
    skipped: str = ""
    seconds: float = 0.0

    @property
    def rounds(self) -> int:
        return self.survived + len(self.lost)


def run(faults: Iterable[Fault], *, seed: int, rounds: int, folder: Path) -> list[Outcome]:
    """Bring about every fault in so many rounds; gives what came of each.

    Args:
        faults: which.
        seed: of the first round; each next one has the next seed, so that one round can be brought back alone.
        rounds: how many of each.
        folder: where the rounds take place.
    """
    outcomes: list[Outcome] = []
    for fault in faults:
        terminal.print(f"{fault.number} {fault.title} …", style="dim")
        outcome = Outcome(fault.number, fault.title)
        outcomes.append(outcome)
        started = time.monotonic()
        for number in range(rounds):
            if not _play(fault, outcome, seed + number, folder / "round"):
                break
        outcome.seconds = time.monotonic() - started
    return outcomes


def _play(fault: Fault, outcome: Outcome, seed: int, folder: Path) -> bool:
    """Play a round; False if there is no use in another."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    previous = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(ROUND_SECONDS_MAX)
    try:
        fault.play(Scene(random.Random(f"{fault.number} {seed}"), folder))
        outcome.survived += 1
    except Skipped as reason:
        outcome.skipped = str(reason)
        return False
    except Exception:  # noqa: BLE001 - whatever it is, something was lost; the other faults are told of all the same
        outcome.lost.append(seed)
        terminal.print(traceback.format_exc(), markup=False)
        terminal.print(f"Again: make faults FAULT={fault.number} SEED={seed}", style="bold")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"the round took more than {ROUND_SECONDS_MAX} s")


def show(outcomes: list[Outcome], seed: int) -> None:
    """Show what came of each fault."""
    table = Table(title=f"Faults, from SEED={seed} on")
    for name in ("", "fault", "rounds", "survived", "lost", "seconds", "skipped"):
        table.add_column(name, justify="right" if name in {"rounds", "survived", "lost", "seconds"} else "left")
    for outcome in outcomes:
        table.add_row(
            outcome.number,
            outcome.title,
            str(outcome.rounds),
            str(outcome.survived),
            str(len(outcome.lost)) + ("" if not outcome.lost else f" (seed {', '.join(map(str, outcome.lost))})"),
            f"{outcome.seconds:.1f}",
            outcome.skipped,
        )
    terminal.print(table)
    lost = sum(len(outcome.lost) for outcome in outcomes)
    all_rounds = sum(outcome.rounds for outcome in outcomes)
    terminal.print(f"{all_rounds} rounds, {all_rounds - lost} survived, {lost} lost.")
