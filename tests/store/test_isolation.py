"""A signature proves little: every stored thing that takes a scope is asked for as Charlie, who owns none of it."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, cast

import pytest

from tandem import store
from tandem.domain.adoption import Adoption, Origin
from tandem.domain.errors import Conflict, NotFound
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.holds import Hold
from tandem.domain.identity import Role, Scope, ScopeKind
from tandem.domain.jobs import Job, JobStatus
from tandem.domain.limits import Limits
from tandem.domain.listing import Query
from tandem.domain.locations import Location, LocationType
from tandem.domain.logins import LoginStatus
from tandem.domain.paging import Page, Window
from tandem.domain.retention import Retention, RetentionUnit, Rule
from tandem.protocol.messages import SnapshotsReport
from tandem.store import (
    activity_log,
    adoption,
    backup_servers,
    company_removal,
    credentials,
    encryption_passwords,
    file_share_backups,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    holds,
    job_session_heatmap,
    jobs,
    limits,
    locations,
    logins,
    organizations,
    proof,
    proxies,
    recovery_kits,
    removed_repositories,
    repositories,
    restore_points,
    retention,
    session_logs,
    sessions,
    usage,
    users,
)
from tandem.store.database import Connection
from tandem.store.listing.collection import shape_of
from tests.consoles import Console, Rows, rows_in
from tests.people import (
    ACME,
    ACMES,
    BACKED_UP_AT,
    BETA,
    BOB,
    CHARLIE,
    LARA,
    NORA,
    PEOPLE,
    START,
    Estate,
    login_id_of,
    uid,
)

Ask = Callable[[Connection, Scope, Estate], Any]
WHOLE = Query()

EMPTY = uid("an empty location")


def put_location(connection: Connection, estate: Estate) -> str:
    """Make sure that an organization has a location that is not its default."""
    everything = Scope(ScopeKind.EVERYTHING, "")
    if EMPTY not in {row.instance_uid for row in locations.list_locations(connection, everything, WHOLE).rows}:
        location = Location(
            instance_uid=EMPTY,
            organization_uid=estate.organization_uid,
            name="empty",
            type=LocationType.CUSTOM,
            quota_gb=0,
        )
        locations.insert_location(connection, location)
    return EMPTY


def _job_of(connection: Connection, estate: Estate) -> Job:
    """Find an estate's copy job, as somebody may have who sees it."""
    return jobs.get_job(connection, Scope(ScopeKind.EVERYTHING, ""), estate.copy_job)


def put_removed_repositories(connection: Connection) -> None:
    """Make sure that Acme's repositories are kept as those of a deleted company."""
    everything = Scope(ScopeKind.EVERYTHING, "")
    if not removed_repositories.list_removed_repositories(connection, everything, WHOLE).rows:
        company_removal.keep_repositories(connection, ACME, START)


def put_adoption(connection: Connection) -> None:
    """Make sure that Acme's job has adopted something, and that somebody has looked into its repository."""
    everything = Scope(ScopeKind.EVERYTHING, "")
    adopted = Adoption(origins=[Origin("old", ("/srv",))])
    adoption.put_adoption(connection, everything, ACMES.job_unique, adopted, START)
    report = SnapshotsReport(repository_uid=ACMES.first, request_uid=ACMES.first)
    adoption.apply_snapshots(connection, ACMES.server, report, START)


HOLD = Hold(uid=uid("a hold"), since=START, causes=[])


