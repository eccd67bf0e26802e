"""What a job tells of its last session: one task, its share, in the contract's words."""

from typing import Any

import pytest

from tandem.api import job_session_heatmap
from tandem.api.http import words
from tandem.domain.activity_log import ActivityKind, ActivityType
from tandem.domain.sessions import Progress, SessionState, SessionType, Statistics
from tests.consoles import JOBS, Console
from tests.contract.answers import words_of
from tests.people import ACMES, ALICE, BOB, GAMMA, NORA, PROVIDERS, uid
from tests.reports import ended, session

JOB = f"{JOBS}/{ACMES.job}"
COPY_JOB = f"{JOBS}/{ACMES.copy_job}"
OF_COPY: dict[str, Any] = {"job_uid": ACMES.copy_job, "job_unique_uid": ACMES.copy_job_unique, "type": SessionType.COPY}


def tasks(console: Console, path: str = JOB) -> Any:
    return console.data(path, BOB)["lastSessionTasks"]


def test_a_job_that_has_run_tells_what_it_worked_on(console: Console) -> None:
    assert tasks(console) == [
        {
            "instanceUid": ACMES.session,
            "objectUid": ACMES.share,
            "objectName": "Acme's share",
            "totalObjects": 3,
            "processedObjects": 3,
            "readDataSize": 4096,
            "transferredDataSize": 2048,
            "startTime": "2026-03-02T10:00:00.0000000+00:00",
            "endTime": "2026-03-02T10:00:40.0000000+00:00",
            "duration": 40,
            "failureMessages": [],
            "status": "Success",
        }
    ]


def test_a_job_that_never_ran_worked_on_nothing(console: Console) -> None:
    assert tasks(console, COPY_JOB) == []


def test_a_running_job_tells_how_far_it_is(console: Console) -> None:
    progress = Progress(files_done=2, files_total=5, bytes_done=70, bytes_total=100)
    console.agent_of(ACMES).report(session("running", progress=progress))
    (task,) = tasks(console)
    assert (task["processedObjects"], task["totalObjects"], task["readDataSize"]) == (2, 5, 70)
    assert (task["status"], task["endTime"], task["duration"], task["transferredDataSize"]) == (
        "Running",
        None,
        None,
        None,
    )


def test_a_copy_counts_restore_points(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("copying", progress=Progress(points_done=1, points_total=4, bytes_done=9), **OF_COPY))
    (task,) = tasks(console, COPY_JOB)
    assert (task["processedObjects"], task["totalObjects"], task["readDataSize"]) == (1, 4, 9)
    agent.report(ended("copying", statistics=Statistics(points_copied=4, transferred=30), **OF_COPY))
    (task,) = tasks(console, COPY_JOB)
    assert (task["processedObjects"], task["totalObjects"], task["transferredDataSize"]) == (4, 4, 30)


@pytest.mark.parametrize(
    ("state", "status"),
    [(SessionState.WARNING, "Warning"), (SessionState.FAILED, "Failed"), (SessionState.SUCCESS, "Success")],
)
def test_what_went_wrong_is_told(console: Console, state: SessionState, status: str) -> None:
    console.agent_of(ACMES).report(ended("over", state, messages=["No space left."]))
    (task,) = tasks(console)
    assert task["status"] == status
    assert task["failureMessages"] == ([] if state is SessionState.SUCCESS else ["No space left."])


def test_counts_beyond_what_clients_can_hold_are_the_most_they_can(console: Console) -> None:
    console.agent_of(ACMES).report(ended("huge", statistics=Statistics(files_total=2**40)))
    (task,) = tasks(console)
    assert task["processedObjects"] == 2**31 - 1
    (shown,) = console.data(f"{JOBS}/fileShareJobs/objects", BOB)
    assert shown["lastSession"]["sourceFilesCount"] == 2**31 - 1


def test_the_list_tells_the_same_as_the_job_alone(console: Console) -> None:
    console.agent_of(ACMES).report(ended("over", SessionState.WARNING))
    shown = {row["instanceUid"]: row["lastSessionTasks"] for row in console.data(JOBS, ALICE)}
    assert shown[ACMES.job] == tasks(console)
    assert uid("over") in {task["instanceUid"] for task in shown[ACMES.job]}
    assert len(shown) == 8


def test_tasks_of_others_jobs_are_not_told(console: Console) -> None:
    console.does("POST", f"{JOBS}/{PROVIDERS.job}/assign?companyUid={GAMMA}", ALICE)
    shown = {task["instanceUid"] for row in console.data(JOBS, NORA) for task in row["lastSessionTasks"]}
    assert PROVIDERS.session in shown
    assert ACMES.session not in shown


WORDS = {
    "BackupServerJob.status": words.BackupServerJobStatus,
    "BackupServerJob.type": words.BackupServerJobType,
    "BackupServerJob.bottleneck": words.BackupServerJobBottleneck,
    "BackupServerJob.scheduleType": words.BackupServerJobScheduleType,
    "BackupServerJob.targetType": words.BackupServerJobTargetType,
    "BackupServerJob.retentionLimitType": words.BackupServerJobRetentionLimitType,
    "BackupServerJobSessionTask.status": words.BackupServerJobSessionTaskStatus,
    "BackupServerFileShareJobObjectLastSession.backupStatus": words.BackupServerJobObjectLastSessionBackupStatus,
    "BackupServerJobObjectLastSession.backupStatus": words.BackupServerJobObjectLastSessionBackupStatus,
    "BackupServerFileJobObjectSource.type": words.BackupServerFileJobObjectSourceType,
    "BackupServerJobScheduleOptionsDaily.kind": words.BackupServerJobScheduleOptionsDailyKind,
    "BackupServerJobScheduleOptionsPeriodically.kind": words.BackupServerJobScheduleOptionsPeriodicallyKind,
    "JobSessionHeatmapSession.result": job_session_heatmap.JobSessionHeatmapJobResult,
    "JobSessionHeatmapSession.jobType": job_session_heatmap.JobSessionHeatmapJobType,
    "JobSessionHeatmapSession.workloadType": job_session_heatmap.JobSessionHeatmapWorkloadType,
    "JobSessionHeatmapSession.platformType": job_session_heatmap.JobSessionHeatmapPlatformType,
    "ActivityLog.activityLogType": ActivityType,
    "ActivityLog.activityKind": ActivityKind,
}


@pytest.mark.parametrize("member", WORDS)
def test_words_are_all_of_the_contracts_and_no_others(member: str) -> None:
    resource, _, name = member.partition(".")
    assert sorted(WORDS[member]) == sorted(words_of(resource, name))
