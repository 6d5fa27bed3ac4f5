"""`sloth ingest`: learn from files and folders."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.exits import DONE, FAILED, SOME_FAILED
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from sloth_agent.jobs.models import Progress
    from sloth_agent.knowledge.intake import FileOutcome, IngestReport


def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns; - for stdin.")
    ],
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Keep the files and leave reading to `sloth worker`.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of what comes from stdin. [default: stdin]")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Teach the assistant from files; unchanged files are skipped."""
    from sloth_agent.app.bodies.documents import ingest_body
    from sloth_agent.knowledge.intake import IngestReport

    if name is not None and (not name.strip() or "-" not in paths):
        raise typer.BadParameter("It names what comes from stdin: -", param_hint="--name")
    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        with _progress() as heard:
            files = [path for path in paths if path != "-"]
            report = assistant.ingest(
                *files,
                wait=not no_wait,
                on_found=heard.found,
                on_progress=heard.progress,
                on_outcome=heard.outcome,
            )
            if "-" in paths:
                content = sys.stdin.buffer.read()
                typed = assistant.ingest_content(name or "stdin", content, wait=not no_wait)
                report = IngestReport(files=(*report.files, typed), seconds=report.seconds)
        if as_json:
            show_json(ingest_body(report))
        else:
            _show(report)
        for advice in assistant.advice():
            note(advice)
    raise typer.Exit(_exit_code(report))


def _show(report: "IngestReport") -> None:
    from sloth_agent.knowledge.intake import Outcome

    for file in report.files:
        if file.problem:
            note(f"failed: {file.path}: {file.problem.message} [{file.problem.code}]")
        elif file.unread:
            parts = ", ".join(part.part for part in file.unread[:10])
            note(f"partly read: {file.path}: nothing was got out of {parts}.")
    if not report.files:
        note("There are no files to read.")
        return
    waiting = report.count(Outcome.PENDING)
    if waiting:
        say(f"{waiting} kept, to be read by `sloth worker`; see `sloth jobs list`.")
        if waiting == len(report.files):
            return
    chunks = sum(file.chunks for file in report.files if file.status is Outcome.COMPLETED)
    say(
        f"{report.count(Outcome.COMPLETED)} read ({chunks} pieces),"
        f" {report.count(Outcome.SKIPPED)} already known,"
        f" {report.count(Outcome.FAILED)} failed, in {report.seconds:.1f} s."
    )


def _exit_code(report: "IngestReport") -> int:
    from sloth_agent.knowledge.intake import Outcome

    failed = report.count(Outcome.FAILED)
    if not failed:
        return DONE
    return FAILED if failed == len(report.files) else SOME_FAILED


class _Unseen:
    """Nobody is watching."""

    def found(self, total: int) -> None: ...

    def progress(self, path: str, progress: "Progress") -> None: ...

    def outcome(self, file: "FileOutcome") -> None: ...


class _Bar(_Unseen):
    """How many files are done, and how far the one is that was heard of last."""

    def __init__(self, bar: "RichProgress") -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def found(self, total: int) -> None:
        self._bar.update(self._task, total=total)

    def progress(self, path: str, progress: "Progress") -> None:
        counted = f" {progress.done} of {progress.total}" if progress.total else ""
        self._describe(f"{progress.stage}{counted}: {path[-50:]}")

    def outcome(self, file: "FileOutcome") -> None:
        self._bar.update(self._task, advance=1)
        self._describe(file.path[-60:])

    def _describe(self, text: str) -> None:
        from sloth_agent.cli.output import harmless

        self._bar.update(self._task, description=harmless(text))


@contextmanager
def _progress() -> Iterator[_Unseen]:
    """A bar on stderr while a person is watching."""
    if not sys.stderr.isatty():
        yield _Unseen()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar)
