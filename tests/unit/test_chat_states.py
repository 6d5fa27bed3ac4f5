"""Who answers in a chat, whatever happens in whatever order."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.channels.chats import Chat, ChatState
from sloth_agent.channels.states import Move, Mover, moved
from sloth_agent.errors import Forbidden
from sloth_agent.ids import IntegrationId

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NEW = Chat.new(IntegrationId(UUID(int=1)), "1", customer="1", name="Anna", now=NOW)
ALLOWED = [
    (Move.ASK, Mover.CUSTOMER),
    (Move.ASK, Mover.RULE),
    (Move.TAKE, Mover.STAFF),
    (Move.GIVE_BACK, Mover.STAFF),
]
MOVES = st.lists(st.tuples(st.sampled_from(Move), st.sampled_from(Mover)))


def after(*moves: tuple[Move, Mover]) -> Chat:
    chat = NEW
    for move, by in moves:
        chat = moved(chat, move, by)
    return chat


def test_a_person_is_asked_for_takes_the_chat_and_gives_it_back() -> None:
    ask, take = (Move.ASK, Mover.CUSTOMER), (Move.TAKE, Mover.STAFF)
    assert after(ask).state is ChatState.WAITING
    assert after(take).state is ChatState.PERSON, "staff need not be asked"
    assert after(ask, take).state is ChatState.PERSON
    assert after(ask, take, ask).state is ChatState.PERSON, "who is there need not be asked for"
    assert after(ask, take, (Move.GIVE_BACK, Mover.STAFF)).state is ChatState.ASSISTANT
    assert after(ask, (Move.GIVE_BACK, Mover.STAFF)).state is ChatState.ASSISTANT


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("by", Mover)
def test_who_may(move: Move, by: Mover) -> None:
    if (move, by) in ALLOWED:
        moved(NEW, move, by)
    else:
        with pytest.raises(Forbidden):
            moved(NEW, move, by)


@given(MOVES)
def test_no_model_is_asked_from_the_moment_that_staff_take_a_chat_until_they_give_it_back(
    moves: list[tuple[Move, Mover]],
) -> None:
    chat, taken = NEW, False
    for move, by in moves:
        try:
            chat = moved(chat, move, by)
        except Forbidden:
            continue
        if by is Mover.STAFF:
            taken = move is Move.TAKE
        assert (chat.state is ChatState.PERSON) == taken
        assert moved(chat, move, by) is chat, "once more, nothing happens"
        assert chat.unanswered == 0
