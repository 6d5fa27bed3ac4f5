"""HTML: headings, paragraphs, list items and table rows as a reader sees them."""

import re
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from sloth_agent.adapters.parsers import tables
from sloth_agent.adapters.parsers.cleaning import clean, lines, list_item, one_line
from sloth_agent.adapters.parsers.headings import HeadingPath
from sloth_agent.adapters.parsers.xml import Element
from sloth_agent.knowledge.models import Block, BlockKind, Place

_UNSEEN = frozenset(
    {"script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object"}
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "map",
        "mark",
        "nobr",
        "output",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ITEMS = frozenset({"li", "dt", "dd"})
_LONGEST_CELL = 1_000
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def blocks(text: str) -> Iterator[Block]:
    parser = etree.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    root = etree.fromstring(_DECLARATION.sub("", clean(text)) or "<p/>", parser)
    if root is None:
        return
    walk = _Walk()
    title = one_line(root.findtext(".//head/title") or "")
    if title:
        walk.path.enter(0, title)
        yield Block(text=title, kind=BlockKind.HEADING, place=walk.place)
    for body in root.iterfind("./body"):
        yield from walk.element(body)
    for frame in root.iterfind("./frameset"):
        yield from walk.element(frame)


class _Walk:
    """Collects inline text until a block element begins or ends."""

    def __init__(self) -> None:
        self.path = HeadingPath()
        self._text: list[str] = []
        self._kind = BlockKind.PARAGRAPH

    @property
    def place(self) -> Place:
        return Place(headings=self.path.headings)

    def element(self, parent: Element) -> Iterator[Block]:
        """Yield the blocks inside a block element."""
        yield from self._finished()
        yield from self._inside(parent)
        yield from self._finished()

    def _inside(self, parent: Element) -> Iterator[Block]:
        self._add(parent.text)
        for child in parent:
            name = child.tag if isinstance(child.tag, str) else ""
            if name == "br":
                self._text.append("\n")
            elif name in _INLINE:
                yield from self._inside(child)
            elif name not in _UNSEEN:
                yield from self._block(child, name)
            self._add(child.tail)

    def _add(self, text: str | None) -> None:
        if text:
            self._text.append(re.sub(r"\s+", " ", text))

    def _finished(self) -> Iterator[Block]:
        text = lines("".join(self._text))
        self._text.clear()
        if text:
            is_item = self._kind is BlockKind.ITEM
            yield Block(
                text=list_item(text) if is_item else text, kind=self._kind, place=self.place
            )

    def _block(self, element: Element, name: str) -> Iterator[Block]:
        yield from self._finished()
        if name in _HEADINGS:
            title = one_line(_text(element))
            if title:
                self.path.enter(_HEADINGS[name], title)
                yield Block(text=title, kind=BlockKind.HEADING, place=self.place)
        elif name == "table" and not _is_layout(element):
            yield from self._table(element)
        elif name == "pre":
            text = clean(_text(element)).strip("\n")
            if text.strip():
                yield Block(text=text, kind=self._kind, place=self.place)
        else:
            outer = self._kind
            if name in _ITEMS:
                self._kind = BlockKind.ITEM
            yield from self.element(element)
            self._kind = outer

    def _table(self, table: Element) -> Iterator[Block]:
        for caption in table.iterfind("./caption"):
            yield from self.element(caption)
        rows = [
            tables.Row.of(_cells(row), is_header=number == 0 and row.find("./td") is None)
            for number, row in enumerate(table.iter("tr"))
        ]
        yield from tables.blocks(rows, self.place)


def _cells(row: Element) -> Iterator[str]:
    for cell in row.iterchildren("td", "th"):
        yield one_line(_text(cell))
        span = cell.get("colspan", "1")
        yield from [""] * (min(int(span), 64) - 1 if span.isdecimal() else 0)


def _text(element: Element) -> str:
    """All that is seen inside, blocks parted by white space."""
    pieces: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        name = node.tag if isinstance(node.tag, str) else ""
        if event == "start":
            if name in {"script", "style"}:
                continue
            pieces.append("\n" if name == "br" else "" if name in _INLINE else " ")
            pieces.append(node.text or "")
        elif node is not element:
            pieces.append("" if name in _INLINE else " ")
            pieces.append(node.tail or "")
    return "".join(pieces)


def _is_layout(table: Element) -> bool:
    """Old pages arrange whole articles with tables."""
    if table.find(".//table") is not None or table.find(".//h1") is not None:
        return True
    widest = max(
        (len(row.findall("./td")) + len(row.findall("./th")) for row in table.iter("tr")), default=0
    )
    if widest < 2:
        return True
    return any(len("".join(cell.itertext())) > _LONGEST_CELL for cell in table.iter("td"))
