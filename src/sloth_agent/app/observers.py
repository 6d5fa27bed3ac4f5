"""Who hears what the library does, to count it."""

from dataclasses import dataclass

from sloth_agent.agent.answering import OnAnswer
from sloth_agent.billing.costs import OnCall, unheard
from sloth_agent.jobs.models import OnEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Observers:
    """Called in the event loop, after the fact: they return at once and raise nothing."""

    on_answer: OnAnswer = lambda _answer: None
    on_call: OnCall = unheard
    on_end: OnEnd = lambda _kind, _ending: None


NOBODY = Observers()
