"""Topics of a group: each begins with a message that tells its name."""

from fakes.telegram_server.records import Chat, Json
from fakes.telegram_server.refusals import Refused


def placed(chat: Chat, topic: int | None, replied: Json | None) -> Json:
    """Where a message stands, and what it answers: in a topic at least the topic's beginning.

    Raises:
        Refused: there is no such topic.
    """
    topic = topic or (replied or {}).get("message_thread_id")
    if topic is None:
        return {"reply_to_message": without_reply(replied)} if replied else {}
    if topic not in chat.topics:
        raise Refused("message thread not found")
    answered = without_reply(replied or chat.messages[topic])
    return {"message_thread_id": topic, "is_topic_message": True, "reply_to_message": answered}


def without_reply(message: Json) -> Json:
    """A message within a message holds no third one."""
    return {name: value for name, value in message.items() if name != "reply_to_message"}
