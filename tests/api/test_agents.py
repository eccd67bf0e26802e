"""Agents at the console's door: let in once, known by their key, shut out at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import OctKey

from tandem.decoding import decode
from tandem.domain.errors import Unauthorized
from tandem.protocol.messages import (
    CHALLENGE_PATH,
    ENROL_PATH,
    EXCHANGE_PATH,
    SESSION_PATH,
    Challenge,
    EnrolAnswer,
    NumberedReport,
    SessionAnswer,
    SessionReport,
)
from tests.agents import Agent, enrol, enrol_request
from tests.consoles import JOBS, Console, error_in, rows_of
from tests.people import ACME, ACMES, ALICE, BETAS, BOB, CHARLIE, GAMMA, GAMMAS, NORA, Person, session_of, uid

SERVERS = "/infrastructure/backupServers"


def token_for(console: Console, who: Person = BOB, **body: object) -> str:
    """Ask for an enrolment token."""
    return console.does("POST", f"{SERVERS}/enrolmentTokens", who, {"name": "new server", **body})["token"]


def try_to_enrol(console: Console, token: str) -> int:
    response = console.request("POST", ENROL_PATH, json=enrol_request(token, Ed25519PrivateKey.generate()))
    if response.status_code != 200:
        error_in(response)
    return response.status_code


def challenge(console: Console) -> str:
    response = console.request("POST", CHALLENGE_PATH, json={})
    return decode(response.content, Challenge).nonce


def test_a_machine_with_a_token_becomes_a_backup_server(console: Console) -> None:
    agent = enrol(console, token_for(console), host_name="machine.example")
    agent.turn()
    server = console.data(f"{SERVERS}/{agent.server_uid}", BOB)
    assert (server["name"], server["organizationUid"], server["status"]) == ("new server", ACME, "Healthy")
    assert server["displayVersion"] == "0.1.0 (restic 0.18.1)"
    assert agent.configuration is not None
    assert (agent.configuration.jobs, agent.configuration.repositories) == ([], [])
    assert agent.server_uid not in {row["instanceUid"] for row in console.data(SERVERS, CHARLIE)}


def test_a_backup_server_counts_as_gone_when_its_agent_is_silent(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    console.clock.forward(minutes=2)
    assert console.data(f"{SERVERS}/{ACMES.server}", BOB)["status"] == "Healthy"
    console.clock.forward(seconds=1)
    assert console.data(f"{SERVERS}/{ACMES.server}", BOB)["status"] == "Inaccessible"
    agent.turn()
    assert console.data(f"{SERVERS}/{ACMES.server}", BOB)["status"] == "Healthy"


def test_a_token_lets_one_machine_in(console: Console) -> None:
    token = token_for(console)
    assert try_to_enrol(console, token) == 200
    assert try_to_enrol(console, token) == 401


def test_a_token_ends_when_it_says(console: Console) -> None:
    early, late = token_for(console, lifetimeMinutes=10), token_for(console, lifetimeMinutes=10)
    console.clock.forward(minutes=10, seconds=-1)
    assert try_to_enrol(console, early) == 200
    console.clock.forward(seconds=1)
    assert try_to_enrol(console, late) == 401


@pytest.mark.parametrize("token", ["", "x", "\0", "x" * 10_000, "'; drop table users; --"])
def test_a_token_that_was_never_given_lets_nobody_in(console: Console, token: str) -> None:
    before = rows_of(console.database)
    assert try_to_enrol(console, token) == 401
    assert rows_of(console.database) == before


def test_a_token_is_not_stored_as_it_is(console: Console) -> None:
    assert token_for(console) not in repr(rows_of(console.database))


def test_a_server_belongs_to_whom_the_token_was_made_for(console: Console) -> None:
    agent = enrol(console, token_for(console, ALICE, organizationUid=ACME.upper()))
    assert console.data(f"{SERVERS}/{agent.server_uid}", BOB)["organizationUid"] == ACME
    of_gamma = enrol(console, token_for(console, NORA, organizationUid=GAMMA))
    assert console.data(f"{SERVERS}/{of_gamma.server_uid}", NORA)["organizationUid"] == GAMMA
    console.refuses(404, "GET", f"{SERVERS}/{of_gamma.server_uid}", BOB)


def test_nobody_replaces_the_agent_of_another_tenants_server(console: Console) -> None:
    body = {"name": "x", "backupServerUid": ACMES.server}
    assert console.refuses(404, "POST", f"{SERVERS}/enrolmentTokens", CHARLIE, body)


def test_a_new_agent_for_a_server_shuts_the_old_one_out_at_once(console: Console) -> None:
    old = console.agent_of(ACMES)
    old.turn()
    new = enrol(console, token_for(console, backupServerUid=ACMES.server.upper()), host_name="new.example")
    assert new.server_uid == ACMES.server
    before = rows_of(console.database)
    late = SessionReport(session=msgspec.structs.replace(session_of(ACMES), instance_uid=uid("late")))
    assert old.exchange(NumberedReport(1, late)).status_code == 409
    assert old.open_session().status_code == 401
    assert rows_of(console.database) == before
    # The server is what it was: its name, its jobs, its repositories with their passwords.
    new.turn()
    assert console.data(f"{SERVERS}/{ACMES.server}", BOB)["name"] == "Acme's server"
    assert new.configuration is not None
    assert {job.uid for job in new.configuration.jobs} == {ACMES.job, ACMES.copy_job}
    passwords = {repository.password for repository in new.configuration.repositories}
    assert passwords == {"password of Acme's first repository", "password of Acme's second repository"}


def test_of_two_agents_with_one_identity_the_newer_fences_the_older(console: Console) -> None:
    older, newer = console.agent_of(ACMES), console.agent_of(ACMES)
    response = older.exchange()
    assert response.status_code == 409
    assert "later" in error_in(response)["message"]
    newer.turn()
    older.open_session()
    assert newer.exchange().status_code == 409
    older.turn()


def test_of_agents_that_come_together_one_that_lies_harms_no_other(console: Console) -> None:
    agents = [console.agent_of(estate) for estate in (ACMES, BETAS, GAMMAS)]
    nonces = [console.services.door.challenge().nonce for _ in agents]
    requests = [agent.session_request(nonce) for agent, nonce in zip(agents, nonces, strict=True)]
    requests[1] = msgspec.structs.replace(requests[1], proof=requests[0].proof)
    first, second, third = console.services.door.open_sessions(requests)
    assert isinstance(second, Unauthorized)
    assert agents[1].exchange().is_success, "nobody else ends a session"
    for agent, answer in ((agents[0], first), (agents[2], third)):
        assert isinstance(answer, SessionAnswer)
        assert agent.exchange().status_code == 409
        agent.token = answer.token
        assert agent.exchange().is_success


def test_an_agent_gets_what_is_its_own_servers_and_nothing_else(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    assert agent.configuration is not None
    text = msgspec.json.encode(agent.configuration).decode()
    for own in (ACMES.share, ACMES.first, ACMES.second, ACMES.job, ACMES.copy_job_unique):
        assert own in text
    assert not [each for each in BETAS.all_uids() if each in text]
    assert "Beta" not in text


def test_configuration_is_sent_when_it_is_new_and_only_then(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert agent.hear().configuration is not None
    assert agent.hear().configuration is None
    console.does("PATCH", f"{JOBS}/{ACMES.job}", BOB, [{"op": "replace", "path": "/isEnabled", "value": False}])
    newest = agent.hear().configuration
    assert newest is not None
    assert [job.is_enabled for job in newest.jobs if job.uid == ACMES.job] == [False]


def test_an_agent_that_waits_hears_of_news_at_once(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert agent.exchange(wait_seconds=20).json()["configuration"] is not None  # its first
    agent.turn()
    console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
    assert agent.exchange(wait_seconds=20).json()["commands"]


def test_news_reach_an_agent_while_it_waits(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(agent.exchange, wait_seconds=20)
        console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
        assert [command["order"]["job_uid"] for command in waiting.result().json()["commands"]] == [ACMES.job]


def test_an_agent_that_is_replaced_while_it_waits_is_told(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(agent.exchange, wait_seconds=20)
        console.agent_of(ACMES)
        assert waiting.result().status_code == 409


def test_a_console_that_ends_keeps_no_agent_waiting(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    console.services.stopping.set()
    assert agent.exchange(wait_seconds=20).json()["commands"] == []


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "..",
        f"{ACMES.server}.0.x",
        f"{ACMES.server}.1.x",
        f"{ACMES.server}.2.x",
        f"{ACMES.server}.\xb2.x",
        f"{ACMES.server}.{'9' * 5000}.x",
        f"{ACMES.server}..x",
        f"{uid('nothing')}.1.x",
    ],
)
def test_a_made_up_session_gets_nothing(console: Console, token: str) -> None:
    console.agent_of(ACMES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    response = console.request("POST", EXCHANGE_PATH, content=b"{}", headers=headers)
    assert response.status_code in {401, 409}
    error_in(response)


def test_a_users_token_is_no_agents_and_an_agents_no_users(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert console.call("POST", "/../.." + EXCHANGE_PATH, ALICE).status_code in {401, 404}
    headers = {"Authorization": f"Bearer {console.services.checker.sign(ALICE.uid)}"}
    assert console.request("POST", EXCHANGE_PATH, json={}, headers=headers).status_code == 401
    assert agent.post("/api/v3/users/me", {}).status_code == 405
    headers = {"Authorization": f"Bearer {agent.token}"}
    assert console.request("GET", "/api/v3/users/me", headers=headers).status_code == 401


def proof(console: Console, key: Any = None, **changes: Any) -> dict[str, Any]:
    """Make what opens a session of Acme's agent, or something that differs in one thing."""
    agent = Agent(console, ACMES.server, key or ACMES.key)
    request: dict[str, Any] = msgspec.to_builtins(agent.session_request(changes.pop("nonce", challenge(console))))
    return {**request, **changes}


