"""Text as the world outside takes it."""


def whole(text: str) -> str:
    """Without lone halves of characters, which neither JSON over HTTP nor tokenizers take."""
    return text.encode("utf-8", "replace").decode()
