"""Looks at what a firm has connected, and says what is wrong and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.channels.connecting import Connecting
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.messages import Finding
from sloth_agent.channels.models import Integration, IntegrationStatus
from sloth_agent.clock import Clock
from sloth_agent.errors import SlothError
from sloth_agent.ids import IntegrationId

LONG_SECONDS = 60
"""What waits longer for an answer is a sign that nobody answers."""

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
        waiting = await self.store.count_waiting(integration.id)
        findings.append(
            Finding(
                name="inbox",
                is_well=waiting.oldest is None
                or (self.clock() - waiting.oldest).total_seconds() < LONG_SECONDS,
                message=f"{waiting.events} messages wait for an answer.",
                hint="Is `sloth serve` or `sloth worker` running? See `sloth jobs list`."
                if waiting.events
                else None,
            )
        )
        return findings

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


def _failed(name: str, error: SlothError) -> Finding:
    return Finding(
        name=name,
        is_well=False,
        message=error.message,
        hint=error.hint or _HINTS.get(error.code),
    )
