"""What a bot is called, and which commands it shows."""

from fakes.telegram_server import shapes
from fakes.telegram_server.operations.table import Call, on
from fakes.telegram_server.records import Json
from fakes.telegram_server.refusals import Refused


@on("getMe")
def get_me(call: Call) -> Json:
    return shapes.me(call.bot)


@on("logOut")
@on("close")
def leave_server(_: Call) -> bool:
    """Means something only when moving to a server of one's own."""
    return True


@on("setMyCommands", "commands")
def set_my_commands(call: Call) -> bool:
    commands = list(call.values.objects("commands"))
    if len(commands) > 100:
        raise Refused("BOT_COMMANDS_TOO_MUCH")
    for each in commands:
        name, told = str(each.get("command", "")), str(each.get("description", ""))
        if not (0 < len(name) <= 32 and name == name.lower() and name.isidentifier()):
            raise Refused("BOT_COMMAND_INVALID")
        if not 0 < len(told) <= 256:
            raise Refused("BOT_COMMAND_DESCRIPTION_INVALID")
    call.bot.commands[_scope(call)] = commands
    return True


@on("getMyCommands")
def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands.get(_scope(call), [])


@on("deleteMyCommands")
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_scope(call), None)
    return True


def _scope(call: Call) -> tuple[str, str]:
    scope = call.values.object("scope") or {"type": "default"}
    about = ",".join(str(value) for _, value in sorted(scope.items()))
    return about, call.values.text("language_code")


def _text(method: str, name: str, longest: int) -> None:
    @on(method)
    def keep(call: Call) -> bool:
        text = call.values.text(name)
        if len(text) > longest:
            raise Refused(f"{name} is too long")
        call.bot.texts[name, call.values.text("language_code")] = text
        return True


_text("setMyName", "name", 64)
_text("setMyDescription", "description", 512)
_text("setMyShortDescription", "short_description", 120)
