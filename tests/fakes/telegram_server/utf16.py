"""Telegram counts text in UTF-16 units: an emoji is two."""


def length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, offset: int, size: int) -> str:
    """The part of a text that an entity is about."""
    data = text.encode("utf-16-le", "surrogatepass")[offset * 2 : (offset + size) * 2]
    return data.decode("utf-16-le", "surrogatepass")
