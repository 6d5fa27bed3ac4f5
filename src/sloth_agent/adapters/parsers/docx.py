"""DOCX: body in order with its heading path, then headers, footers, notes and comments."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from sloth_agent.adapters.parsers import tables
from sloth_agent.adapters.parsers.bounds import bounded
from sloth_agent.adapters.parsers.cleaning import lines, list_item, one_line
from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.adapters.parsers.headings import HeadingPath
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.packages import Package
from sloth_agent.adapters.parsers.xml import Element, attribute, tag
from sloth_agent.errors import NoText
from sloth_agent.knowledge.models import Block, BlockKind, Place, Reading

_EXTRAS = ("header", "footer", "footnotes", "endnotes", "comments")
_SKIPPED = frozenset(
    {"del", "moveFrom", "instrText", "delText", "delInstrText", "Fallback", "rt", "pPr", "rPr"}
)
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_WRAPPERS = frozenset(
    [
        "AlternateContent",
        "Choice",
        "body",
        "comment",
        "customXml",
        "endnote",
        "footnote",
        "ins",
        "moveTo",
        "sdt",
        "sdtContent",
        "smartTag",
        "txbxContent",
    ]
)
_SEPARATORS = frozenset({"separator", "continuationSeparator"})  # the line above footnotes


@dataclass(frozen=True, slots=True)
class _Style:
    level: int | None = None  # of a heading, 0 for the title; None for other text
    is_item: bool = False


def read(package: Package) -> Reading:
    """Raises:
    FileDamaged, UnpackedTooLarge
    NoText: neither body nor notes hold anything.
    """
    main = package.main_part("word/document.xml")
    root = package.xml(main)
    related = package.related(main)
    styles = next((path for kind, path in related.values() if kind == "styles"), "")
    known = _styles(package.xml(styles)) if styles in package.entries else {}
    body = next(root.iter("{*}body"), None)
    if body is None:
        raise damaged()
    found = bounded(chain(_Walk(known).blocks(body), _extras(package, related, known)))
    if not found:
        raise NoText(
            "There is no text in this document.", hint="If it holds scans, export it with its text."
        )
    return Reading(media_type=Kind.DOCX, blocks=found)


def _extras(
    package: Package, related: dict[str, tuple[str, str]], styles: dict[str, _Style]
) -> Iterator[Block]:
    """Text beside the body, each text once however many sections repeat it."""
    seen: set[str] = set()
    for wanted in _EXTRAS:
        paths = [
            path for kind, path in related.values() if kind == wanted and path in package.entries
        ]
        for path in paths:
            for block in _Walk(styles).blocks(package.xml(path)):
                if block.text not in seen:
                    seen.add(block.text)
                    yield replace(block, place=Place())


def _styles(root: Element) -> dict[str, _Style]:
    """Heading and list styles by id, also those made from another one."""
    found: dict[str, _Style] = {}
    based_on: dict[str, str] = {}
    for element in root.iterfind("{*}style"):
        id = attribute(element, "styleId")
        parent = element.find("{*}basedOn")
        if parent is not None:
            based_on[id] = _value(parent)
        style = _style(element)
        if style is not None:
            found[id] = style
    for id in based_on:
        ancestor, steps = id, 0
        while ancestor not in found and ancestor in based_on and steps < 20:
            ancestor, steps = based_on[ancestor], steps + 1
        if ancestor in found:
            found[id] = found[ancestor]
    return found


def _style(element: Element) -> _Style | None:
    """What the style says by itself; its name is English in every language of Word."""
    named = element.find("{*}name")
    name = "" if named is None else _value(named).lower()
    if name == "title":
        return _Style(level=0)
    if name.startswith("heading ") and name[8:].isdecimal():
        return _Style(level=int(name[8:]))
    level = _outline_level(element)
    if level is not None:
        return _Style(level=level)
    numbered = element.find("{*}pPr/{*}numPr") is not None
    return _Style(is_item=True) if numbered or name.startswith("list ") else None


def _outline_level(element: Element) -> int | None:
    outline = element.find("{*}pPr/{*}outlineLvl")
    if outline is None or _value(outline) not in set("012345678"):
        return None
    return int(_value(outline)) + 1


def _value(element: Element) -> str:
    return attribute(element, "val")


@dataclass(slots=True)
class _Walk:
    styles: dict[str, _Style]
    path: HeadingPath = field(default_factory=HeadingPath)

    @property
    def place(self) -> Place:
        return Place(headings=self.path.headings)

    def blocks(self, parent: Element) -> Iterator[Block]:
        for child in parent:
            name = tag(child)
            if name == "p":
                yield from self._paragraph(child)
            elif name == "tbl":
                yield from self._table(child)
            elif name in _WRAPPERS and attribute(child, "type") not in _SEPARATORS:
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        boxes: list[Element] = []
        text = lines(_text(paragraph, boxes))
        if text:
            yield self._block(paragraph, text)
        for box in boxes:
            yield from self.blocks(box)

    def _block(self, paragraph: Element, text: str) -> Block:
        named = paragraph.find("{*}pPr/{*}pStyle")
        style = _Style() if named is None else self.styles.get(_value(named), _Style())
        own = _outline_level(paragraph)
        level = style.level if own is None else own
        if level is not None:
            text = one_line(text)
            self.path.enter(level, text)
            return Block(text=text, kind=BlockKind.HEADING, place=self.place)
        is_item = style.is_item or paragraph.find("{*}pPr/{*}numPr") is not None
        if is_item:
            return Block(text=list_item(text), kind=BlockKind.ITEM, place=self.place)
        return Block(text=text, place=self.place)

    def _table(self, table: Element) -> Iterator[Block]:
        rows = [list(_unwrapped(row, "tc")) for row in _unwrapped(table, "tr")]
        if max((len(cells) for cells in rows), default=0) <= 1:
            # One column: a frame around text rather than a table.
            for cells in rows:
                for cell in cells:
                    yield from self.blocks(cell)
            return
        elements = _unwrapped(table, "tr")
        texts = _row_texts(rows)
        found = [
            tables.Row.of(
                cells, is_header=row.find("{*}trPr/{*}tblHeader") is not None and not number
            )
            for number, (row, cells) in enumerate(zip(elements, texts, strict=True))
        ]
        yield from tables.blocks(found, self.place)


def _unwrapped(parent: Element, wanted: str) -> Iterator[Element]:
    for child in parent:
        name = tag(child)
        if name == wanted:
            yield child
        elif name in _WRAPPERS:
            yield from _unwrapped(child, wanted)


def _row_texts(rows: list[list[Element]]) -> Iterator[list[str]]:
    """Texts by column; a cell merged over rows gives its text to each of them."""
    above: dict[int, str] = {}
    for cells in rows:
        texts: list[str] = []
        for cell in cells:
            column = len(texts)
            merge = cell.find("{*}tcPr/{*}vMerge")
            if merge is not None and _value(merge) != "restart":
                text = above.get(column, "")
            else:
                text = one_line(_cell_text(cell))
            above[column] = text
            span = cell.find("{*}tcPr/{*}gridSpan")
            width = int(_value(span)) if span is not None and _value(span).isdecimal() else 1
            texts += [text, *[""] * (min(width, 64) - 1)]
        yield texts


def _cell_text(cell: Element) -> str:
    boxes: list[Element] = []
    parts = [_text(paragraph, boxes) for paragraph in cell.iter("{*}p")]
    return "\n".join(parts)


def _text(element: Element, boxes: list[Element]) -> str:
    """Text as it stands after accepting tracked changes; text boxes are put into `boxes`."""
    pieces: list[str] = []
    pending = list(reversed(element))
    while pending:
        child = pending.pop()
        name = tag(child)
        if name == "t":
            pieces.append(child.text or "")
        elif name == "txbxContent":
            boxes.append(child)
        elif name in _BREAKS:
            pieces.append(_BREAKS[name])
        elif name not in _SKIPPED:
            pending.extend(reversed(child))
    return "".join(pieces)
