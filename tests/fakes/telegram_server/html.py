"""`parse_mode` HTML: what Telegram makes of it, and what it refuses."""

import html
import re
from dataclasses import dataclass

from fakes.telegram_server import utf16
from fakes.telegram_server.records import Json
from fakes.telegram_server.refusals import bad_markup

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
ATTRIBUTE = re.compile(r"""\s*([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|lt|gt|amp|quot);")


def parse(text: str) -> tuple[str, list[Json]]:
    """Plain text and its entities.

    Raises:
        Refused: the tags are not known, not closed or not in order.
    """
    return _Html(text).read()


@dataclass
class _Open:
    tag: str
    offset: int
    attributes: dict[str, str]


class _Html:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._plain = ""
        self._open: list[_Open] = []
        self._entities: list[Json] = []

    def read(self) -> tuple[str, list[Json]]:
        while self._at < len(self._text):
            if self._text[self._at] != "<":
                self._words()
            elif self._text.startswith("</", self._at):
                self._end()
            else:
                self._start()
        if self._open:
            tag = self._open[-1].tag
            raise bad_markup(f'Can\'t find end tag corresponding to start tag "{tag}"')
        return self._plain, self._entities

    def _words(self) -> None:
        end = self._text.find("<", self._at)
        end = len(self._text) if end < 0 else end
        piece = self._text[self._at : end]
        self._plain += REFERENCE.sub(lambda match: html.unescape(match[0]), piece)
        self._at = end

    def _start(self) -> None:
        begin = self._at
        where = f"at byte offset {self._bytes(begin)}"
        named = re.compile(r"<([^\s>]*)[\s>]").match(self._text, begin)
        if named is None:
            raise bad_markup(f"Unclosed start tag {where}")
        tag = named[1].lower()
        if tag not in TAGS:
            raise bad_markup(f'Unsupported start tag "{tag}" {where}')
        end = _end_of_tag(self._text, begin)
        if end < 0:
            raise bad_markup(f"Unclosed start tag {where}")
        attributes = _attributes(self._text[begin + 1 + len(tag) : end])
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise bad_markup(f'Tag "span" must have class "tg-spoiler" {where}')
        self._open.append(_Open(tag, utf16.length(self._plain), attributes))
        self._at = end + 1

    def _end(self) -> None:
        begin, end = self._at, self._text.find(">", self._at)
        where = f"at byte offset {self._bytes(begin)}"
        if end < 0:
            raise bad_markup(f"Unclosed end tag {where}")
        tag = self._text[begin + 2 : end].strip().lower()
        if not self._open:
            raise bad_markup(f"Unexpected end tag {where}")
        opened = self._open.pop()
        if tag not in ("", opened.tag):
            expected = f'expected "</{opened.tag}>", found "</{tag}>"'
            raise bad_markup(f"Unmatched end tag {where}, {expected}")
        self._at = end + 1
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        size = utf16.length(self._plain) - opened.offset
        entity = {"type": TAGS[opened.tag], "offset": opened.offset, "length": size}
        if size and (entity := _completed(entity, opened, self._plain)):
            if opened.tag == "code" and self._in_pre(opened):
                self._open[-1].attributes |= opened.attributes
            else:
                self._entities.append(entity)

    def _in_pre(self, opened: _Open) -> bool:
        """`<pre><code class="language-python">` is one entity with a language."""
        return bool(self._open) and self._open[-1].tag == "pre" and "class" in opened.attributes

    def _bytes(self, at: int) -> int:
        return len(self._text[:at].encode())


def _completed(entity: Json, opened: _Open, plain: str) -> Json:
    """With what its attributes tell; empty: Telegram drops it."""
    attributes = opened.attributes
    if opened.tag == "a":
        shown = utf16.cut(plain, entity["offset"], entity["length"])
        return link(entity, attributes.get("href") or shown)
    if opened.tag == "tg-emoji":
        return entity | {"custom_emoji_id": attributes.get("emoji-id", "")}
    if opened.tag == "blockquote" and "expandable" in attributes:
        return entity | {"type": "expandable_blockquote"}
    if opened.tag == "pre" and "class" in attributes:
        return entity | {"language": attributes["class"].removeprefix("language-")}
    return entity


def link(entity: Json, url: str) -> Json:
    """To an address; to nothing where the address is none, as Telegram does."""
    url = url.strip()
    if re.match(r"(?i)(https?|tg|ton|mailto|tel):", url):
        return entity | {"url": url}
    return entity | {"url": f"http://{url}/"} if re.fullmatch(r"[\w-]+(\.[\w-]+)+\S*", url) else {}


def _end_of_tag(text: str, at: int) -> int:
    """Not a `>` inside of quotes."""
    quote = ""
    for place in range(at + 1, len(text)):
        letter = text[place]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == ">":
            return place
    return -1


def _attributes(text: str) -> dict[str, str]:
    return {
        match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "")
        for match in ATTRIBUTE.finditer(text)
    }
