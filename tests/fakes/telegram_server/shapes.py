"""People and chats as the contract shows them."""

from typing import Any

from fakes.telegram_server.records import Bot, Chat, Json, Status, User


def user(who: User) -> Json:
    shown = {
        "id": who.id,
        "is_bot": who.is_bot,
        "first_name": who.first_name,
        "last_name": who.last_name,
        "username": who.username,
        "language_code": who.language_code,
        "is_premium": who.is_premium or None,
    }
    return known(shown)


def me(bot: Bot) -> Json:
    """More than others see of it."""
    return user(bot.user) | {
        "can_join_groups": True,
        "can_read_all_group_messages": bot.reads_all_messages,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def chat(where: Chat) -> Json:
    who = where.user
    shown = {
        "id": where.id,
        "type": where.type,
        "title": where.title,
        "username": who.username if who else where.username,
        "first_name": who.first_name if who else None,
        "last_name": who.last_name if who else None,
        "is_forum": where.is_forum or None,
    }
    return known(shown)


GIFTS = (
    "unlimited_gifts",
    "limited_gifts",
    "unique_gifts",
    "premium_subscription",
    "gifts_from_channels",
)
PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


def full_chat(where: Chat) -> Json:
    shown = chat(where) | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(GIFTS, False),
    }
    if where.user is None:
        shown["permissions"] = dict.fromkeys(PERMISSIONS, True)
    elif where.user.username:
        shown["active_usernames"] = [where.user.username]
    return shown


ADMINISTRATOR = (
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


def member(who: User, status: Status) -> Json:
    shown: Json = {"status": status, "user": user(who)}
    if status == "kicked":
        shown["until_date"] = 0
    elif status == "administrator":
        shown |= {"can_be_edited": False, **dict.fromkeys(ADMINISTRATOR, False)}
    elif status == "creator":
        shown["is_anonymous"] = False
    return shown


def known(fields: dict[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