CASES: dict[str, Ask] = {
    "activity_log.list_activities": lambda c, s, _: activity_log.list_activities(c, s, Window(), activity_log.Wanted()),
    "adoption.find_adoption": lambda c, s, e: adoption.find_adoption(c, s, e.job_unique).origins,
    "adoption.find_snapshots": lambda c, s, e: adoption.find_snapshots(c, s, e.first),
    "adoption.put_adoption": lambda c, s, e: adoption.put_adoption(c, s, e.job_unique, Adoption(), START),
    "backup_servers.get_backup_server": lambda c, s, e: backup_servers.get_backup_server(c, s, e.server),
    "backup_servers.list_backup_servers": lambda c, s, _: backup_servers.list_backup_servers(c, s, WHOLE, START),
    "credentials.delete_credentials": lambda c, s, e: credentials.delete_credentials(c, s, e.credentials, e.server),
    "credentials.get_credentials": lambda c, s, e: credentials.get_credentials(c, s, e.credentials, e.server),
    "credentials.list_credentials": lambda c, s, e: credentials.list_credentials(c, s, WHOLE, e.server),
    "credentials.sees_credentials": lambda c, s, e: credentials.sees_credentials(c, s, e.server),
    "encryption_passwords.delete_encryption_password": lambda c, s, e: encryption_passwords.delete_encryption_password(
        c, s, e.encryption_password, e.server
    ),
    "encryption_passwords.get_sealed_password": lambda c, s, e: encryption_passwords.get_sealed_password(
        c, s, e.encryption_password, e.server
    ),
    "encryption_passwords.list_encryption_passwords": lambda c, s, e: encryption_passwords.list_encryption_passwords(
        c, s, WHOLE, e.server
    ),
    "encryption_passwords.sees_encryption_passwords": lambda c, s, e: encryption_passwords.sees_encryption_passwords(
        c, s, e.server
    ),
    "file_share_copy_jobs.delete_file_share_copy_job": lambda c, s, e: file_share_copy_jobs.delete_file_share_copy_job(
        c, s, e.copy_job_unique
    ),
    "file_share_copy_jobs.get_file_share_copy_job": lambda c, s, e: file_share_copy_jobs.get_file_share_copy_job(
        c, s, e.copy_job
    ),
    "file_share_copy_jobs.list_file_share_copy_job_objects": lambda c, s, e: (
        file_share_copy_jobs.list_file_share_copy_job_objects(c, s, WHOLE, unique_uid=e.copy_job_unique)
    ),
    "file_share_copy_jobs.list_file_share_copy_jobs": lambda c, s, e: file_share_copy_jobs.list_file_share_copy_jobs(
        c, s, WHOLE, shape_of(FileShareCopyJob), e.server
    ),
    "file_share_copy_jobs.write_file_share_copy_jobs": lambda c, s, e: (
        file_share_copy_jobs.write_file_share_copy_jobs(c, s, WHOLE, "current_form", e.server).text
    ),
    "file_share_jobs.delete_file_share_job": lambda c, s, e: file_share_jobs.delete_file_share_job(c, s, e.job_unique),
    "file_share_jobs.get_file_share_job": lambda c, s, e: file_share_jobs.get_file_share_job(c, s, e.job),
    "file_share_jobs.list_file_share_job_objects": lambda c, s, e: file_share_jobs.list_file_share_job_objects(
        c, s, WHOLE, backup_server_uid=e.server
    ),
    "file_share_jobs.list_file_share_jobs": lambda c, s, e: file_share_jobs.list_file_share_jobs(c, s, WHOLE, e.server),
    "file_share_backups.list_file_share_backups": lambda c, s, e: file_share_backups.list_file_share_backups(
        c, s, WHOLE, e.share
    ),
    "file_shares.get_file_share": lambda c, s, e: file_shares.get_file_share(c, s, e.share),
    "file_shares.list_file_shares": lambda c, s, e: file_shares.list_file_shares(c, s, WHOLE, e.server),
    "jobs.get_job": lambda c, s, e: jobs.get_job(c, s, e.job),
    "job_session_heatmap.read_heatmap": lambda c, s, _: [
        run
        for run in job_session_heatmap.read_heatmap(c, s, BACKED_UP_AT, START).sessions
        if run.session_uid == ACMES.session
    ],
    "jobs.is_job_wholly_visible": lambda c, s, e: jobs.is_job_wholly_visible(c, s, e.job_unique),
    "jobs.map_job": lambda c, s, e: jobs.map_job(c, s, e.job_unique, BETA),
    "jobs.jobs_by_unique_uid": lambda c, s, e: jobs.jobs_by_unique_uid(c, s, [e.job_unique, e.copy_job_unique]),
    "jobs.list_jobs": lambda c, s, e: jobs.list_jobs(c, s, WHOLE, e.server),
    "jobs.mark_job_deleted": lambda c, s, e: jobs.mark_job_deleted(c, s, e.job_unique, START),
    "jobs.move_job": lambda c, s, e: jobs.move_job(c, s, e.copy_job_unique, old=JobStatus.NONE, new=JobStatus.STARTING),
    "holds.holds_of": lambda c, s, e: holds.holds_of(c, s, [e.job_unique]),
    "holds.standing_hold": lambda c, s, e: holds.standing_hold(c, s, e.job_unique),
    "holds.release_hold": lambda c, s, e: holds.release_hold(c, s, e.job_unique, HOLD.uid),
    "jobs.set_job_retries": lambda c, s, e: jobs.set_job_retries(c, s, e.job_unique, 1, 1),
    "jobs.set_job_enabled": lambda c, s, e: jobs.set_job_enabled(c, s, e.job_unique, is_enabled=False),
    "logins.change_login": lambda c, s, _: logins.change_login(
        c, s, login_id_of(c, BOB), description="x", is_read_access_only=False, status=LoginStatus.ENABLED
    ),
    "logins.delete_login": lambda c, s, _: logins.delete_login(c, s, login_id_of(c, BOB)),
    "logins.get_login": lambda c, s, _: logins.get_login(c, s, BOB.uid, login_id_of(c, BOB)),
    "logins.list_api_keys": lambda c, s, e: logins.list_api_keys(
        c, s, WHOLE, e.organization_uid, of=Role, own_uid=BOB.uid
    ),
    "logins.list_logins": lambda c, s, _: logins.list_logins(c, s, WHOLE, BOB.uid),
    "locations.delete_location": lambda c, s, e: locations.delete_location(c, s, put_location(c, e)),
    "locations.get_location": lambda c, s, e: locations.get_location(c, s, e.location),
    "locations.list_locations": lambda c, s, _: locations.list_locations(c, s, WHOLE, user_uid=LARA.uid),
    "locations.lock_location": lambda c, s, e: locations.lock_location(c, s, e.location),
    "locations.update_location": lambda c, s, e: locations.update_location(c, s, e.location, {"quota_gb": 5}),
    "company_removal.delete_company": lambda c, s, e: company_removal.delete_company(c, s, e.organization_uid),
    "organizations.lock_company": lambda c, s, e: organizations.lock_company(c, s, e.organization_uid),
    "organizations.lock_organization": lambda c, s, e: organizations.lock_organization(c, s, e.organization_uid),
    "organizations.update_company": lambda c, s, e: organizations.update_company(
        c, s, e.organization_uid, {"status": "Disabled"}
    ),
    "organizations.update_organization": lambda c, s, e: organizations.update_organization(
        c, s, e.organization_uid, {"name": "changed"}
    ),
    "usage.list_usage": lambda c, s, _: usage.list_usage(c, s, WHOLE, first=START.date(), last=START.date()),
    "users.lock_user": lambda c, s, _: users.lock_user(c, s, BOB.uid),
    "organizations.get_company": lambda c, s, e: organizations.get_company(c, s, e.organization_uid),
    "organizations.get_organization": lambda c, s, e: organizations.get_organization(c, s, e.organization_uid),
    "organizations.list_companies": lambda c, s, _: organizations.list_companies(c, s, WHOLE),
    "organizations.list_organizations": lambda c, s, _: organizations.list_organizations(c, s, WHOLE),
    "organizations.location_of": lambda c, s, e: organizations.location_of(c, s, e.organization_uid),
    "organizations.organizations_by_uid": lambda c, s, e: organizations.organizations_by_uid(
        c, s, [e.organization_uid]
    ),
    "proof.copy_proofs": lambda c, s, e: proof.copy_proofs(c, s, [e.copy_job_unique]),
    "proof.copy_stands": lambda c, s, e: proof.copy_stands(c, s, [e.copy_job_unique]),
    "proof.get_copy_proof": lambda c, s, e: proof.get_copy_proof(c, s, e.copy_job_unique),
    "proof.get_verification": lambda c, s, e: proof.get_verification(c, s, e.first, e.server),
    "proof.protected_jobs": lambda c, s, e: proof.protected_jobs(c, s, e.organization_uid),
    "proof.set_drill_every": lambda c, s, e: proof.set_drill_every(c, s, e.copy_job_unique, 7),
    "proof.set_verify_every": lambda c, s, e: proof.set_verify_every(c, s, e.first, 7),
    "proxies.get_proxy": lambda c, s, e: proxies.get_proxy(c, s, e.agent, e.server, START),
    "proxies.list_proxies": lambda c, s, e: proxies.list_proxies(c, s, WHOLE, START, e.server),
    "recovery_kits.contents_of": lambda c, s, e: recovery_kits.contents_of(c, s, e.first),
    "recovery_kits.get_kit_source": lambda c, s, e: recovery_kits.get_kit_source(c, s, e.first, e.server),
    "recovery_kits.get_removed_kit_source": lambda c, s, e: recovery_kits.get_removed_kit_source(c, s, e.first),
    "recovery_kits.note_download": lambda c, s, e: recovery_kits.note_download(c, s, e.first, CHARLIE.caller, START),
    "removed_repositories.list_removed_repositories": lambda c, s, _: removed_repositories.list_removed_repositories(
        c, s, WHOLE
    ),
    "repositories.get_repository": lambda c, s, e: repositories.get_repository(c, s, e.first, e.server),
    "repositories.list_repositories": lambda c, s, e: repositories.list_repositories(c, s, WHOLE, e.server),
    "repositories.update_access": lambda c, s, e: repositories.update_access(c, s, e.first, e.credentials, None),
    "restore_points.copies_of": lambda c, s, e: restore_points.copies_of(c, s, [e.point])[e.point],
    "restore_points.get_restore_point": lambda c, s, e: restore_points.get_restore_point(c, s, e.point),
    "restore_points.list_restore_points": lambda c, s, e: restore_points.list_restore_points(c, s, WHOLE, e.share),
    "retention.retention_of": lambda c, s, e: retention.retention_of(c, s, _job_of(c, e)),
    "retention.set_retention": lambda c, s, e: retention.set_retention(
        c, s, _job_of(c, e), Rule(Retention(1, RetentionUnit.DAYS)), changed_at=START, points_at_change=1
    ),
    "retention.set_immutability": lambda c, s, e: retention.set_immutability(c, s, e.first, 7),
    "retention.points_of_job": lambda c, s, e: retention.points_of_job(c, s, e.job_unique),
    "retention.points_of_copy_job": lambda c, s, e: retention.points_of_copy_job(c, s, e.job_unique, e.copy_job_unique),
    "retention.points_made": lambda c, s, e: retention.points_made(c, s, e.job_unique),
    "limits.get_limits": lambda c, s, e: limits.get_limits(c, s, e.server, None),
    "limits.set_limits": lambda c, s, e: limits.set_limits(c, s, e.server, e.first, Limits(parallel_runs=1)),
    "session_logs.get_log": lambda c, s, e: session_logs.get_log(c, s, e.session),
    "sessions.get_session": lambda c, s, e: sessions.get_session(c, s, e.session),
    "sessions.last_tasks_of": lambda c, s, e: sessions.last_tasks_of(c, s, [e.job_unique]),
    "sessions.list_sessions": lambda c, s, e: sessions.list_sessions(c, s, WHOLE, job_unique_uid=e.job_unique),
    "users.get_user": lambda c, s, _: users.get_user(c, s, BOB.uid),
    "users.list_users": lambda c, s, _: users.list_users(c, s, WHOLE),
}

