"""What is held about one of the people who ask: given out, or erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.agent.models import Customer
from sloth_agent.agent.ports import ChatTrace, CustomerStore, Held, SentFiles, Transcript
from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound
from sloth_agent.ids import TenantId
from sloth_agent.knowledge.ports import FileStore
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRecord:
    """All that one tenant holds about a customer."""

    customer: Customer
    exported_at: datetime
    transcripts: Sequence[Transcript]  # oldest first
    chats: Sequence[ChatTrace]
    files: SentFiles

    @property
    def held(self) -> Held:
        return Held(
            conversations=len(self.transcripts),
            messages=sum(len(transcript.messages) for transcript in self.transcripts),
            chats=len(self.chats),
            photos=len(self.files.photos),
            documents=len(self.files.documents),
        )


@dataclass(frozen=True, slots=True)
class Customers:
    """The people who ask one tenant's assistant."""

    organization: TenantId
    store: CustomerStore
    files: FileStore
    audit: AuditStore
    clock: Clock

    async def export(self, customer: Customer, *, by: Actor) -> CustomerRecord:
        """Raises:
        NotFound: nothing is held about this customer.
        """
        record = CustomerRecord(
            customer=customer,
            exported_at=self.clock(),
            transcripts=await self.store.transcripts(customer),
            chats=await self.store.chats(customer),
            files=await self.store.files(customer),
        )
        await self._record("customer.exported", customer, record.held, by=by)
        return record

    async def erase(self, customer: Customer, *, by: Actor) -> Held:
        """Erase all conversations and chats with a customer, and what they sent.

        Cut short, it is asked for again: files go before the records by which they are known.

        Raises:
            NotFound: nothing is held about this customer.
        """
        # The log may be in another database. Cut short between the two, there is an event without
        # an erasure, which is asked for again; not an erasure that nobody knows of.
        await self._record("customer.erased", customer, await self.store.held(customer), by=by)
        await self._delete((await self.store.files(customer)).file_keys)
        erased, file_keys = await self.store.erase(customer)
        await self._delete(file_keys)  # of what came meanwhile
        return erased

    async def _delete(self, file_keys: Sequence[str]) -> None:
        for key in file_keys:
            await self.files.delete(key)

    async def _record(self, action: str, customer: Customer, held: Held, *, by: Actor) -> None:
        """How much there was, and not of whom: the log is for ever."""
        if held == Held(conversations=0, messages=0):
            raise NotFound(
                f"Nothing is held about {customer}.", hint="Look at the source and the id."
            )
        event = AuditEvent.of(
            action,
            by=by,
            at=self.clock(),
            organization=self.organization,
            source=customer.source,
            conversations=held.conversations,
            messages=held.messages,
            chats=held.chats,
            photos=held.photos,
            documents=held.documents,
        )
        await self.audit.add(event)
