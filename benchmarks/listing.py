"""The seed operation under load: Tandem against ready bytes, and against peers that do the same on the same fleet."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import databases
import httpx
import msgspec
import peer_servers
import servers
from aims import Aim
from databases import SQLITE
from fleet import ADMIN, ADMIN_PASSWORD, OWNER_PASSWORD, Tenant
from joserfc import jwt
from joserfc.jwk import OctKey
from load import CONNECTIONS, Load, press
from rich.table import Table

from tandem.client import Client

PATH = "/api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs"
PAGE = 100
CURRENT = {"X-Client-Version": "3.6.1"}
# What is polled, and what is made of the database each time, as after each change.
TANDEM, ANEW = "Tandem", "Tandem, each page made anew"
STATIC, NGINX = "ready bytes, the same server", "ready bytes, nginx"
FASTAPI = "FastAPI + SQLAlchemy ORM, async"
PEERS: dict[str, peer_servers.Peer] = {
    STATIC: peer_servers.static_bytes,
    NGINX: peer_servers.nginx,
    "count(*), limit, offset by sqlite3": peer_servers.plain_statements,
    FASTAPI: peer_servers.fastapi_async,
    "FastAPI + SQLAlchemy ORM, plain functions": peer_servers.fastapi_orm,
    "Django REST framework, gunicorn": peer_servers.django_rest,
}
READY = {STATIC, NGINX}
# All but the first question are for these alone.
OFTEN = {TANDEM, ANEW, STATIC}
STATIC_RATIO_AIM, FASTAPI_RATIO_AIM, SLOWEST_RATIO_AIM, ALIKE_AIM = 0.35, 25, 5, 0.9


class Size(msgspec.Struct, frozen=True):
    """How large the fleet is; for how many seconds each server is pressed with each question in each round."""

    copy_jobs: int
    companies: int
    seconds: float
    rounds: int
    are_all_asked: bool = True


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request, asked of every server; `offset` and `total` as the fleet has them."""

    name: str
    file: str
    who: str
    offset: int
    total: int
    headers: dict[str, str]

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{PATH}?limit={PAGE}" + (f"&offset={self.offset}" if self.offset else "")


class Row(msgspec.Struct):
    """What came of one question: the loads of each server that it was asked, one of each round."""

    question: str
    answer_bytes: int
    loads: dict[str, list[Load]]

    def rate(self, server: str) -> float:
        """Give the median of the requests per second."""
        return statistics.median(load.requests_per_second for load in self.loads[server])

    def of_ready_bytes(self, server: str) -> float:
        """Give the part that a server reaches of what the same bytes, served ready, do."""
        return self.rate(server) / self.rate(STATIC)

    def cpu(self, server: str) -> float:
        """Give the median of the processor time of one request, in seconds."""
        return statistics.median(load.cpu for load in self.loads[server])

    def middle(self, server: str) -> float:
        """Give the median of the latencies that half of all requests exceed, in seconds."""
        return statistics.median(load.median for load in self.loads[server])

    def slowest_hundredth(self, server: str) -> float:
        """Give the median of the latencies that one request in a hundred exceeds, in seconds."""
        return statistics.median(load.slowest_hundredth for load in self.loads[server])


