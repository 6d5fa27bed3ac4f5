"""What the commands read: a file, or stdin for `-`; and what they ask."""

import sys
from pathlib import Path

import typer

from sloth_agent.cli.exits import FAILED
from sloth_agent.cli.output import note
from sloth_agent.errors import InvalidInput, NotFound


def read_text(path: str) -> str:
    """Raises:
    NotFound: there is no such file.
    InvalidInput: no path, a folder, or not UTF-8.
    """
    if path == "-":
        return sys.stdin.read()
    if not path:
        raise InvalidInput("The path is empty.", hint="Is a variable unset?")
    try:
        return Path(path).read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint="Check the path.") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder.", hint="Name a file in it.") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read as UTF-8 text.") from error


def read_password(given: str | None) -> str:
    """From stdin for `-`, else from whoever sits at the terminal, who types it twice."""
    if given == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if given is not None:
        raise typer.BadParameter(
            "A password on the command line is seen by others: write --password - and pipe it in."
        )
    if not sys.stdin.isatty():
        raise typer.BadParameter("Nobody is there to ask: say --password - and pipe it in.")
    password: str = typer.prompt(
        "New password", hide_input=True, confirmation_prompt=True, err=True
    )
    return password


def confirm(question: str) -> None:
    """Only a person may say yes without `--yes`; a no ends the command."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("Nobody is there to ask: say --yes.", param_hint="--yes")
    if not typer.confirm(question, err=True):
        note("Nothing was changed.")
        raise typer.Exit(FAILED)
