"""Our search as a LangChain retriever."""

from typing import Any

from pydantic import field_validator

from sloth_agent.app.blocking import Tenant
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import InvalidInput, MissingExtra
from sloth_agent.knowledge.models import Passage
from sloth_agent.knowledge.retrieval import Found

try:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ModuleNotFoundError as error:
    raise MissingExtra.named("langchain", needed_for="The LangChain retriever") from error


class SlothRetriever(BaseRetriever):
    """What one tenant knows, for a LangChain chain.

    with Sloth() as sloth:
        retriever = SlothRetriever(tenant=sloth.tenant("lavanda"), limit=3)
        documents = retriever.invoke("How much is a haircut?")

    Over a tenant of `AsyncSloth` it answers `ainvoke` alone. `metadata` of a document tells
    `source` (the file's name), `page`, `section`, `sheet`, `row` and `score`.
    """

    tenant: Any  # a `Tenant` or an `AsyncTenant`, of whose insides pydantic need not know
    limit: int = 5

    @field_validator("tenant")
    @classmethod
    def _is_a_tenant(cls, tenant: object) -> object:
        if isinstance(tenant, Tenant | AsyncTenant):
            return tenant
        raise ValueError("a retriever needs a tenant, such as `sloth.tenant()`")

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        if isinstance(self.tenant, AsyncTenant):
            raise InvalidInput(
                "A tenant of AsyncSloth is searched with `ainvoke`.",
                hint="Await `ainvoke`, or take the tenant from Sloth.",
            )
        return _documents(self.tenant.search(query, limit=self.limit))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if isinstance(self.tenant, AsyncTenant):
            return _documents(await self.tenant.search(query, limit=self.limit))
        return await super()._aget_relevant_documents(query, run_manager=run_manager)


def _documents(found: Found) -> list[Document]:
    return [_document(passage) for passage in found.passages]


def _document(passage: Passage) -> Document:
    place = passage.place
    metadata: dict[str, Any] = {
        "source": passage.cited_document,
        "page": place.page,
        "section": place.section,
        "sheet": place.sheet,
        "row": place.row,
        "score": passage.score,
    }
    return Document(id=str(passage.chunk_id), page_content=passage.readable_text, metadata=metadata)
