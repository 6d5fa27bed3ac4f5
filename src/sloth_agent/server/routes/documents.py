"""The files that the assistant learns from."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response, UploadFile
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.documents import document_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import (
    Conflict,
    DocumentLimitExceeded,
    FileEmpty,
    FileEncrypted,
    NotFound,
    StorageLimitExceeded,
    StorageUnavailable,
    SubscriptionExpired,
    UnsupportedFile,
)
from sloth_agent.ids import DocumentId
from sloth_agent.knowledge.models import DocumentStatus
from sloth_agent.server.callers import CurrentActor, CurrentPlatform, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.downloads import A_FILE, download
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import Cursor, Id, Limit, NextCursor, Shown, ok, page_of
from sloth_agent.server.uploads import LEARNING, ONE_FILE, READING, codes_of

router = APIRouter(prefix="/api/documents", tags=["documents"], route_class=Repeating)

DocumentsTenant = Annotated[AsyncTenant, Depends(tenant_of(Scope.DOCUMENTS))]


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
A_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Kept(Shown):
    id: Id
    status: DocumentStatus


class FileError(Shown):
    code: str = Field(description=f"Such as {codes_of(LEARNING)}.", examples=["no_text"])
    message: str = Field(examples=["The page is a picture without text."])


class UnreadPart(Shown):
    part: str = Field(description="Page, slide, sheet or attachment.", examples=["page 3"])
    code: str = Field(description=f"Such as {codes_of(READING)}.", examples=["no_text"])
    message: str = Field(examples=["The page is a picture without text."])


class DocumentShown(Shown):
    id: Id
    title: str = Field(examples=["price-list.xlsx"])
    source: str = Field(description="What it was taken from.", examples=["price-list.xlsx"])
    type: str | None = Field(description="Its media type, once it was read.", examples=[XLSX])
    size: int = Field(description="Bytes.", examples=[18_432])
    digest: str = Field(description="SHA-256 of the content.", examples=[A_DIGEST])
    status: DocumentStatus = Field(examples=["completed"])
    error: FileError | None = Field(description="Why it failed.", examples=[None])
    pages: int | None = Field(
        description="Pages, slides or sheets. Null: not read yet, or a kind without.", examples=[2]
    )
    chunks: int = Field(description="Pieces that can be found.", examples=[14])
    unread: list[UnreadPart] = Field(description="Parts that gave no text.", examples=[[]])
    created_at: datetime
    processed_at: datetime | None = Field(
        description="Null: not read yet.", examples=["2026-09-01T09:30:04Z"]
    )


class DocumentProgress(DocumentShown):
    stage: str | None = Field(
        description="`reading`, `embedding` or `storing`. Null: not begun, or over.",
        examples=[None],
    )
    percent: int | None = Field(
        description="Of the stage. Null: not begun, over, or not to be counted.", examples=[None]
    )


class DocumentPage(Shown):
    items: list[DocumentShown]
    next_cursor: NextCursor


@router.post(
    "/upload/",
    status_code=202,
    response_model=Kept,
    responses=problems(
        SubscriptionExpired,
        DocumentLimitExceeded,
        StorageLimitExceeded,
        NotFound,
        Conflict,
        UnsupportedFile,
        FileEmpty,
        FileEncrypted,
        StorageUnavailable,
    ),
    dependencies=[ONE_FILE],
)
async def upload(
    file: UploadFile, tenant: DocumentsTenant, platform: CurrentPlatform
) -> JSONResponse:
    """Upload a file.

    One in each request. It is read in the background, see its status. A file with the name of
    another one takes its place.
    """
    async with platform.uploads:
        document = await tenant.keep_document(file.filename or "untitled", await file.read())
    return ok({"id": str(document.id), "status": document.status.value}, 202)


@router.get("/", response_model=DocumentPage, name="list")
async def documents(
    tenant: DocumentsTenant, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """Files, oldest first."""
    after = DocumentId(cursor) if cursor else None
    found = await tenant.documents(limit=limit + 1, after=after)
    return page_of(found, limit, document_body, cursor=lambda document: document.id)


@router.get("/{id:uuid}/status/", response_model=DocumentProgress, responses=problems(NotFound))
async def status(id: UUID, tenant: DocumentsTenant) -> JSONResponse:
    """How far a file is, or why it could not be read."""
    document = await tenant.document(DocumentId(id))
    job = await tenant.reading_of(document.id)
    progress = job.progress if job else None
    return ok(
        {
            **document_body(document),
            "stage": progress.stage if progress else None,
            "percent": progress.percent if progress else None,
        }
    )


@router.get(
    "/{id:uuid}/file/",
    responses={**problems(NotFound, StorageUnavailable), 200: A_FILE},
    response_class=Response,
    name="download",
)
async def file(id: UUID, tenant: DocumentsTenant) -> Response:
    """The file as it was uploaded."""
    document = await tenant.document(DocumentId(id))
    content = await tenant.services.files.read(document.file_key)
    return download(document.title, content)


@router.delete("/{id:uuid}/", status_code=204, responses=problems(NotFound, StorageUnavailable))
async def delete(id: UUID, tenant: DocumentsTenant, actor: CurrentActor) -> Response:
    """Delete a file.

    It is not cited from now on.
    """
    await tenant.delete_document(DocumentId(id), by=actor)
    return Response(status_code=204)