def test_an_agent_that_proves_its_key_gets_a_session(console: Console) -> None:
    assert console.request("POST", SESSION_PATH, json=proof(console)).status_code == 200


def test_an_agent_without_the_key_gets_no_session(console: Console) -> None:
    agent = Agent(console, ACMES.server, ACMES.key)
    nonce = challenge(console)
    own_nonce = jwt.encode({"alg": "HS256"}, {"jti": "x", "exp": 2**40}, OctKey.import_key("x" * 32))
    claims = {"aud": "x", "sub": ACMES.server, "nonce": nonce}
    shared = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("x" * 32))
    wrong = [
        proof(console, key=BETAS.key),
        proof(console, nonce=own_nonce),
        proof(console, nonce="x"),
        proof(console, nonce=""),
        proof(console, backup_server_uid=BETAS.server),
        proof(console, backup_server_uid=uid("nothing")),
        proof(console, backup_server_uid="\0"),
        proof(console, proof=""),
        proof(console, proof="x.y.z"),
        proof(console, proof=shared),
        msgspec.to_builtins(agent.session_request(nonce, audience=uid("another installation"))),
    ]
    for request in wrong:
        response = console.request("POST", SESSION_PATH, json=request)
        assert response.status_code in {400, 401}, request
        error_in(response)


