"""The documents of one tenant: taken in, listed, moved, deleted."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from sloth_agent.billing.models import Limits
from sloth_agent.billing.usage import Metering
from sloth_agent.clock import Clock
from sloth_agent.errors import FileTooLarge, LimitReached, NotFound
from sloth_agent.ids import DocumentId, new_id
from sloth_agent.knowledge.models import Document, DocumentStatus
from sloth_agent.knowledge.ports import DocumentStore, FileStore


@dataclass(frozen=True, slots=True)
class Documents:
    """What one tenant's assistant learned from, or is about to."""

    store: DocumentStore
    files: FileStore
    metering: Metering
    clock: Clock
    max_bytes: int

    async def upload(self, name: str, content: bytes, *, source: str | None = None) -> Document:
        """Keep a file, to be read by `Ingestion`; one that is known and unchanged stays as it is.

        `source` says where the file lives (a path, an address); a later upload from the same
        source replaces it. Without one the name stands for the source.

        Raises:
            FileTooLarge: more than the tenant may upload at once.
            NotFound: the document was deleted meanwhile; nothing is kept.
            DocumentLimitExceeded, StorageLimitExceeded: the plan has no room; likewise.
            SubscriptionExpired: likewise.
        """
        if len(content) > self.max_bytes:
            raise too_large(name, self.max_bytes)
        limits = (await self.metering.allowance()).limits
        digest = hashlib.sha256(content).hexdigest()
        new = Document(
            id=DocumentId(new_id()),
            title=title_of(name),
            source=spelled(source or f"upload:{name}"),
            digest=digest,
            size_bytes=len(content),
            created_at=self.clock(),
        )
        document = await self.store.add(new, limits=limits)
        if document.id == new.id:
            # Should somebody replace or delete it this instant, `Leftovers` finds the file.
            await self.files.write(new.file_key, content)
            return new
        if document.digest == digest and document.status is DocumentStatus.COMPLETED:
            return document
        return await self._keep(document, digest, content, limits)

    async def _keep(
        self, document: Document, digest: str, content: bytes, limits: Limits
    ) -> Document:
        """The file first, then the record that speaks of it, then away with the file before it.

        Of several at once the last record stands, and each removes the file that it replaced.
        """
        pending = replace(
            document, digest=digest, size_bytes=len(content), status=DocumentStatus.PENDING
        )
        await self.files.write(pending.file_key, content)
        try:
            before = await self.store.exchange(pending, limits=limits)
        except LimitReached:
            await self.files.delete(pending.file_key)
            raise
        if before is None:
            await self.files.delete(pending.file_key)
            raise _unknown(document.id)
        if before.file_key != pending.file_key:
            await self.files.delete(before.file_key)
        return pending

    async def moved_to(self, source: str, document: Document) -> Document:
        """Record that a document now comes from elsewhere; nothing is read again.

        Raises:
            Conflict: another document comes from there.
        """
        source = spelled(source)
        document = replace(document, source=source, title=PurePath(source).name)
        await self.store.save(document)
        return document

    async def with_content(self, content: bytes) -> Sequence[Document]:
        """Documents with exactly this content, oldest first."""
        return await self.store.with_digest(hashlib.sha256(content).hexdigest())

    async def list(
        self, *, limit: int = 1000, after: DocumentId | None = None
    ) -> Sequence[Document]:
        """Documents in the order in which they came, oldest first."""
        return await self.store.all(limit=limit, after=after)

    async def show(self, id: DocumentId) -> Document:
        """Raises:
        NotFound: no such document.
        """
        document = await self.store.find(id)
        if document is None:
            raise _unknown(id)
        return document

    async def delete(self, id: DocumentId) -> None:
        """Forget a document, its pieces and its file; it is not cited from now on.

        Raises:
            NotFound: no such document.
        """
        gone = await self.store.delete(id)
        if gone is None:
            raise _unknown(id)
        await self.files.delete(gone.file_key)


def title_of(name: str) -> str:
    """What a file is called wherever it is shown, whatever was typed for its name."""
    return spelled(PurePath(name).name) or "untitled"


def spelled(name: str) -> str:
    """The name of a file as text: bytes that are none, and NUL, are spelled out."""
    return name.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def too_large(name: str, max_bytes: int) -> FileTooLarge:
    return FileTooLarge(
        f"{PurePath(name).name} is larger than {max_bytes // 1024 // 1024} MB.",
        hint="Split it or save it smaller, or raise SLOTH_MAX_UPLOAD_MB.",
    )


def _unknown(id: DocumentId) -> NotFound:
    return NotFound(f"There is no document {id}.", hint="See `sloth documents list`.")
