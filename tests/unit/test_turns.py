"""Which messages are answered together."""

from datetime import UTC, datetime

from sloth_agent.channels.chats import Event, chat_id
from sloth_agent.channels.messages import Inbound, MessageKind
from sloth_agent.channels.turns import Heard, next_turn
from sloth_agent.ids import EventId, IntegrationId, new_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
INTEGRATION = IntegrationId(new_id())


def heard(*texts: str, sender: str = "anna") -> list[Heard]:
    return [
        (
            Event(
                id=EventId(new_id()),
                integration=INTEGRATION,
                external_id=text,
                chat=chat_id(INTEGRATION, "chat"),
                payload={},
                received_at=NOW,
            ),
            Inbound(
                id=text, chat="chat", sender=sender, kind=MessageKind.TEXT, text=text, sent_at=NOW
            ),
        )
        for text in texts
    ]


def test_what_one_person_writes_in_a_row_is_one_turn() -> None:
    turn = next_turn([*heard("Hello", "a haircut?"), *heard("And me?", sender="ben")])
    assert turn is not None
    assert (turn.text, len(turn.events)) == ("Hello\na haircut?", 2)


def test_each_reply_of_staff_is_one_of_its_own() -> None:
    turn = next_turn(heard("At ten.", "Or at noon."), joined=False)
    assert turn is not None
    assert (turn.text, len(turn.events)) == ("At ten.", 1)


def test_nothing_is_no_turn() -> None:
    assert next_turn([]) is None
