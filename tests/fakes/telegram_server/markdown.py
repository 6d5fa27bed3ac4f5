"""`parse_mode` MarkdownV2, and the older Markdown."""

import re
from dataclasses import dataclass

from fakes.telegram_server import utf16
from fakes.telegram_server.html import link
from fakes.telegram_server.records import Json
from fakes.telegram_server.refusals import bad_markup

RESERVED = "_*[]()~`>#+-=|{}.!"
# The longer mark first: `__` is never two italics.
MARKS = [
    ("__", "Underline", "underline"),
    ("_", "Italic", "italic"),
    ("*", "Bold", "bold"),
    ("~", "Strikethrough", "strikethrough"),
    ("||", "Spoiler", "spoiler"),
    ("```", "Pre", "pre"),
    ("`", "Code", "code"),
    ("![", "CustomEmoji", "custom_emoji"),
    ("[", "TextUrl", "text_link"),
]
ENDS = {"TextUrl": "]", "CustomEmoji": "]", "PreCode": "```"} | {
    name: mark for mark, name, _ in MARKS if "[" not in mark
}
TYPES = {name: type for _, name, type in MARKS} | {"PreCode": "pre"}
QUOTE = "BlockQuote"
CODE = ("Code", "Pre", "PreCode")


def parse(text: str) -> tuple[str, list[Json]]:
    """Plain text and its entities.

    Raises:
        Refused: a reserved character is not escaped, an entity is not closed.
    """
    return _Markdown(text).read()


@dataclass
class _Open:
    name: str
    offset: int
    byte: int
    language: str = ""


