"""`--plan` of the lists: only what belongs to one plan."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth

OfPlan = Annotated[
    str | None, typer.Option("--plan", metavar="PLAN", help="Only those of this plan.")
]


def known(plan: str | None, sloth: "Sloth") -> str | None:
    """The slug of a plan that there is; None for all plans.

    Raises:
        NotFound: no such plan: an empty list would look like an answer.
    """
    return sloth.run(lambda sloth: sloth.plans.show(plan)).slug if plan else None
