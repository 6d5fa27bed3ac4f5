"""Light Markdown in Telegram's HTML."""

import html

from sloth_agent.channels.formatting import Style, spans

_TAGS = {Style.BOLD: "b", Style.ITALIC: "i", Style.CODE: "code"}


def telegram_text(text: str) -> str:
    return "".join(
        f"<{_TAGS[span.style]}>{html.escape(span.text)}</{_TAGS[span.style]}>"
        if span.style in _TAGS
        else html.escape(span.text, quote=False)
        for span in spans(text)
    )
