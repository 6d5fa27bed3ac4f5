"""Moments as people type them."""

from datetime import UTC, datetime

import typer


def read_moment(text: str) -> datetime:
    """An ISO date or time; in UTC where it does not say otherwise."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 2000 <= moment.year < 3000:
        raise typer.BadParameter(
            f"{text!r} is not a time of this millennium; write it as 2026-12-31 or"
            " 2026-12-31T18:30+01:00."
        )
    return moment
