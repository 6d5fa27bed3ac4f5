"""Links that let somebody in, by mail or by an operator's hand."""

from dataclasses import dataclass

from sloth_agent.tenants.account_ports import Mailer


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where somebody is to go; `sent` is False where no mail server is configured."""

    url: str
    sent: bool


async def sent_or_shown(
    mailer: Mailer | None, to: str, *, subject: str, text: str, url: str
) -> Link:
    if mailer is not None:
        await mailer.send(to, subject=subject, text=f"{text}: {url}\n")
    return Link(url=url, sent=mailer is not None)