class _Server(msgspec.Struct, frozen=True):
    """A server to press: how it is asked a question."""

    running: servers.Running
    tokens: dict[str, str]
    is_static: bool = False
    is_each_new: bool = False

    def request(self, question: Question) -> tuple[str, dict[str, str]]:
        target = f"/{question.file}" if self.is_static else question.target
        token = {"Authorization": f"Bearer {self.tokens[question.who]}"} if self.tokens else {}
        return target, question.headers | token


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Row]:
    """Make the fleet, start the servers, check that all say the same, then press them in turns."""
    database, tenants = databases.fleet(SQLITE, size.copy_jobs, size.companies)
    questions = _questions(size, tenants[0])
    processor, load_processor = servers.processors() or (None, None)
    if processor is None:
        say("only one processor: servers and load share it, so the ratios say little")
    with _all_servers(folder, database, tenants[0], questions, processor) as by_name:
        sizes = {question.name: _check(question, by_name) for question in questions}
        say(f"{len(by_name)} servers answer {len(questions)} questions alike")
        asked = questions if size.are_all_asked else questions[:1]
        rows = [Row(question.name, sizes[question.name], {}) for question in asked]
        for number in range(size.rounds):
            for question, row in zip(asked, rows, strict=True):
                for name in by_name if row is rows[0] else OFTEN:
                    server = by_name[name]
                    target, headers = server.request(question)
                    load = press(
                        server.running,
                        target,
                        headers,
                        seconds=size.seconds,
                        processor=load_processor,
                        is_each_new=server.is_each_new,
                    )
                    row.loads.setdefault(name, []).append(load)
            say(f"round {number + 1} of {size.rounds}: {rows[0].loads[TANDEM][-1].requests_per_second:,.0f} requests/s")
        return rows


def _questions(size: Size, tenant: Tenant) -> list[Question]:
    questions: list[Question] = []
    totals = {"provider": size.copy_jobs, "company": tenant.copy_jobs}
    forms: dict[str, dict[str, str]] = {"oldest": {}, "current": CURRENT}
    for form, headers in forms.items():
        for who, total in totals.items():
            for page, offset in {"first": 0, "last": max(0, total - PAGE)}.items():
                name = f"{who}, {page} page, {form} form"
                file = f"{who}-{page}-{form}"
                questions.append(Question(name=name, file=file, who=who, offset=offset, total=total, headers=headers))
    return questions


@contextmanager
def _all_servers(
    folder: Path, database: str, tenant: Tenant, questions: list[Question], processor: int | None
) -> Generator[dict[str, _Server]]:
    data = folder / "console"
    data.mkdir()
    with servers.console(data, database=database, admin_password=ADMIN_PASSWORD, processor=processor) as console:
        certificate = data / "console" / "certificate.pem", data / "console" / "certificate-key.pem"
        tokens, user_uids = sign_in(console.url, certificate[0], tenant)
        tandem = _Server(console, tokens)
        answers = folder / "answers"
        answers.mkdir()
        for question in questions:
            (answers / question.file).write_bytes(_get(tandem, question).content)
        secret = secrets.token_urlsafe(32)
        peer_tokens = {who: _peer_token(secret, uid) for who, uid in user_uids.items()}
        place = peer_servers.Place(folder, answers, database, secret, certificate, processor)
        by_name = {TANDEM: tandem, ANEW: _Server(console, tokens, is_each_new=True)}
        with ExitStack() as stack:
            for name, peer in PEERS.items():
                running = stack.enter_context(peer(place))
                is_ready = name in READY
                by_name[name] = _Server(running, {} if is_ready else peer_tokens, is_static=is_ready)
            yield by_name


def sign_in(url: str, certificate: Path, tenant: Tenant) -> tuple[dict[str, str], dict[str, str]]:
    """Sign in the provider's administrator and a company's owner; gives the tokens and the ids of both."""
    tokens: dict[str, str] = {}
    user_uids: dict[str, str] = {}
    people = {"provider": (ADMIN, ADMIN_PASSWORD), "company": (tenant.owner_user_name, OWNER_PASSWORD)}
    for who, (user_name, password) in people.items():
        given: dict[str, str] = {}
        with Client(url, certificate.read_text(), on_tokens=given.__setitem__) as client:
            client.sign_in(user_name, password)
            user_uids[who] = client.get("/users/me")["instanceUid"]
        tokens[who] = next(iter(given))
    return tokens, user_uids


