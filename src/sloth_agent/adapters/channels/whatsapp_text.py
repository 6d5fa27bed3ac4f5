"""Light Markdown as WhatsApp writes it: `*bold*`, `_italic_`, addresses in the open."""

from sloth_agent.channels.formatting import Style, spans
from sloth_agent.channels.messages import Part

_MARKS = {Style.PLAIN: "", Style.BOLD: "*", Style.ITALIC: "_", Style.CODE: "`"}


def whatsapp_text(part: Part) -> str:
    """Without buttons never longer than the part; each button is a line to be sent back."""
    text = "".join(
        f"{_MARKS[span.style]}{span.text}{_MARKS[span.style]}" for span in spans(part.text)
    )
    return "\n".join([text, *(f"{button.label}: /{button.command}" for button in part.buttons)])
