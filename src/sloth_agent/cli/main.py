"""The `sloth` command: joins the groups, and turns errors into a line and an exit code."""

import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from sloth_agent.cli import (
    audit,
    chat,
    config,
    db,
    demo,
    doctor,
    documents,
    evaluate,
    ingest,
    prompt,
    search,
    tasks,
    tenants,
)
from sloth_agent.cli.admin import main as admin
from sloth_agent.cli.exits import FAILED
from sloth_agent.cli.output import note
from sloth_agent.errors import SlothError

app = typer.Typer(
    name="sloth",
    help="An assistant over your own documents.",
    epilog='Example: sloth ingest ./docs && sloth chat "When are you open?"',
    no_args_is_help=True,
    # Rich help and tracebacks would triple the time that `--help` takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(epilog="Example: sloth demo")(demo.demo)
app.command(epilog="Example: sloth ingest ./docs price-list.xlsx")(ingest.ingest)
app.command(epilog='Example: sloth chat "How much is a haircut?"')(chat.chat)
app.command(epilog='Example: sloth search "opening hours" -k 3')(search.search)
app.command("eval", epilog="Example: sloth eval questions.jsonl --min-recall 0.9")(
    evaluate.evaluate
)
app.add_typer(documents.app, name="documents", help="What the assistant learned from.")
app.add_typer(prompt.app, name="prompt", help="How the assistant speaks.")
app.add_typer(tenants.app, name="tenants", help="The assistants of this install.")
app.add_typer(admin.app, name="admin", help="What an operator does.")
app.add_typer(audit.app, name="audit", help="Proofs on the live install.")
app.add_typer(tasks.app, name="tasks", help="What is done again and again.")
app.add_typer(db.app, name="db", help="The database behind it all.")
app.command(epilog="Example: sloth doctor --json")(doctor.doctor)
app.command(epilog="Example: sloth config")(config.config)

DEBUG = "--debug"

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
    arguments, debug = _without_debug(sys.argv[1:])
    if debug:
        from sloth_agent.cli.logged import show_log

        show_log()
    sys.exit(_outcome(arguments, debug=debug))


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
        return FAILED
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
