"""Copy jobs of many owners, some assigned to others, some to their own owner: what lists are compared over."""

from random import Random

import msgspec
from sqlalchemy import insert

from tandem.domain.jobs import JobType
from tandem.store import jobs
from tandem.store.database import Connection
from tandem.store.schema.tables import file_share_copy_jobs
from tests.people import ACME, ACMES, BETA, BETAS, GAMMA, PROVIDERS, job_of, uid

COMMON = ("unique_uid", "instance_uid", "backup_server_uid", "organization_uid", "mapped_organization_uid")


def insert_copy_job(connection: Connection, chance: Random, name: object, retention: int) -> None:
    """Store one, of an owner and assigned to a company as chance has it.

    Args:
        connection: a transaction.
        chance: decides.
        name: tells it from others.
        retention: how long its copies are kept, so that it can be searched for.
    """
    estate = chance.choice([PROVIDERS, ACMES, BETAS])
    job = msgspec.structs.replace(
        job_of(estate, JobType.BACKUP_FILE_COPY),
        unique_uid=uid(f"unique {name}"),
        instance_uid=uid(f"instance {name}"),
        mapped_organization_uid=chance.choice([None, None, ACME, BETA, GAMMA, estate.organization_uid]),
    )
    jobs.insert_job(connection, job)
    values = {column: getattr(job, column) for column in COMMON}
    values |= {"source_job_unique_uid": estate.job_unique, "source_job_instance_uid": estate.job}
    values |= {"target_repository_uid": estate.second, "retention": retention, "retention_unit": job.retention_unit}
    connection.execute(insert(file_share_copy_jobs).values({**values, "source_size": None}))