def _peer_token(secret: str, user_uid: str) -> str:
    claims = {"sub": user_uid, "exp": int(time.time()) + 24 * 3600}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def _check(question: Question, by_name: Mapping[str, _Server]) -> int:
    answers = {name: _get(server, question) for name, server in by_name.items()}
    tandem = answers[TANDEM].json()
    count = min(PAGE, question.total)
    expected = {"total": question.total, "count": count, "offset": question.offset}
    if tandem["meta"]["pagingInfo"] != expected or len({row["instanceUid"] for row in tandem["data"]}) != count:
        raise RuntimeError(f"{question.name}: Tandem answers {tandem['meta']}, but the fleet has {expected}")
    for name, answer in answers.items():
        if answer.json() != tandem:
            raise RuntimeError(f"{question.name}: {name} does not answer what Tandem does: {answer.text[:400]}")
    return len(answers[TANDEM].content)


def _get(server: _Server, question: Question) -> httpx.Response:
    target, headers = server.request(question)
    with httpx.Client(verify=servers.any_certificate(), trust_env=False) as client:
        return client.get(server.running.url + target, headers=headers).raise_for_status()


def show(rows: list[Row], size: Size) -> list[Table]:
    """Give the tables that people read."""
    fleet = f"{size.copy_jobs:,} copy jobs of {size.companies} companies, on SQLite"
    title = f"GET …/jobs/fileShareCopyJobs?limit={PAGE} over TLS, {fleet}"
    first = rows[0]
    caption = f"{first.question}; every server on one processor, load on another, {CONNECTIONS} connections"
    peers = Table("", title=title, caption=caption)
    columns = ("req/s", "of ready bytes", "Tandem does times", "CPU µs", "by CPU, times", "p50 ms", "p99 ms")
    peers.columns[0].no_wrap = True
    for column in columns:
        peers.add_column(column, justify="right")
    for name in first.loads:
        peers.add_row(
            name,
            f"{first.rate(name):,.0f}",
            f"{first.of_ready_bytes(name):.1%}",
            f"{first.rate(TANDEM) / first.rate(name):.2f}",
            f"{first.cpu(name) * 1e6:.0f}",
            f"{first.cpu(name) / first.cpu(TANDEM):.2f}",
            f"{first.middle(name) * 1000:.2f}",
            f"{first.slowest_hundredth(name) * 1000:.2f}",
        )
    return [peers, *(_by_question(name, rows) for name in (TANDEM, ANEW))]


def _by_question(name: str, rows: list[Row]) -> Table:
    table = Table(name, title="By who asks, for which page, in which form")
    table.columns[0].no_wrap = True
    columns = (
        "kB",
        "req/s",
        "to the first",
        "ready bytes, to the first",
        "of ready bytes",
        "CPU µs",
        "p50 ms",
        "p99 ms",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.question,
            f"{row.answer_bytes / 1000:.1f}",
            f"{row.rate(name):,.0f}",
            f"{row.rate(name) / rows[0].rate(name):.2f}",
            f"{row.rate(STATIC) / rows[0].rate(STATIC):.2f}",
            f"{row.of_ready_bytes(name):.1%}",
            f"{row.cpu(name) * 1e6:.0f}",
            f"{row.middle(name) * 1000:.2f}",
            f"{row.slowest_hundredth(name) * 1000:.2f}",
        )
    return table


def aims(rows: list[Row]) -> Iterator[Aim]:
    """Give what is aimed at."""
    first = rows[0]
    for name in (TANDEM, ANEW):
        static, fastapi = first.of_ready_bytes(name), first.rate(name) / first.rate(FASTAPI)
        yield Aim(f"{name}: requests/s, of the same bytes served ready", static, at_least=STATIC_RATIO_AIM)
        yield Aim(f"{name}: requests/s, times {FASTAPI}", fastapi, at_least=FASTAPI_RATIO_AIM)
        slowest = max(row.slowest_hundredth(name) / row.middle(name) for row in rows)
        yield Aim(f"{name}: p99 to p50, the worst of all questions", slowest, at_most=SLOWEST_RATIO_AIM)
        # Of the same bytes too: one form has twice the other's, which costs a server that only sends them as much.
        for row in rows[1:]:
            ratio = row.of_ready_bytes(name) / static
            yield Aim(f"{name}: of ready bytes, {row.question}, to the first question", ratio, at_least=ALIKE_AIM)
