"""Pictures that the assistant has been shown."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response, UploadFile
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.photos import photo_analysis_body, photo_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import (
    Conflict,
    FileDamaged,
    FileEmpty,
    NotFound,
    PhotoLimitExceeded,
    StorageLimitExceeded,
    StorageUnavailable,
    SubscriptionExpired,
    UnsupportedFile,
)
from sloth_agent.ids import PhotoId
from sloth_agent.knowledge.models import PhotoStatus
from sloth_agent.server.callers import CurrentActor, CurrentPlatform, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.downloads import A_FILE, download
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import Cursor, Id, Limit, NextCursor, Shown, ok, page_of
from sloth_agent.server.uploads import ONE_FILE

router = APIRouter(prefix="/api/photos", tags=["photos"], route_class=Repeating)

PhotosTenant = Annotated[AsyncTenant, Depends(tenant_of(Scope.PHOTOS))]


class PhotoKept(Shown):
    id: Id
    status: PhotoStatus


class PhotoShown(Shown):
    id: Id
    title: str = Field(examples=["new-styles.jpg"])
    type: str = Field(description="Its media type.", examples=["image/jpeg"])
    size: int = Field(description="Bytes.", examples=[184_320])
    width: int = Field(description="Pixels, as stored.", examples=[1600])
    height: int = Field(examples=[1200])
    status: PhotoStatus = Field(description="Of looking at what is in it: `pending` may last.")
    created_at: datetime


class PhotoPage(Shown):
    items: list[PhotoShown]
    next_cursor: NextCursor


class AnalysisError(Shown):
    code: str = Field(examples=["vision_unavailable"])
    message: str = Field(examples=["Whoever looks at photos did not answer."])


class AnalysisShown(Shown):
    id: Id
    status: PhotoStatus = Field(
        examples=["completed"],
        description="`pending` until somebody has looked at it, which may never be: do not wait.",
    )
    labels: list[str] = Field(examples=[["hair", "salon"]])
    text: str | None = Field(description="What is written in it.", examples=["Open 9-18"])
    objects: list[str] = Field(examples=[["chair"]])
    faces: int | None = Field(description="How many.", examples=[1])
    error: AnalysisError | None = Field(description="Why it failed.", examples=[None])


@router.post(
    "/upload/",
    status_code=202,
    response_model=PhotoKept,
    responses=problems(
        SubscriptionExpired,
        PhotoLimitExceeded,
        StorageLimitExceeded,
        Conflict,
        UnsupportedFile,
        FileEmpty,
        FileDamaged,
        StorageUnavailable,
    ),
    dependencies=[ONE_FILE],
)
async def upload(file: UploadFile, tenant: PhotosTenant, platform: CurrentPlatform) -> JSONResponse:
    """Upload a picture: JPEG, PNG, WebP or GIF.

    One in each request. The same one twice is two photos.
    """
    async with platform.uploads:
        photo = await tenant.add_photo(file.filename or "untitled", await file.read())
    return ok({"id": str(photo.id), "status": photo.status.value}, 202)


@router.get("/", response_model=PhotoPage, name="list")
async def photos(tenant: PhotosTenant, limit: Limit = 20, cursor: Cursor = None) -> JSONResponse:
    """Photos, oldest first."""
    found = await tenant.photos(limit=limit + 1, after=PhotoId(cursor) if cursor else None)
    return page_of(found, limit, photo_body, cursor=lambda photo: photo.id)


@router.get("/{id:uuid}/analysis/", response_model=AnalysisShown, responses=problems(NotFound))
async def analysis(id: UUID, tenant: PhotosTenant) -> JSONResponse:
    """What was seen in a photo."""
    return ok(photo_analysis_body(await tenant.photo(PhotoId(id))))


@router.get(
    "/{id:uuid}/file/",
    responses={**problems(NotFound, StorageUnavailable), 200: A_FILE},
    response_class=Response,
    name="download",
)
async def file(id: UUID, tenant: PhotosTenant) -> Response:
    """The picture as it was uploaded."""
    photo = await tenant.photo(PhotoId(id))
    return download(photo.title, await tenant.services.files.read(photo.file_key))


@router.delete("/{id:uuid}/", status_code=204, responses=problems(NotFound, StorageUnavailable))
async def delete(id: UUID, tenant: PhotosTenant, actor: CurrentActor) -> Response:
    """Forget a photo.

    It stays counted among those of its month.
    """
    await tenant.delete_photo(PhotoId(id), by=actor)
    return Response(status_code=204)
