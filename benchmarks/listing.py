"""The seed operation under load: Tandem against ready bytes, and against FastAPI with an ORM, on the same fleet."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import servers
from fleet import ADMIN, ADMIN_PASSWORD, OWNER_PASSWORD, Tenant, make_fleet
from joserfc import jwt
from joserfc.jwk import OctKey
from load import Load, press

from tandem.client import Client

PATH = "/api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs"
PAGE = 100
CURRENT = {"X-Client-Version": "3.6.1"}
STATIC, TANDEM, FASTAPI = "ready bytes", "Tandem", "FastAPI + ORM"


class Size(msgspec.Struct, frozen=True):
    """How large the fleet is and how long each server is pressed; rounds of the seed request and of the others."""

    copy_jobs: int
    companies: int
    seconds: float
    rounds: int
    other_seconds: float
    other_rounds: int


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
    """What came of one question: the loads of each server, a list entry per round."""

    question: str
    answer_bytes: int
    loads: dict[str, list[Load]]

    def rate(self, server: str) -> float:
        """Give the median of the requests per second."""
        return statistics.median(load.requests_per_second for load in self.loads[server])

    def cpu(self, server: str) -> float:
        """Give the median of the processor time of one request, in seconds."""
        return statistics.median(load.cpu for load in self.loads[server])

    def slowest_hundredth(self, server: str) -> float:
        """Give the median of the latencies that one request in a hundred exceeds, in seconds."""
        return statistics.median(load.slowest_hundredth for load in self.loads[server])


class _Server(msgspec.Struct, frozen=True):
    """A server to press: how it is asked a question."""

    running: servers.Running
    tokens: dict[str, str]
    is_static: bool = False

    def request(self, question: Question) -> tuple[str, dict[str, str]]:
        target = f"/{question.file}" if self.is_static else question.target
        token = {"Authorization": f"Bearer {self.tokens[question.who]}"} if self.tokens else {}
        return target, question.headers | token


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Row]:
    """Make the fleet, start the servers, check that all say the same, then press them in turns."""
    database = f"sqlite:///{folder / 'fleet.db'}"
    started = time.monotonic()
    tenants = make_fleet(database, copy_jobs=size.copy_jobs, companies=size.companies)
    say(f"made a fleet of {size.copy_jobs:,} copy jobs in {time.monotonic() - started:.0f} s")
    questions = _questions(size, tenants[0])
    processor, load_processor = servers.processors() or (None, None)
    if processor is None:
        say("only one processor: servers and load share it, so the ratios say little")
    with _all_servers(folder, database, tenants[0], questions, processor) as by_name:
        sizes = {question.name: _check(question, by_name) for question in questions}
        say(f"all servers answer {len(questions)} questions alike")
        rows: list[Row] = []
        for number, question in enumerate(questions):
            rounds, seconds = (size.other_rounds, size.other_seconds) if number else (size.rounds, size.seconds)
            row = Row(question.name, sizes[question.name], {name: [] for name in by_name})
            for _ in range(rounds):
                for name, server in by_name.items():
                    target, headers = server.request(question)
                    load = press(server.running, target, headers, seconds=seconds, processor=load_processor)
                    row.loads[name].append(load)
            if rounds:
                say(f"{question.name}: {row.rate(TANDEM):,.0f} requests per second")
            rows.append(row)
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
        with (
            servers.static_bytes(answers, certificate, folder / "static.log", processor) as static_running,
            servers.fastapi_orm(database, secret, certificate, folder / "fastapi.log", processor) as fastapi_running,
        ):
            static = _Server(static_running, {}, is_static=True)
            fastapi = _Server(fastapi_running, {who: _peer_token(secret, uid) for who, uid in user_uids.items()})
            yield {STATIC: static, TANDEM: tandem, FASTAPI: fastapi}


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
