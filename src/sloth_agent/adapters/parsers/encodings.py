"""Bytes of unknown encoding to text."""

import codecs
import re

from sloth_agent.errors import UnsupportedFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings that the four languages were written in; others only win by accident.
_CANDIDATES = [
    "utf_8", "utf_16", "cp1251", "koi8_u", "cp866",
    "cp1250", "iso8859_2", "cp1252", "iso8859_15", "cp850",
]  # fmt: skip
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""")
_SAMPLE = 256 * 1024
_CONTROLS = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def decode(content: bytes, *, markup: bool = False) -> str:
    """Find the encoding: a byte order mark, UTF-8, UTF-16 by its zero bytes, then by frequency.

    With `markup` a `charset` that the content names goes before the frequencies.

    Raises:
        UnsupportedFile: not text in any encoding.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    wide = _wide(content)
    if wide is not None and _is_readable(content.decode(wide, "replace")):
        return content.decode(wide, "replace")
    _refuse_noise(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        named = _named(content) if markup else None
        return named if named is not None else _guess(content)


def _named(content: bytes) -> str | None:
    found = _CHARSET.search(content[:4096])
    if found is None:
        return None
    try:
        return content.decode(found[1].decode("ascii"))
    except (LookupError, ValueError):
        return None  # unknown, not for text, or not true


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: zeros in every other byte, wherever the letters are Latin."""
    head = content[:4096]
    if len(head) < 4:
        return None
    even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    if even > 0.3 and odd < 0.05:
        return "utf-16-be"
    return _wide_cyrillic(head)


def _is_readable(text: str) -> bool:
    sample = text[:4096]
    return sum(each.isprintable() or each.isspace() for each in sample) >= 0.95 * len(sample)


def _wide_cyrillic(head: bytes) -> str | None:
    # Cyrillic letters have the high byte 4, blanks and digits 0: together nearly all of a text.
    for encoding, high in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if high.count(4) > 0.3 * len(high) and high.count(4) + high.count(0) > 0.9 * len(high):
            return encoding
    return None


def _refuse_noise(content: bytes) -> None:
    sample = content[:_SAMPLE]
    if len(_CONTROLS.findall(sample)) > max(2, len(sample) // 50):
        raise UnsupportedFile(
            "The content is not text, nor a kind of document that can be read.",
            hint="PDF, DOCX, XLSX, PPTX, TXT, MD, HTML, CSV, EML and ZIP of these can be read.",
        )


def _guess(content: bytes) -> str:
    # Most files are UTF-8, and this takes longer to load than they take to read.
    from charset_normalizer import from_bytes

    broken = content.decode("utf-8", "replace")
    damage, letters = broken.count("\ufffd"), sum(map(str.isalpha, broken))
    if _mostly_utf8(content) and damage * 20 < letters:
        return broken
    best = from_bytes(content[:_SAMPLE], cp_isolation=_CANDIDATES).best()
    encoding = best.encoding if best is not None else "cp1252"
    return content.decode(encoding, "replace")


def _mostly_utf8(content: bytes) -> bool:
    """Whether most letters beyond ASCII are whole UTF-8 sequences: a text with a damaged spot."""
    whole = len(re.findall(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}", content[:_SAMPLE]))
    high = len(re.findall(rb"[\x80-\xff]", content[:_SAMPLE]))
    return whole * 2 >= high * 0.6
