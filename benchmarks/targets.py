"""A copy to servers of every kind, on this machine's loopback interface: real ones, each asked in turns."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import copying
import msgspec
from copying import Bare, Bench, Restic, Run
from tree import make_tree, warm

from tandem.domain.repository_locations import parse_location
from tests.remote_servers import BUCKET, Server, rest_server, s3_server, sftp_server


class Size(msgspec.Struct, frozen=True):
    """How large the share is, and how often it is copied to each of some kinds of servers."""

    kinds: tuple[str, ...]
    files: int
    total_bytes: int
    rounds: int


class Target(msgspec.Struct):
    """What came of one kind of server; rclone does not speak restic's REST protocol."""

    kind: str
    bare: list[Bare] = []
    tandem: list[Run] = []
    rclone: list[Bare] = []


class _Way(msgspec.Struct, frozen=True):
    """How people reach a server by hand: where a repository of a name is, and what opens it."""

    location: Callable[[str], str]
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    rclone: Callable[[str], str] | None = None


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Target]:
    """Copy a repository to each kind of server: by hand, by Tandem, and its files by rclone."""
    make_tree(folder / "share", files=size.files, total_bytes=size.total_bytes)
    with copying.running_tandem(folder / "tandem") as bench:
        source = bench.back_up(folder / "share", folder / "source")
        restic = copying.Restic(folder, source)
        shutil.copytree(bench.restic_cache(), restic.cache)
        results: list[Target] = []
        for kind in size.kinds:
            with _server(kind, folder / kind) as server:
                result = Target(kind)
                results.append(result)
                way = _way(kind, server, folder / kind)
                for number in range(1, size.rounds + 1):
                    _copy_in_turns(result, server, way, (bench, restic, source), number)
                    seconds = f"bare {result.bare[-1].seconds:.2f} s, Tandem {result.tandem[-1].seconds:.2f} s"
                    say(f"{kind}, copy {number}: {seconds}")
        return results


def _copy_in_turns(result: Target, server: Server, way: _Way, copiers: tuple[Bench, Restic, Path], number: int) -> None:
    bench, restic, source = copiers
    by_hand, by_tandem = f"by-hand-{number}", f"by-tandem-{number}"
    location = way.location(by_hand)
    restic.make_at(location, options=way.options, environment=way.environment)
    job = bench.make_copy_job_to(f"{result.kind} {number}", _asked(server, by_tandem, bench))
    warm(source)
    result.bare.append(restic.copy_to(location, options=way.options, environment=way.environment))
    warm(source)
    result.tandem.append(bench.run(job))
    if way.rclone is not None:
        warm(source)
        result.rclone.append(restic.sync_to(way.rclone(f"by-rclone-{number}"), way.environment))
    counts = {_points(place) for place in (source, server.folder / by_hand, server.folder / by_tandem)}
    if len(counts) != 1:
        raise RuntimeError(f"the copies at {result.kind} do not hold the points of the source: {counts}")
    for place in server.folder.glob("by-*"):
        shutil.rmtree(place)


@contextlib.contextmanager
def _server(kind: str, folder: Path) -> Generator[Server]:
    with ExitStack() as stack:
        match kind:
            case "SFTP":
                yield stack.enter_context(sftp_server(folder))
            case "S3":
                folder.mkdir()
                yield stack.enter_context(s3_server(folder / "s3", name="BENCH"))
            case _:
                folder.mkdir()
                yield stack.enter_context(rest_server(folder / "rest"))


def _way(kind: str, server: Server, folder: Path) -> _Way:
    place = parse_location(f"{server.location}x" + ("/" if kind == "REST" else ""))
    user, secret = server.account.username or "", server.account.password or ""
    match kind:
        case "SFTP":
            key = folder / "user"
            ssh = f"ssh -p {place.port} -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile={os.devnull}"
            sftp = {"TYPE": "sftp", "HOST": "127.0.0.1", "PORT": str(place.port), "USER": user, "KEY_FILE": str(key)}
            return _Way(
                lambda name: f"sftp:{user}@127.0.0.1:{server.folder}/{name}",
                ("-o", f"sftp.command={ssh} {user}@127.0.0.1 -s sftp"),
                _of_rclone(sftp),
                lambda name: f"place:{server.folder}/{name}",
            )
        case "S3":
            endpoint = f"http://127.0.0.1:{place.port}"
            s3 = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint}
            s3 |= {"ACCESS_KEY_ID": user, "SECRET_ACCESS_KEY": secret, "FORCE_PATH_STYLE": "true"}
            return _Way(
                lambda name: f"s3:{endpoint}/{BUCKET}/{name}",
                (),
                {"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": secret} | _of_rclone(s3),
                lambda name: f"place:{BUCKET}/{name}",
            )
        case _:
            opened = f"{quote(user, safe='')}:{quote(secret, safe='')}"
            return _Way(lambda name: f"rest:http://{opened}@127.0.0.1:{place.port}/{name}/")


def _of_rclone(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"RCLONE_CONFIG_PLACE_{name}": value for name, value in settings.items()}


def _asked(server: Server, name: str, bench: Bench) -> dict[str, str]:
    """Give what asks the console for a repository at a server."""
    path = f"{server.location}{name}" + ("/" if server.location.startswith("rest:") else "")
    asked = {"name": path, "path": path, "credentialsUid": bench.make_credentials(server.account)}
    return asked if server.host_key is None else asked | {"hostKey": server.host_key}


def _points(repository: Path) -> int:
    return len(list((repository / "snapshots").iterdir()))