class _Markdown:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._plain = ""
        self._open: list[_Open] = []
        self._entities: list[Json] = []

    def read(self) -> tuple[str, list[Json]]:
        while self._at < len(self._text):
            if not (self._escaped() or self._inside_code() or self._quoting() or self._ended()):
                self._begun_or_plain()
        if self._open and self._open[-1].name == QUOTE:
            self._close(self._open.pop(), "blockquote")
        if self._open:
            raise self._unclosed()
        return self._plain, self._entities

    @property
    def _innermost(self) -> str:
        return self._open[-1].name if self._open else ""

    def _next_is(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _take(self, count: int = 1) -> None:
        self._plain += self._text[self._at : self._at + count]
        self._at += count

    def _escaped(self) -> bool:
        """Any character of ASCII may be."""
        if not self._next_is("\\") or not "\0" < self._text[self._at + 1 : self._at + 2] < "\x7f":
            return False
        self._at += 1
        self._take()
        return True

    def _inside_code(self) -> bool:
        if self._innermost not in CODE or self._next_is("`"):
            return False
        self._take()
        return True

    def _quoting(self) -> bool:
        """Lines that begin with `>`."""
        if any(each.name == QUOTE for each in self._open):
            return self._in_quote()
        if self._next_is(">") and (not self._plain or self._plain[-1] in "\r\n"):
            self._begin(QUOTE, 1)
            return True
        return False

    def _in_quote(self) -> bool:
        if self._innermost == QUOTE and re.match(r"\|\|(?=\r?\n(?!>)|$)", self._text[self._at :]):
            self._at += 2
            self._end_line()
            self._close(self._open.pop(), "expandable_blockquote")
            return True
        if not self._next_is("\n"):
            return False
        if self._text.startswith(">", self._at + 1):
            self._take()
            self._at += 1
            return True
        if self._innermost != QUOTE:
            raise self._unclosed()
        self._take()
        self._close(self._open.pop(), "blockquote")
        return True

    def _end_line(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in "\r\n":
            self._take()
            if self._plain[-1] == "\n":
                return

    def _ended(self) -> bool:
        name = self._innermost
        if name in ("", QUOTE) or not self._next_is(ENDS[name]):
            return False
        if name == "Italic" and self._next_is("__"):
            return False
        self._at += len(ENDS[name])
        opened = self._open.pop()
        if name in ("TextUrl", "CustomEmoji"):
            self._close_link(opened)
        else:
            self._close(opened, TYPES[name])
        return True

    def _begun_or_plain(self) -> None:
        for mark, name, _ in MARKS:
            if self._next_is(mark):
                self._begin(name, len(mark))
                return
        letter = self._text[self._at]
        if letter in RESERVED:
            raise bad_markup(
                f"Character '{letter}' is reserved and must be escaped with the preceding '\\'"
            )
        self._take()

    def _begin(self, name: str, mark: int) -> None:
        opened = _Open(name, utf16.length(self._plain), self._bytes())
        self._at += mark
        if name == "Pre" and (found := re.match(r"([^\s`]+)(?=\s)", self._text[self._at :])):
            opened.name, opened.language = "PreCode", found[1]
            self._at += found.end()
        if name == "Pre" and (line := re.match(r"\r\n|\n\r|\n|\r", self._text[self._at :])):
            self._at += line.end()
        self._open.append(opened)

    def _close(self, opened: _Open, type: str) -> None:
        size = utf16.length(self._plain) - opened.offset
        if size:
            entity: Json = {"type": type, "offset": opened.offset, "length": size}
            language = {"language": opened.language} if opened.language else {}
            self._entities.append(entity | language)

    def _close_link(self, opened: _Open) -> None:
        size = utf16.length(self._plain) - opened.offset
        url = utf16.cut(self._plain, opened.offset, size)
        if self._next_is("("):
            url = self._url(opened.name)
        elif opened.name == "CustomEmoji":
            raise bad_markup("Custom emoji entity must contain a tg://emoji URL")
        entity: Json = {"type": TYPES[opened.name], "offset": opened.offset, "length": size}
        if opened.name == "CustomEmoji":
            entity["custom_emoji_id"] = _emoji(url)
        else:
            entity = link(entity, url)
        if size and entity:
            self._entities.append(entity)

    def _url(self, name: str) -> str:
        begin = self._bytes() + 1
        found = re.match(
            r"\(((?:\\[\x01-\x7e]|[^)\\]|\\(?![\x01-\x7e]))*)\)", self._text[self._at :]
        )
        if found is None:
            what = "a custom emoji URL" if name == "CustomEmoji" else "a URL"
            raise bad_markup(f"Can't find end of {what} at byte offset {begin}")
        self._at += found.end()
        return re.sub(r"\\([\x01-\x7e])", r"\1", found[1])

    def _unclosed(self) -> Exception:
        last = self._open[-1]
        return bad_markup(f"Can't find end of {last.name} entity at byte offset {last.byte}")

    def _bytes(self) -> int:
        return len(self._text[: self._at].encode())


def _emoji(url: str) -> str:
    if not (
        found := re.fullmatch(r"(?i:tg:(?://)?emoji/?)\?(?:.*&)?id=([1-9]\d*)(?:[&#].*)?", url)
    ):
        raise bad_markup("Invalid custom emoji identifier specified")
    return found[1]


OLD = re.compile(
    r"\\(?P<escaped>[_*`\[])"
    r"|```(?:(?P<language>\w+)\n)?(?P<pre>.*?)```"
    r"|`(?P<code>.*?)`"
    r"|\*(?P<bold>.*?)\*"
    r"|_(?P<italic>.*?)_"
    r"|\[(?P<shown>.*?)\](?:\((?P<url>.*?)\))?"
    r"|(?P<broken>[_*`\[])",
    re.DOTALL,
)


def parse_old(text: str) -> tuple[str, list[Json]]:
    """Entities do not nest here.

    Raises:
        Refused: an entity is not closed.
    """
    plain, entities, last = "", [], 0
    for match in OLD.finditer(text):
        plain += text[last : match.start()]
        last = match.end()
        if match["broken"]:
            where = len(text[: match.start()].encode())
            raise bad_markup(f"Can't find end of the entity starting at byte offset {where}")
        shown, entity = _old_entity(match)
        size = utf16.length(shown)
        if entity and size:
            entities.append(entity | {"offset": utf16.length(plain), "length": size})
        plain += shown
    return plain + text[last:], entities


def _old_entity(match: re.Match[str]) -> tuple[str, Json]:
    if match["escaped"]:
        return match["escaped"], {}
    if match["shown"] is not None:
        return match["shown"], link({"type": "text_link"}, match["url"] or "")
    for type in ("pre", "code", "bold", "italic"):
        if match[type] is not None:
            language = {"language": match["language"]} if match["language"] else {}
            return match[type], {"type": type} | language
    raise AssertionError("one of the choices has matched")
