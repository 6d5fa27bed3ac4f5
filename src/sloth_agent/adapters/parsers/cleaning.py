"""Text fit to be stored, searched and printed: no characters that break or fool what shows it."""

import re
import unicodedata

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# A letter carries a few marks in any script; thousands of them only cover a neighbour's text.
_PILED_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u0591-\u05bd]{8})[\u0300-\u036f\u0483-\u0489\u0591-\u05bd]+"
)

# Nearly every text of ours consists of these, and is clean and composed as it stands.
_NOT_PLAIN = re.compile(
    "[^\\n\\t -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0373\u0388-\u03ff\u0400-\u0482\u048a-\u052f"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2116\u2190-\u2328\u25a0-\u27bf"
    "\u3001-\u3029\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff]"
)

_DROPPED: dict[int, str | None] = dict.fromkeys(
    (
        *range(9),  # C0 controls but tab and newline; NUL cannot be stored, ESC drives terminals
        *range(0x0E, 0x20),
        *range(0x7F, 0xA0),  # DEL and the C1 controls
        0xAD,  # soft hyphen: splits words for a search
        0x061C,
        0x200B,
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),  # embeddings and overrides of direction
        *range(0x2060, 0x2070),
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
        0xFFFE,
        0xFFFF,
        *range(0xE0000, 0xE0080),  # tags: text that nobody sees
    )
)
_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_TABLE: dict[int, str | None] = {**_DROPPED, **_LIGATURES, 0xA0: " ", 0x202F: " ", 0x2007: " "}

_MARKED = re.compile(r"[-*•–—▪◦]\s|\d{1,3}[.)]\s")  # an item of a list
_BLANKS = re.compile(r"[ \t\u2000-\u200a\u3000]+")


def is_clean(text: str) -> bool:
    """Whether `clean` would surely leave the text as it is."""
    return _NOT_PLAIN.search(text) is None


def clean(text: str) -> str:
    """Composed characters, `\\n` for every line end, and nothing invisible or unprintable."""
    if is_clean(text):
        return text
    text = _NEWLINES.sub("\n", text)
    text = _SURROGATES.sub("\ufffd", text).translate(_TABLE)
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _PILED_MARKS.sub(r"\1", text))


def one_line(text: str) -> str:
    """Cleaned, with every run of white space as one blank."""
    return " ".join(clean(text).split())


def lines(text: str) -> str:
    """Cleaned, runs of blanks narrowed, line ends kept, blank lines and margins dropped."""
    tidy = (_BLANKS.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in tidy if line)


def list_item(text: str) -> str:
    """A list item with its mark, which some formats keep apart from the text.

    Without one, items below each other look like the wrapped lines of one sentence.
    """
    return text if _MARKED.match(text) else f"• {text}"