# These carry no scope, and why that is right. Whatever names a backup server as its first word after the connection
# is asked by or about that server's agent; whatever inserts is given the owner.
WITHOUT_SCOPE = {
    "the caller himself": {"users.get_own", "users.lock_own", "activity_log.record_activity"},
    "signing in, before anybody is known": {
        "logins.second_factors_of",
        "logins.use_step",
        "sign_ins.end_sign_in",
        "sign_ins.lock_account",
        "sign_ins.find_account",
        "sign_ins.find_caller",
        "sign_ins.find_key_holder",
        "sign_ins.lock_sign_in",
        "sign_ins.renew_sign_in",
    },
    "a user who has proved who he is by a code": {"users.is_email_of", "users.replace_password"},
    "the initiator himself, whom the statement names": {
        "async_actions.clear_async_action_answer",
        "async_actions.count_unended",
        "async_actions.get_async_action",
        "async_actions.list_async_actions",
        "async_actions.set_async_action_request",
    },
    "an action of this very process, or one that its initiator has just found": {
        "async_actions.begin_async_action",
        "async_actions.end_async_action",
        "async_actions.note_alive",
    },
    "a request of the caller's, whose key holds who he is": {
        "replays.delete_replay",
        "replays.find_replay",
        "replays.keep_answer",
        "replays.note_change",
    },
    "a name must be unique among all tenants": {"users.is_user_name_taken", "organizations.is_name_taken"},
    "an agent, known by its key": {
        "agent_news.note_news",
        "backup_servers.bump_revision",
        "agent_commands.open_commands",
        "backup_servers.find_agent",
        "backup_servers.find_agents",
        "backup_servers.lock_agents",
        "backup_servers.open_agent_sessions",
        "backup_servers.renew_agent",
        "backup_servers.touch_agents",
        "job_runs.note_runs",
        "repositories.apply_repository_reports",
        "restore_points.apply_point_reports",
        "session_logs.drop_logs_but_newest",
        "session_logs.put_logs",
        "transfers.break_transfers",
        "sessions.note_running",
        "sessions.open_ones",
        "sessions.put_sessions",
        "backup_servers.use_enrolment_token",
    },
    "an order that the caller has just given": {"agent_commands.find_answer", "agent_commands.withdraw_command"},
    "keys of the installation, and counts over all tenants": {
        "agent_news.newest_news",
        "agent_news.news_since",
        "backup_servers.count_agents",
        "proof.count_trouble",
        "proof.report_keys_newest_first",
    },
    "tidying up for all": {
        "agent_commands.delete_closed_commands",
        "agent_news.delete_old_news",
        "agent_commands.take_expired_commands",
        "async_actions.delete_expired_actions",
        "async_actions.fail_abandoned_actions",
        "backup_servers.delete_expired_enrolment_tokens",
        "replays.delete_expired_replays",
        "session_logs.delete_old_logs",
        "sessions.fail_queued_session",
        "sign_ins.delete_over",
    },
    "a number of things, whoever's they are": {"recovery_kits.count_without_kit"},
    "nobody may be left who runs the provider": {"users.lock_enabled_users"},
    "of a transfer, which an action begins for what its caller sees, and whose id it tells nobody": {
        "transfers.delete_abandoned_transfers",
        "transfers.delete_transfer",
        "transfers.find_transfer",
        "transfers.take_parts",
        "transfers.touch_transfer",
    },
    "of something that was found by a scope just before": {
        "adoption.adopted_of_repository",
        "company_removal.has_jobs",
        "company_removal.keep_repositories",
        "organizations.rename_owner",
        "users.delete_user",
        "users.find_owner",
        "users.update_user",
        "backup_servers.get_server_of_job",
        "file_share_copy_jobs.first_job_into",
        "file_share_copy_jobs.is_copied_to",
        "file_share_jobs.first_job_into",
        "jobs.get_job_of_repository",
        "jobs.share_of_job",
        "logins.count_logins",
        "sign_ins.end_acting",
        "sign_ins.end_sign_ins",
        "sign_ins.end_with_password",
        "users.note_second_factors",
        "file_share_jobs.file_share_of",
        "file_share_jobs.source_size_of",
        "locations.choose_location",
        "locations.chosen_locations",
        "locations.has_backup_servers",
        "locations.is_location_name_taken",
        "locations.sees_no_more",
        "locations.unchoose_location",
        "file_shares.shares_with_credentials",
        "repositories.delete_failed_repository",
        "repositories.repositories_with_credentials",
        "repositories.repositories_with_password",
        "repositories.repository_state",
        "restore_points.job_of_point",
        "retention.last_arrival",
    },
}
# Not about anybody's data: how statements are made, how a database is opened; and tokens, known by what they are.
NOT_ABOUT_DATA = {
    "query",
    "listing",
    "metadata",
    "job_indexes",
    "counts",
    "count_tables",
    "documents",
    "document_tables",
    "counted_lists",
    "recounting",
    "retention_columns",
    "conditions",
    "texts",
    "prepared",
    "database",
    "columns",
    "tables",
    "request_tables",
    "steps",
    "upgrades",
    "periodic_work",
    "location_tables",
    "point_tables",
    "proof_columns",
    "session_log_tables",
    "transfer_tables",
    "hold_tables",
    "tokens",
    "codes",
}
MAKES_STATEMENTS = {"backup_servers.silent_since", "jobs.names_job", "jobs.instance_first", "jobs.objects_of"}


