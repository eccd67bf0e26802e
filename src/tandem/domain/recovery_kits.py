"""Recovery kits: one file for each repository, with which plain restic gets everything back without Tandem."""

from __future__ import annotations

import shlex
from datetime import datetime

import msgspec

from tandem.domain.kit_access import KitAccess
from tandem.domain.repository_locations import RepositoryKind

FORM = 1
NAME_LENGTH_MAX = 60


class KitContent(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose restore points are in the repository."""

    job: str
    is_copy: bool
    share: str
    path: str


class RecoveryKit(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to read a repository.

    `restic_version` is what its agent works with; `contents` is None where it is not known any more.
    """

    repository_uid: str
    repository: str
    restic_id: str
    organization: str
    backup_server: str
    host_name: str
    restic_version: str
    made_at: datetime
    access: KitAccess
    contents: list[KitContent] | None

    @property
    def file_name(self) -> str:
        """A name for the file that no shell or file system takes amiss."""
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self.repository.lower())
        name = "-".join(filter(None, plain.split("-")))[:NAME_LENGTH_MAX] or "repository"
        return f"recovery-kit-{name}-{self.repository_uid[:8]}.txt"


def text_of(kit: RecoveryKit) -> str:
    """Write a kit as a text: facts for programs (`Name: value`, a line each), commands to copy (indented by four)."""
    parts = [_head(kit), _facts(kit), _contents(kit), _opening(kit), _using(kit), _files(kit.access)]
    return "\n".join(filter(None, parts))


def _head(kit: RecoveryKit) -> str:
    return f"""\
RECOVERY KIT of the backup repository "{_line(kit.repository)}"

With this file and restic you read the backups in this repository. You need neither Tandem nor its console.
Whoever has this file can read them too: keep it secret, keep it apart from the backups, and keep it on paper as well.
It is out of date once the repository is moved or gets another password: then download a new one.
"""


def _facts(kit: RecoveryKit) -> str:
    access = kit.access
    facts = [
        ("Recovery-Kit", str(FORM)),
        ("Kit-Made", f"{kit.made_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Repository", kit.repository),
        ("Repository-Uid", kit.repository_uid),
        ("Restic-Id", kit.restic_id),
        ("Kind", access.kind),
        ("Location", access.location),
        ("Host", kit.host_name),
        ("Backup-Server", kit.backup_server),
        ("Organization", kit.organization),
        ("Restic-Version", kit.restic_version),
        *(("Variable", f"{name}={value}") for name, value in access.variables.items()),
        ("Password", access.password),
    ]
    return "THE FACTS\n\n" + "".join(f"{name}: {_line(value)}\n" for name, value in facts)


def _contents(kit: RecoveryKit) -> str:
    if kit.contents is None:
        return ""
    lines = [
        f"- {_line(found.share)} ({_line(found.path)}), {'copied' if found.is_copy else 'backed up'}"
        f" by the job {_line(found.job)}"
        for found in kit.contents
    ]
    return "WHAT WAS KEPT THERE WHEN THIS KIT WAS MADE\n\n" + "\n".join(lines or ["- nothing yet"]) + "\n"


def _opening(kit: RecoveryKit) -> str:
    access = kit.access
    lines = [
        f"KIT={kit.file_name}",
        "umask 077",
        """sed -n '/^Password: /{s///p;q;}' "$KIT" > restic-password""",
        """export RESTIC_PASSWORD_FILE="$PWD/restic-password\"""",
        f"export RESTIC_REPOSITORY={_word(access.location)}",
        *(f"""export {name}="$(sed -n '/^Variable: {name}=/{{s///p;q;}}' "$KIT")\"""" for name in access.variables),
        *(
            f"""sed -n '/^Begin-File: {name}$/,/^End-File: {name}$/p' "$KIT" | sed '1d;$d' > {name}"""
            for name in access.files
        ),
        *(f"chmod u+x {name}" for name, content in access.files.items() if content.startswith("#!")),
    ]
    return f"""\
1. GET RESTIC

The packages of your system have it (Debian, Ubuntu: apt-get install restic), or https://restic.net. Any version from
0.14 on will do; a newer one than {_line(kit.restic_version)} as well.

2. OPEN THE REPOSITORY

{_where(kit)}
Go to an empty folder that only you can read, and put this file there. If its name is another now, say so in the first
line. Then, in this folder and the same shell as all that follows:

{_commands(*lines)}"""


def _where(kit: RecoveryKit) -> str:
    if kit.access.kind is not RepositoryKind.LOCAL:
        return "The repository is reached over the network, from any machine that may."
    return f"""\
The repository is a folder of the host {_line(kit.host_name)}. Any machine that has its disk will do: if it is mounted
elsewhere there, name that folder in the line with RESTIC_REPOSITORY."""


def _using(kit: RecoveryKit) -> str:
    restic = f"restic {kit.access.options}".strip()
    return f"""\
3. SEE WHAT IS THERE

The id that the first command shows must be the Restic-Id above; else this is another repository. The second lists the
restore points: their id, when, and which folder of which host.

{_commands(f"{restic} cat config", f"{restic} snapshots")}
4. CHECK IT

Reads every byte, so it takes its time; leave it out when there is none. "no errors were found" is what you want.

{_commands(f"{restic} check --read-data")}
5. RESTORE

Into a folder that is empty, with room for all. In place of "latest", give the id of the restore point that you want:
necessary where the list shows more than one folder. The files are below "restored", under the path that they had.

{_commands(f"{restic} restore latest --target restored")}
Part of it only: add --include PATH, as often as needed. On a disk that cannot be written: add --no-lock.

6. AFTERWARDS

{_commands(" ".join(["rm restic-password", *kit.access.files]))}"""


def _files(access: KitAccess) -> str:
    return "\n".join(
        f"Begin-File: {name}\n{content.rstrip()}\nEnd-File: {name}\n" for name, content in access.files.items()
    )


def _commands(*lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _line(text: str) -> str:
    """Give a text that stays in its line, whatever somebody has named a thing."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _word(text: str) -> str:
    """Give a text as one word of a shell, in one line."""
    if text.isprintable():
        return shlex.quote(text)
    octal = "".join(f"\\{byte:03o}" for byte in text.encode())
    return f"""\"$(printf '{octal}')\""""
