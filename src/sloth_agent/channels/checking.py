"""Looks at what a firm has connected, and says what is wrong and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.channels.chats import Standing, chat_id
from sloth_agent.channels.connecting import Connecting
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.messages import Finding
from sloth_agent.channels.models import Integration, IntegrationStatus
from sloth_agent.channels.staff_chats import STAFF_CHAT
from sloth_agent.clock import Clock
from sloth_agent.errors import SlothError
from sloth_agent.ids import IntegrationId

LONG = timedelta(minutes=1)
"""What waits longer for an answer is a sign that nobody answers."""

LATELY = timedelta(days=1)

_HINTS = {
    "credential_unreadable": "Connect it again.",
    "feature_not_in_plan": "Choose a higher plan.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """One integration, and all that was looked at."""

    integration: Integration
    findings: Sequence[Finding]

    @property
    def is_well(self) -> bool:
        return all(finding.is_well for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Checking:
    """The channel doctor of one tenant."""

    connecting: Connecting
    store: InboxStore
    clock: Clock

    async def check(self, id: IntegrationId) -> Checked:
        """What is wrong is a finding.

        Raises:
            NotFound: no such integration.
        """
        integration = await self.connecting.integrations.show(id)
        findings = [*await self._at_home(integration), *await self._at_the_vendor(integration)]
        return Checked(integration, findings)

    async def _at_home(self, integration: Integration) -> Sequence[Finding]:
        findings = []
        if integration.status is not IntegrationStatus.ACTIVE:
            problem = integration.problem
            findings.append(
                Finding(
                    name="status",
                    is_well=False,
                    message=problem.message if problem else f"It is {integration.status}.",
                    hint=f"Connect it again: `sloth channels connect {integration.type}`.",
                )
            )
        try:
            await self.connecting.integrations.require(integration.type)
        except SlothError as error:
            findings.append(_failed("plan", error))
        standing = await self.store.standing(integration.id, since=self.clock() - LATELY)
        is_late = standing.oldest is not None and self.clock() - standing.oldest >= LONG
        messages = [_events(standing), _replies(standing), _blocked(standing)]
        return [
            *findings,
            _inbox(standing, is_late=is_late),
            *(messages if integration.type.is_messenger else []),
            *await self._staff_chat(integration),
        ]

    async def _staff_chat(self, integration: Integration) -> Sequence[Finding]:
        named = integration.settings.get(STAFF_CHAT)
        if not isinstance(named, str):
            return []
        chat = await self.store.chat(chat_id(integration.id, named))
        if chat is None or not chat.is_gone:
            return [Finding(name="staff_chat", is_well=True, message="Staff are told in a chat.")]
        return [
            Finding(
                name="staff_chat",
                is_well=False,
                message="The staff's chat takes no messages any more.",
                hint=f"Make another one: `sloth channels staff {integration.id}`.",
            )
        ]

    async def _at_the_vendor(self, integration: Integration) -> Sequence[Finding]:
        if not integration.type.is_messenger:
            return []
        connecting = self.connecting
        try:
            messenger = connecting.messengers(integration.type)
            credentials = await connecting.integrations.credentials(integration.id)
            url = connecting.webhook_url(integration) if connecting.public_url else None
            async with messenger.open(credentials, integration.settings) as line:
                return await line.examine(url)
        except SlothError as error:
            return [_failed("account", error)]


def _inbox(standing: Standing, *, is_late: bool) -> Finding:
    hint = "Is `sloth serve` or `sloth worker` running? See `sloth jobs list`."
    return Finding(
        name="inbox",
        is_well=not is_late,
        message=f"Waiting for an answer: {standing.waiting}; to be sent: {standing.unsent}.",
        hint=hint if standing.oldest else None,
    )


def _events(standing: Standing) -> Finding:
    if not standing.failed:
        return Finding(name="events", is_well=True, message="None has failed within a day.")
    return Finding(
        name="events",
        is_well=False,
        message=f"Failed within a day, and answered by nobody: {standing.failed}.",
        hint="See which: `sloth channels events`; the log of `sloth serve` or a worker says why.",
    )


def _replies(standing: Standing) -> Finding:
    if standing.problem is None:
        return Finding(name="replies", is_well=True, message="None was lost within a day.")
    return Finding(
        name="replies",
        is_well=False,
        message=f"Lost within a day: {standing.lost}.",
        hint=f"The last one: {standing.problem.message}",
    )


def _blocked(standing: Standing) -> Finding:
    """Some always do, and that is their right."""
    return Finding(
        name="blocked",
        is_well=True,
        message=f"{standing.gone} of {standing.chats} people have blocked the assistant, or left.",
    )


def _failed(name: str, error: SlothError) -> Finding:
    return Finding(
        name=name,
        is_well=False,
        message=error.message,
        hint=error.hint or _HINTS.get(error.code),
    )