# These are asked for what is in no location, or not in Lara's.
OF_THE_WHOLE_COMPANY = {
    "recovery_kits.get_removed_kit_source",
    "removed_repositories.list_removed_repositories",
    "activity_log.list_activities",
    "locations.delete_location",
    "logins.change_login",
    "logins.delete_login",
    "logins.get_login",
    "logins.list_api_keys",
    "logins.list_logins",
    "users.get_user",
    "users.lock_user",
}


def functions() -> dict[str, list[str]]:
    """Give every public function of the store with its parameters."""
    found: dict[str, list[str]] = {}
    for module in pkgutil.iter_modules(store.__path__):
        if module.name in NOT_ABOUT_DATA or module.ispkg:
            continue
        loaded = importlib.import_module(f"{store.__name__}.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            if function.__module__ == loaded.__name__ and not name.startswith("_"):
                found[f"{module.name}.{name}"] = list(inspect.signature(function).parameters)
    return found


def test_every_function_with_a_scope_is_asked_here() -> None:
    assert {name for name, parameters in functions().items() if "scope" in parameters} == set(CASES)


def test_a_function_without_a_scope_has_a_reason() -> None:
    unscoped = {
        name
        for name, parameters in functions().items()
        if "scope" not in parameters
        and parameters[1:2] != ["backup_server_uid"]
        and "backup_server_uid" not in parameters
        and not name.partition(".")[2].startswith("insert_")
    }
    explained = {name for names in WITHOUT_SCOPE.values() for name in names} | MAKES_STATEMENTS
    assert unscoped == explained


class _Undone(Exception):
    pass


@contextmanager
def estate_of_acme(console: Console) -> Generator[tuple[Connection, Rows]]:
    """Give a transaction with all that there can be of Acme's, which is undone in the end, and the rows it sees."""
    with suppress(_Undone), console.database.writing() as connection:
        put_location(connection, ACMES)
        put_removed_repositories(connection)
        put_adoption(connection)
        holds.apply_hold(connection, ACMES.server, ACMES.job, HOLD)
        activity_log.record_activity(connection, BOB.caller, "StartBackupServerJob", object_uid=ACMES.job, now=START)
        yield connection, rows_in(connection)
        raise _Undone


def finds_nothing(connection: Connection, before: Rows, name: str, scope: Scope) -> bool:
    """Say whether a function neither finds nor changes anything of Acme's for a scope."""
    try:
        with connection.begin_nested():
            found = CASES[name](connection, scope, ACMES)
    except NotFound:
        found = None
    except Conflict:
        return False  # Said of a row that was found.
    if isinstance(found, Page):
        found = [row for row in cast("Page[Any]", found).rows if _is_acmes(row)]
    return not found and rows_in(connection) == before


def _is_acmes(row: Any) -> bool:
    """Say whether a row is Acme's; one that does not tell its owner was asked for by Acme's ids."""
    for field in ("organization_uid", "company_uid", "instance_uid"):
        if getattr(row, field, None) == ACMES.organization_uid:
            return True
    return not hasattr(row, "organization_uid") and not isinstance(
        row, organizations.Organization | organizations.Company | usage.LocationUsage
    )


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_found_by_those_who_may_not_see_it(console: Console, name: str) -> None:
    nobody = Scope(ScopeKind.NOTHING, ACMES.organization_uid)
    unbound = PEOPLE[Role.COMPANY_LOCATION_ADMINISTRATOR]
    with estate_of_acme(console) as (connection, before):
        for scope in (CHARLIE.caller.scope, NORA.caller.scope, unbound.caller.scope, nobody):
            assert finds_nothing(connection, before, name, scope), scope


@pytest.mark.parametrize("name", sorted(set(CASES) - OF_THE_WHOLE_COMPANY))
def test_who_looks_after_its_location_finds_it_too(console: Console, name: str) -> None:
    with estate_of_acme(console) as (connection, before):
        assert not finds_nothing(connection, before, name, LARA.caller.scope)


@pytest.mark.parametrize("name", CASES)
def test_its_owner_does_find_it(console: Console, name: str) -> None:
    with estate_of_acme(console) as (connection, before):
        assert not finds_nothing(connection, before, name, BOB.caller.scope)
