"""Who answers in a chat, and who may change that."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from sloth_agent.channels.chats import Chat, ChatState
from sloth_agent.errors import Forbidden


class Move(StrEnum):
    ASK = "ask"  # for a person
    TAKE = "take"  # a person answers from now on
    GIVE_BACK = "give_back"  # to the assistant


class Mover(StrEnum):
    CUSTOMER = "customer"
    RULE = "rule"  # such as: two questions in a row had no answer
    STAFF = "staff"


_MAY: Mapping[Move, Collection[Mover]] = {
    Move.ASK: (Mover.CUSTOMER, Mover.RULE),
    Move.TAKE: (Mover.STAFF,),
    Move.GIVE_BACK: (Mover.STAFF,),
}


def moved(chat: Chat, move: Move, by: Mover) -> Chat:
    """The chat afterwards; what holds already changes nothing.

    Raises:
        Forbidden: not for them.
    """
    if by not in _MAY[move]:
        raise Forbidden(f"A chat is not for the {by} to {move.replace('_', ' ')}.")
    state = _after(chat.state, move)
    return chat if state is chat.state else chat.handed_to(state)


def _after(state: ChatState, move: Move) -> ChatState:
    match move:
        case Move.TAKE:
            return ChatState.PERSON
        case Move.GIVE_BACK:
            return ChatState.ASSISTANT
        case Move.ASK:
            # Who is answered by a person already has what they ask for.
            return ChatState.WAITING if state is ChatState.ASSISTANT else state
