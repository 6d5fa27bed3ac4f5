"""`sloth jobs`: work for later, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Limit
from sloth_agent.cli.output import note, show_fields, show_list
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth
    from sloth_agent.jobs.models import Job

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth jobs list --status failed")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth jobs list` shows it.")]


@app.command("list", epilog="Example: sloth jobs list --tenant lavanda --status failed")
def list_jobs(
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="SLUG", help="Of one. [default: all]")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="pending, processing, completed or failed. [default: all but completed]",
        ),
    ] = None,
    limit: Limit = 50,
    after: Annotated[
        UUID | None, typer.Option("--cursor", metavar="ID", help="Go on after this one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List jobs, oldest first: what waits, is being done, or has failed."""
    from sloth_agent.ids import JobId
    from sloth_agent.jobs.models import JobStatus
    from sloth_agent.tenants.jobs import UNFINISHED

    try:
        statuses = UNFINISHED if status is None else (JobStatus(status),)
    except ValueError:
        raise typer.BadParameter(f"--status is one of {', '.join(JobStatus)}.") from None
    with opened() as sloth:
        schema = None if tenant is None else sloth.show_tenant(tenant).schema_name
        jobs = sloth.run(
            lambda sloth: sloth.jobs.list(
                schema_name=schema,
                statuses=statuses,
                limit=limit,
                after=None if after is None else JobId(after),
            )
        )
        items = _bodies(sloth, *jobs)
    more = str(jobs[-1].id) if len(jobs) == limit else None
    columns = ("id", "tenant", "kind", "status", "attempts", "due_at")
    show_list(items, columns, next_cursor=more, as_json=as_json)


@app.command("why", epilog="Example: sloth jobs why 0197c3a2-...")
def why(id: Id, as_json: Json = False) -> None:
    """Show one job: how far it is, or why it failed."""
    from sloth_agent.ids import JobId

    with opened() as sloth:
        job = sloth.run(lambda sloth: sloth.jobs.show(JobId(id)))
        [body] = _bodies(sloth, job)
    show_fields(body, as_json=as_json)


@app.command("retry", epilog="Example: sloth jobs retry 0197c3a2-...")
def retry(id: Id, as_json: Json = False) -> None:
    """Let a job that failed be tried again."""
    from sloth_agent.ids import JobId

    with opened() as sloth:
        job = sloth.run(lambda sloth: sloth.jobs.retry(JobId(id), by=operator()))
        [body] = _bodies(sloth, job)
    _told(body, "It is tried again by the next worker that is free.", as_json=as_json)


@app.command("cancel", epilog="Example: sloth jobs cancel 0197c3a2-...")
def cancel(id: Id, as_json: Json = False) -> None:
    """Keep a job from being done; whoever does it now stores nothing."""
    from sloth_agent.ids import JobId

    with opened() as sloth:
        job = sloth.run(lambda sloth: sloth.jobs.cancel(JobId(id), by=operator()))
        [body] = _bodies(sloth, job)
    _told(body, "Cancelled.", as_json=as_json)


def _told(body: dict[str, Any], words: str, *, as_json: bool) -> None:
    if as_json:
        show_fields(body, as_json=True)
    else:
        note(words)


def _bodies(sloth: "Sloth", *jobs: "Job") -> list[dict[str, Any]]:
    """With the slugs of their tenants."""
    from sloth_agent.app.bodies.work import job_body

    slugs = {each.schema_name: each.slug for each in sloth.tenants()} if jobs else {}
    return [job_body(job, slugs.get(job.schema_name)) for job in jobs]