def test_a_challenge_is_good_for_a_minute(console: Console) -> None:
    request = proof(console)
    console.clock.forward(seconds=60)
    assert console.request("POST", SESSION_PATH, json=request).status_code == 401


@pytest.mark.parametrize("changes", [{"public_key": "garbage"}, {"public_key": ""}, {"public_key": "rsa"}])
def test_a_key_that_no_session_could_be_opened_with_uses_no_token_up(console: Console, changes: dict[str, str]) -> None:
    if changes["public_key"] == "rsa":
        key = rsa.generate_private_key(65_537, 2048).public_key()
        changes = {"public_key": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()}
    token = token_for(console)
    request = msgspec.structs.replace(enrol_request(token, Ed25519PrivateKey.generate()), **changes)
    response = console.request("POST", ENROL_PATH, json=request)
    assert response.status_code == 400
    assert "key" in error_in(response)["message"]
    assert try_to_enrol(console, token) == 200


def test_another_release_of_the_protocol_is_told(console: Console) -> None:
    token = token_for(console)
    request = msgspec.structs.replace(enrol_request(token, Ed25519PrivateKey.generate()), protocol=99)
    assert "99" in error_in(console.request("POST", ENROL_PATH, json=request))["message"]
    assert console.request("POST", SESSION_PATH, json=proof(console, protocol=99)).status_code == 409
    assert try_to_enrol(console, token) == 200


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"x":' * 100_000, b"\xff"])
def test_a_message_that_cannot_be_read_is_no_fault_of_the_server(console: Console, content: bytes) -> None:
    agent = console.agent_of(ACMES)
    headers = {"Authorization": f"Bearer {agent.token}"}
    for path in (ENROL_PATH, SESSION_PATH, EXCHANGE_PATH):
        response = console.request("POST", path, content=content, headers=headers)
        assert response.status_code == 400, response.text
        error_in(response)


def test_a_strange_host_name_is_no_fault_of_the_server(console: Console) -> None:
    for host_name in ("x" * 10_000, "a\0b", "ü", ""):
        request = enrol_request(token_for(console), Ed25519PrivateKey.generate(), host_name)
        response = console.request("POST", ENROL_PATH, json=request)
        assert response.status_code in {200, 400}, response.text


def test_who_let_a_machine_in_and_which_one_came_is_written_down(console: Console) -> None:
    enrol(console, token_for(console), host_name="machine.example")
    told = [(row["activity"], row["user_name"]) for row in rows_of(console.database)["activity_log"]]
    assert told == [
        ("CreateBackupServerEnrolmentToken", "bob"),
        ("EnrolAgent", "agent on machine.example"),
    ]


def test_an_enrolment_answers_who_the_agent_is(console: Console) -> None:
    response = console.request("POST", ENROL_PATH, json=enrol_request(token_for(console), Ed25519PrivateKey.generate()))
    answer = decode(response.content, EnrolAnswer)
    assert answer.audience == console.context.installation_uid
