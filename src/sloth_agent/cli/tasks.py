"""`sloth tasks`: what is done again and again."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.exits import FAILED, SOME_FAILED
from sloth_agent.cli.moments import read_moment
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json, show_table
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.tasks.models import TaskRun

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth tasks run clean-up")


@app.command("list", epilog="Example: sloth tasks list --json")
def list_tasks(as_json: Json = False) -> None:
    """List tasks with their last run and when they are due."""
    from sloth_agent.app.bodies.work import task_body

    with opened() as sloth:
        items = [task_body(state) for state in sloth.run(lambda sloth: sloth.tasks.list())]
    if as_json:
        show_json({"items": items, "next_cursor": None})
        return
    columns = ("name", "schedule", "next_due", "does")
    show_table(
        (*columns, "last_run"),
        [
            [*(item[column] for column in columns), (item["last_run"] or {}).get("started_at")]
            for item in items
        ],
    )


@app.command("run", epilog="Example: sloth tasks run clean-up --at 2026-12-31")
def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="As `sloth tasks list` has it.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=read_moment,
            help="What its clock shows meanwhile, in UTC. [default: now]",
        ),
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Whatever is due and nobody else runs; for cron.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one task now, due or not; or all that are due."""
    if due == (name is not None) or (due and at is not None):
        raise typer.BadParameter("Say either NAME, with or without --at, or --due alone.")
    if name is None:
        _run_due(as_json=as_json)
    else:
        _run_now(name, at, as_json=as_json)


def _run_now(name: str, at: datetime | None, *, as_json: bool) -> None:
    from sloth_agent.app.bodies.work import task_run_body

    by = operator()
    with opened() as sloth:
        done = sloth.run(lambda sloth: sloth.tasks.run(name, at=at, by=by))
    if as_json:
        show_json(task_run_body(done))
    else:
        say(_told(done))
    _name_failed(done)
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def _run_due(*, as_json: bool) -> None:
    from sloth_agent.app.bodies.work import task_run_body

    with opened() as sloth:
        runs = sloth.run(lambda sloth: sloth.tasks.run_due())
    if as_json:
        show_json({"runs": [task_run_body(each) for each in runs]})
    for each in runs:
        if each.problem is not None:
            note(_told(each))
        elif not as_json:
            say(_told(each))
        _name_failed(each)
    failed = sum(each.problem is not None for each in runs)
    if failed or any(each.failed for each in runs):
        raise typer.Exit(FAILED if failed == len(runs) else SOME_FAILED)


def _name_failed(run: "TaskRun") -> None:
    for slug, why in run.failed.items():
        note(f"error: {slug}: {why}")


def _told(run: "TaskRun") -> str:
    if run.problem is not None:
        return f"{run.task}: failed: {run.problem}"
    counts = ", ".join(f"{name} {count}" for name, count in (run.outcome or {}).items())
    return f"{run.task}: {counts}"
