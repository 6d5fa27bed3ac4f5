"""What the shapes of many records have in common."""

from collections.abc import Iterable

from fakes.stripe_server.records import Json, Record

TAX_OFF: Json = {"enabled": False, "liability": None, "status": None, "provider": None}


def list_of(data: Iterable[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def head(record: Record, object: str) -> Json:
    return {"id": record.id, "object": object, "created": record.created, "livemode": False}
