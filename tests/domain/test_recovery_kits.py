"""Recovery kits: whatever somebody has named things, the commands of a kit do what they say and nothing else."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tandem.domain.kit_access import KitAccess
from tandem.domain.recovery_kits import KitContent, RecoveryKit, text_of
from tandem.domain.repository_locations import RepositoryKind

NASTY = ["plain", "a b'c", '"; touch gone; "', "$(touch gone)`touch gone`", "two\nPassword: false\nlines", "Фото \\'$x"]
SHOW = """
printf '%s\\0' "$RESTIC_REPOSITORY" "$ACCESS_KEY" "$(cat "$RESTIC_PASSWORD_FILE")" "$(cat ssh-key)"
"""


def commands_of(text: str) -> list[str]:
    """Give the commands of a kit, as somebody copies them."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("name", NASTY)
def test_the_commands_open_just_the_repository(name: str, tmp_path: Path) -> None:
    secret = name.partition("\n")[0]
    key = f"-----BEGIN KEY-----\n{secret}\nPassword: false\n-----END KEY-----"
    kit = RecoveryKit(
        repository_uid="12345678",
        repository=name,
        restic_id="ab" * 32,
        organization=name,
        backup_server=name,
        host_name=name,
        restic_version="0.18.1",
        made_at=datetime(2026, 3, 2, tzinfo=UTC),
        access=KitAccess(
            kind=RepositoryKind.LOCAL,
            location=f"/backup/{name}",
            password=f"p {secret}",
            variables={"ACCESS_KEY": f"v {secret}"},
            files={"ssh-key": key},
        ),
        contents=[KitContent(job=name, is_copy=False, share=name, path=f"/srv/{name}")],
    )
    (tmp_path / kit.file_name).write_text(text_of(kit), encoding="utf-8")
    opening = [line for line in commands_of(text_of(kit)) if not line.startswith(("restic ", "rm "))]
    script = "\n".join(["set -eu", *opening, SHOW])
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:4] == [f"/backup/{name}", f"v {secret}", f"p {secret}", key]
    assert {path.name for path in tmp_path.iterdir()} == {kit.file_name, "restic-password", "ssh-key"}
    assert all(path.stat().st_mode & 0o77 == 0 for path in tmp_path.iterdir() if path.name != kit.file_name)
    assert secret not in repr(kit.access) or secret == "plain"
