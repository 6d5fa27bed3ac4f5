"""`sloth channels connect`: one command for each kind of channel."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.channels.models import Integration

app = typer.Typer(
    no_args_is_help=True,
    epilog="Example: sloth channels connect web --origin https://salon.example",
)


Token = Annotated[
    str | None,
    typer.Option(
        envvar="TELEGRAM_BOT_TOKEN", help="Of the bot, from @BotFather; - reads it from stdin."
    ),
]

AccountSid = Annotated[
    str | None, typer.Option(envvar="TWILIO_ACCOUNT_SID", help="Of Twilio, for whatsapp.")
]
AuthToken = Annotated[
    str | None,
    typer.Option(envvar="TWILIO_AUTH_TOKEN", help="Of Twilio; - reads it from stdin."),
]
Number = Annotated[
    str | None,
    typer.Option(envvar="TWILIO_WHATSAPP_NUMBER", help="A WhatsApp sender: +14155238886."),
]
Template = Annotated[
    str | None,
    typer.Option(help="Content SID of what is sent later than a day after the customer wrote."),
]


@app.command(
    "telegram", epilog="Example: sloth channels connect telegram --token 110201543:AAHd..."
)
def telegram(token: Token = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """Connect a bot: whoever writes to it is answered from now on."""
    from sloth_agent.app.bodies.integrations import connected_body
    from sloth_agent.channels.models import IntegrationType

    type = IntegrationType.TELEGRAM
    with opened() as sloth:
        made = sloth.tenant(tenant).connect(type, {"token": secret(token)}, by=operator())
        public = sloth.settings.public_url
    if as_json:
        show_json(connected_body(made))
        return
    _tell_connected(made)
    if public is None:
        note(f"No PUBLIC_URL is set: run `sloth channels run {type}` to hear of messages.")
    else:
        note("`sloth serve` hears of messages, and answers them.")


@app.command("whatsapp", epilog="Example: sloth channels connect whatsapp --number +14155238886")
def whatsapp(
    account_sid: AccountSid = None,
    auth_token: AuthToken = None,
    number: Number = None,
    template: Template = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Connect a WhatsApp number at Twilio: whoever writes to it is answered from now on."""
    from sloth_agent.app.bodies.integrations import connected_body
    from sloth_agent.channels.models import IntegrationType

    given = _twilio(account_sid, auth_token, number, template)
    with opened() as sloth:
        made = sloth.tenant(tenant).connect(IntegrationType.WHATSAPP, given, by=operator())
        public = sloth.settings.public_url
    if as_json:
        show_json(connected_body(made))
        return
    _tell_connected(made)
    _tell_where_to_paste(made, public)


@app.command("web", epilog="Example: sloth channels connect web --origin https://salon.example")
def web(
    origin: Annotated[
        list[str], typer.Option(help="Of pages that may show the chat; may come several times.")
    ],
    greeting: Annotated[
        str | None, typer.Option(help="What the chat begins with; left out: ours.")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show the chat on a web site."""
    from sloth_agent.app.bodies.integrations import connected_body

    with opened() as sloth:
        made = sloth.tenant(tenant).connect_web(origin, greeting=greeting, by=operator())
        public_url = sloth.settings.public_url
    if as_json:
        show_json(connected_body(made))
        return
    server = (public_url or "http://127.0.0.1:8000").rstrip("/")
    note("Connected. Put this before </body> of each page that is to show the chat:")
    say(f'<script src="{server}/widget.js" data-key="{made.id}" async></script>')
    note(f"Try it at {server}/widget/demo/?key={made.id} while `sloth serve` runs.")


def secret(given: str | None, asked: str = "Token") -> str:
    """As it was given, from stdin, or asked for."""
    if given == "-":
        return sys.stdin.readline().strip()
    return given or typer.prompt(asked, hide_input=True)


def _twilio(
    account_sid: str | None, auth_token: str | None, number: str | None, template: str | None
) -> Mapping[str, str]:
    given = {
        "account_sid": account_sid or typer.prompt("Account SID"),
        "auth_token": secret(auth_token, "Auth token"),
        "number": number or typer.prompt("WhatsApp number"),
    }
    return {**given, "template": template} if template else given


def _tell_connected(made: "Integration") -> None:
    name = made.settings.get("username") or made.settings.get("account")
    note(f"Connected {name} as {made.id}.")


def _tell_where_to_paste(made: "Integration", public: str | None) -> None:
    """Twilio's API does not set a WhatsApp number's webhook."""
    from sloth_agent.channels.connecting import webhook_url

    if public is None:
        note("No PUBLIC_URL is set: Twilio has no address to post messages to.")
        return
    note("In Twilio's console open the WhatsApp sender, or the sandbox's settings, and paste as")
    note("'When a message comes in' and as 'Status callback URL', both with POST:")
    note(webhook_url(public, made))
