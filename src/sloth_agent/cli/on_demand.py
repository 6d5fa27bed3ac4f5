"""Commands that are loaded when they are called.

Help of the whole shows names and a line each; loading and building every command for it would take
longer than all the rest.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from typer import Typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Where a command is, or a group of them, and what is said of it before it is loaded."""

    place: str  # such as `sloth_agent.cli.ingest:ingest`
    help: str
    example: str | None = None  # a group brings its own

    def load(self, name: str) -> Any:
        from pkgutil import resolve_name

        found = resolve_name(self.place)
        if isinstance(found, Typer):
            group = TyperInfo(found, name=name, help=self.help)
            return get_group_from_info(
                group, pretty_exceptions_short=True, suggest_commands=True, rich_markup_mode=None
            )
        command = CommandInfo(name, callback=found, epilog=f"Example: {self.example}")
        return get_command_from_info(command, pretty_exceptions_short=True, rich_markup_mode=None)


class OnDemandGroup(TyperGroup):
    """A group whose commands stand in a table."""

    table: ClassVar[dict[str, OnDemand]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.table.items():
            self.add_command(TyperCommand(name, help=command.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name in self.table:
            command = self.table[name].load(name)
        return name, command, rest
