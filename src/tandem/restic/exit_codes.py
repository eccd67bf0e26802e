"""What restic's exit codes mean: one table, and for versions before 0.17.1 the sentences that stand for new codes.

The codes are those of restic's manual, "Scripting", which also says that an unknown code must be taken as a failure.
"""

import re

from tandem.restic import output
from tandem.restic.engine import Engine
from tandem.restic.errors import (
    AccountRefused,
    HostKeyChanged,
    PlaceMissing,
    RepositoryAway,
    RepositoryLocked,
    RepositoryMissing,
    ResticError,
    Unreachable,
    WrongPassword,
)
from tandem.restic.process import Output

OK = 0
FAILED = 1
PARTLY_UNREADABLE = 3

_MISSING = (
    "There is no repository there. Check that its disk is mounted and its location is right; nothing was created."
)
_LOCKED = "The repository is locked by another restic process. Wait for its end, or have a dead process's lock removed."
_PASSWORD = "The repository does not open with its password. Set the right password."  # noqa: S105 - a sentence

ERRORS: dict[int, tuple[type[ResticError], str]] = {
    10: (RepositoryMissing, _MISSING),
    11: (RepositoryLocked, _LOCKED),
    12: (WrongPassword, _PASSWORD),
}

# A refused login also reads "unable to open config file"; only a store that says "not there" means a missing one.
_SENTENCES = (
    (re.compile(r"^Fatal: unable to open config file: .*(no such file|not exist)", re.MULTILINE | re.IGNORECASE), 10),
    (re.compile(r"^(Fatal: )?unable to create lock in backend: repository is already locked", re.MULTILINE), 11),
    (re.compile(r"^Fatal: wrong password or no key found", re.MULTILINE), 12),
)

# What servers, ssh and rclone say. A refused login and a lost connection are told apart from a missing repository.
_AWAY: tuple[tuple[re.Pattern[str], type[RepositoryAway], str], ...] = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for"),
        HostKeyChanged,
        "The SSH server shows another host key than the confirmed one. Do not go on before you know why.",
    ),
    (
        re.compile(
            r"HTTP response \((?:401|403)\)|\b40[13] (?:Unauthorized|Forbidden)|Access ?Denied|"
            r"Access Key Id you provided|InvalidAccessKeyId|SignatureDoesNotMatch|signature we calculated|"
            r"StatusCode: 40[13]\b|subprocess ssh: .*(?:Permission denied \(|Too many authentication failures)"
        ),
        AccountRefused,
        "The server refuses the account. Check the repository's credentials, and what they are allowed to do there.",
    ),
    (
        re.compile(r"specified bucket does not exist|NoSuchBucket"),
        PlaceMissing,
        "The bucket does not exist. Create it, or correct the location; nothing was created.",
    ),
    (
        re.compile(
            r"dial tcp|connection refused|no such host|i/o timeout|connection reset|broken pipe|network is unreachable|"
            r"no route to host|TLS handshake|x509:|Could not resolve hostname|Connection timed out|Connection closed|"
            r"unable to start the sftp session|ssh command exited|connection lost|not responding|server misbehaving",
            re.IGNORECASE,
        ),
        Unreachable,
        "The server cannot be reached, or the connection to it broke. Check the server and the network.",
    ),
)


def check(engine: Engine, result: Output, *, allowed: frozenset[int] = frozenset({OK})) -> None:
    """Raise the error that the exit code stands for.

    Args:
        engine: the program that ran; its version says whether to trust the codes or the sentences.
        result: how it ended.
        allowed: the codes that are no failure of this command.

    Raises:
        RepositoryMissing: there is no repository.
        RepositoryLocked: somebody else's lock, or one left by a dead process.
        WrongPassword: no key opens.
        ResticError: anything else, unknown codes and signals included.
    """
    if result.exit_code in allowed:
        return
    raise_if_away(result.stderr, exit_code=result.exit_code)
    code = result.exit_code
    if code == FAILED and not engine.knows_exit_codes:
        code = next((meant for sentence, meant in _SENTENCES if sentence.search(result.stderr)), code)
    kind, advice = ERRORS.get(code, (ResticError, ""))
    why = output.reason(result.stderr) or "it gave no reason"
    raise kind(
        f"{advice} (restic: {why})" if advice else f"Restic failed with exit code {result.exit_code}: {why}",
        exit_code=result.exit_code,
        stderr=result.stderr,
    )


def raise_if_away(said: str, *, program: str = "restic", exit_code: int | None = None) -> None:
    """Raise what a program's error output says of a repository's place, if it says that it cannot be used.

    Args:
        said: what the program wrote.
        program: its name, for people.
        exit_code: how it ended.

    Raises:
        RepositoryAway: the kind that fits.
    """
    lines = output.causes(said)
    for pattern, kind, advice in _AWAY:
        found = next((line for line in lines if pattern.search(line)), None)
        if found is not None:
            raise kind(f"{advice} ({program}: {found})", exit_code=exit_code, stderr=said)
