"""Who has an assistant here."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sloth_agent.errors import InvalidInput
from sloth_agent.ids import TenantId

MAIN_DATABASE = "main"
"""The database that holds the control tables, and tenants as any other."""

LONGEST_NAME = 200

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")


class Stage(StrEnum):
    """Where a tenant is in its life."""

    LIVE = "live"
    IMPORTING = "importing"  # out of an archive, and not all there yet
    DELETING = "deleting"  # and perhaps not all there any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A tenant: one firm, or one person, with documents and an assistant of its own."""

    id: TenantId
    slug: str  # what people type; unique
    name: str
    schema_name: str  # where its tables are; unique, never changes
    database: str = MAIN_DATABASE  # where its schema is
    moves: int = 0  # how often it was moved there from another database
    created_at: datetime
    domain: str | None = None  # of its web site; unique
    is_active: bool = True
    stage: Stage = Stage.LIVE

    @property
    def is_open(self) -> bool:
        """To its people."""
        return self.is_active and self.stage is Stage.LIVE


def checked_slug(slug: str) -> str:
    """Raises:
    InvalidInput: not 1 to 50 lower-case Latin letters, digits and inner hyphens.
    """
    if _SLUG.fullmatch(slug):
        return slug
    raise InvalidInput(
        f"{slug!r} cannot name a tenant.",
        hint="Use 1 to 50 of a-z, 0-9 and inner hyphens, such as salon-anna.",
        field="slug",
    )


def checked_name(name: str, *, field: str = "name") -> str:
    """Without space at its ends.

    Raises:
        InvalidInput: empty, longer than 200 characters, or not one line of text.
    """
    name = name.strip()
    if 1 <= len(name) <= LONGEST_NAME and name.isprintable():
        return name
    raise InvalidInput(
        f"The {field.replace('_', ' ')} is one line of 1 to {LONGEST_NAME} characters.",
        hint="Shorten it, and leave out line breaks and control characters.",
        field=field,
    )


def schema_name(id: TenantId) -> str:
    """Names no firm, so that a renamed one keeps its schema."""
    return f"t_{id.hex}"
