"""The `sloth` command: joins the groups, and turns errors into a line and an exit code."""

import os
import signal
import sys
import threading
import traceback
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated, ClassVar

import typer
from typer.exceptions import TyperException

from sloth_agent.cli.exits import FAILED, WRONG_USAGE
from sloth_agent.cli.on_demand import OnDemand, OnDemandGroup
from sloth_agent.cli.output import note
from sloth_agent.cli.writing import Output
from sloth_agent.errors import InvalidInput, SlothError

_CLI = "sloth_agent.cli"


class Commands(OnDemandGroup):
    table: ClassVar = {
        "demo": OnDemand(
            f"{_CLI}.demo:demo",
            'Ingest the example salon "Lavanda", ask it three questions, show answers and sources.',
            "sloth demo",
        ),
        "ingest": OnDemand(
            f"{_CLI}.ingest:ingest",
            "Teach the assistant from files; unchanged files are skipped.",
            "sloth ingest ./docs price-list.xlsx",
        ),
        "chat": OnDemand(
            f"{_CLI}.chat:chat",
            "Ask the assistant; it answers from its documents and names the sources.",
            'sloth chat "How much is a haircut?"',
        ),
        "search": OnDemand(
            f"{_CLI}.search:search",
            "Show the passages that fit best, without an answer.",
            'sloth search "opening hours" -k 3',
        ),
        "eval": OnDemand(
            f"{_CLI}.evaluate:evaluate",
            "Measure search and answers on questions whose answers are known.",
            "sloth eval questions.jsonl --min-recall 0.9",
        ),
        "documents": OnDemand(f"{_CLI}.documents:app", "What the assistant learned from."),
        "photos": OnDemand(f"{_CLI}.photos:app", "Pictures of the firm."),
        "channels": OnDemand(
            f"{_CLI}.channels:app", "Messengers and calendars that the firm has connected."
        ),
        "prompt": OnDemand(f"{_CLI}.prompt:app", "How the assistant speaks."),
        "customers": OnDemand(f"{_CLI}.customers:app", "What is held about one person who asked."),
        "tenants": OnDemand(f"{_CLI}.tenants:app", "The assistants of this install."),
        "admin": OnDemand(f"{_CLI}.admin.main:app", "What an operator does."),
        "billing": OnDemand(f"{_CLI}.billing:app", "Whether what firms have is what they pay for."),
        "audit": OnDemand(f"{_CLI}.audit:app", "Proofs on the live install."),
        "tasks": OnDemand(f"{_CLI}.tasks:app", "What is done again and again."),
        "jobs": OnDemand(f"{_CLI}.jobs:app", "Work for later, and what became of it."),
        "serve": OnDemand(
            f"{_CLI}.serve:serve",
            "Serve the HTTP API until SIGTERM or Ctrl-C.",
            "sloth serve --port 8000",
        ),
        "worker": OnDemand(
            f"{_CLI}.worker:worker",
            "Do the background jobs of all tenants until SIGTERM or Ctrl-C.",
            "sloth worker --concurrency 4",
        ),
        "beat": OnDemand(
            f"{_CLI}.worker:beat",
            "Keep the schedule of Celery's workers until SIGTERM or Ctrl-C; one for an install.",
            "sloth beat",
        ),
        "db": OnDemand(f"{_CLI}.db:app", "The database behind it all."),
        "backup": OnDemand(f"{_CLI}.backup:app", "The whole install as a file."),
        "keys": OnDemand(f"{_CLI}.keys:app", "The secret keys that this install seals with."),
        "doctor": OnDemand(
            f"{_CLI}.doctor:doctor",
            "Check this machine, the database and every backend.",
            "sloth doctor --json",
        ),
        "config": OnDemand(
            f"{_CLI}.config:config",
            "Show all settings and their sources; secrets are masked.",
            "sloth config",
        ),
    }


app = typer.Typer(
    name="sloth",
    cls=Commands,
    help="An assistant over your own documents.",
    epilog='Example: sloth ingest ./docs && sloth chat "When are you open?"',
    no_args_is_help=True,
    # Rich help and tracebacks would triple the time that `--help` takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DEBUG = "--debug"

LAST_SECONDS = 8
"""How long a command may take to end in order after Ctrl-C."""

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sloth-agent {version('sloth-agent')}")
        raise typer.Exit


@app.callback()
def sloth(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    _debug: Annotated[bool, typer.Option(DEBUG, help="Show tracebacks.")] = False,
) -> None:
    """An assistant over your own documents."""


def run() -> None:
    """The entry point of the installed command."""
    _make_streams_patient()
    signal.signal(signal.SIGINT, _interrupt)
    arguments, debug = _without_debug(sys.argv[1:])
    if debug:
        from sloth_agent.cli.logged import show_log

        show_log()
    sys.exit(_outcome(arguments, debug=debug))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C ends a command in order, soon, and at once when pressed again.

    What hangs on to life is left to the kernel: all that is kept survives a kill as well.
    """
    signal.signal(signal.SIGINT, _leave)
    last = threading.Timer(LAST_SECONDS, _leave)
    last.daemon = True
    last.start()
    raise KeyboardInterrupt


def _leave(*_: object) -> None:
    note("error: interrupted")
    sys.stderr.flush()
    os._exit(FAILED)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """`--debug` may stand behind any command; after `--` it is a word like others."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != DEBUG]
    return kept + words[end:], len(kept) < end


def _make_streams_patient() -> None:
    """Closed streams lead nowhere; what an encoding cannot carry is replaced."""
    # The first one opened takes the place of the first that is closed: no socket shall get there.
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115 - open until the end
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - the same
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - the same
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if isinstance(sys.stdout, TextIOWrapper):
        # Celery writes to what was there first.
        sys.stdout = sys.__stdout__ = Output.over(sys.stdout)  # type: ignore[misc] # a constant to typeshed


def _outcome(arguments: list[str], *, debug: bool) -> int:
    """The exit code of a command; whatever goes wrong is one line on stderr, and a hint."""
    try:
        code = typer.main.get_command(app)(arguments, prog_name="sloth", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        _explain_usage(error)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except SlothError as error:
        _explain(error.message, error.hint, debug=debug)
        return WRONG_USAGE if isinstance(error, InvalidInput) else FAILED
    except BrokenPipeError:
        # Nobody reads any more; Python must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the outer edge: a bug still ends as one line
        _explain(
            f"unexpected {type(error).__name__}: {error}",
            "This is a bug; run it with --debug and report what it prints.",
            debug=debug,
        )
        return FAILED
    if code == INTERRUPTED:
        note("error: interrupted")
        return FAILED
    return code if isinstance(code, int) else 0


def _explain_usage(error: TyperException) -> None:
    """What is wrong with the words typed, and where the right ones are shown."""
    if isinstance(error, typer.BadParameter) and error.__cause__ is not None:
        error.message = _wanted(error.__cause__) or error.message
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if "\n" in message:  # a group without a command: the message is its help
        note(message)
    else:
        _explain(message, f"see `{context.command_path} --help`" if context else None)


def _wanted(cause: BaseException) -> str | None:
    """What a parameter takes, where it was pydantic that refused its value."""
    from pydantic import ValidationError

    from sloth_agent.settings import wanted

    if not isinstance(cause, ValidationError):
        return None
    return "; ".join(wanted(problem) for problem in cause.errors()) + "."


def _explain(message: str, hint: str | None, *, debug: bool = False) -> None:
    if debug:
        traceback.print_exc()
    line = " ".join(message.split())
    note(f"error: {line} ({' '.join(hint.split())})" if hint else f"error: {line}")
