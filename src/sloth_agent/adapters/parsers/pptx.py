"""PPTX: slide by slide, title first, then text, tables, notes and comments."""

from collections.abc import Iterator

from sloth_agent.adapters.parsers import tables
from sloth_agent.adapters.parsers.cleaning import lines, list_item, one_line
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.packages import Package
from sloth_agent.adapters.parsers.xml import Element, attribute, tag
from sloth_agent.errors import NoText
from sloth_agent.knowledge.models import Block, BlockKind, Place, Reading, Unread

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "sldImg"})  # the number of the slide, its picture in the notes


def read(package: Package) -> Reading:
    """Raises:
    FileDamaged, UnpackedTooLarge
    NoText: no slide has text.
    """
    main = package.main_part("ppt/presentation.xml")
    related = package.related(main)
    found: list[Block] = []
    unread: list[Unread] = []
    number = 0
    for entry in package.xml(main).iterfind("{*}sldIdLst/{*}sldId"):
        _, path = related.get(attribute(entry, "id"), ("", ""))
        if path not in package.entries:
            continue
        number += 1
        root = package.xml(path)
        blocks = [*_slide(root, number), *_beside(package, path, number)]
        found += blocks
        if not blocks and next(root.iter("{*}pic"), None) is not None:
            unread.append(_picture_only(number))
    if not found:
        raise NoText(
            "No slide of this presentation has text in it.",
            hint="Text in pictures will be read in a later version.",
            pages=list(range(1, number + 1)),
        )
    return Reading(
        media_type=Kind.PPTX, blocks=tuple(found), pages=number or None, unread=tuple(unread)
    )


def _picture_only(number: int) -> Unread:
    message = f"Slide {number} has pictures but no text."
    return Unread(part=f"slide {number}", code=NoText.code, message=message)


def _slide(root: Element, number: int) -> Iterator[Block]:
    shapes = [shape for shape in root.iter("{*}sp", "{*}tbl") if not _is_fallback(shape)]
    titles = [shape for shape in shapes if _role(shape) in _TITLES]
    place = Place(page=number)
    for shape in titles:
        title = one_line(_text(shape))
        if title:
            place = Place(page=number, headings=(title,))
            yield Block(text=title, kind=BlockKind.HEADING, place=place)
    for shape in shapes:
        if tag(shape) == "tbl":
            yield from tables.blocks(_rows(shape), place)
        elif shape not in titles and _role(shape) not in _FURNITURE:
            yield from _paragraphs(shape, place, listed=_role(shape) == "body")


def _beside(package: Package, path: str, number: int) -> Iterator[Block]:
    place = Place(page=number)
    for kind, part in package.related(path).values():
        if part not in package.entries:
            continue
        if kind == "notesSlide":
            for shape in package.xml(part).iter("{*}sp"):
                if _role(shape) == "body":
                    yield from _paragraphs(shape, place, listed=False)
        elif kind == "comments":
            for comment in package.xml(part).iter("{*}text"):
                text = lines(comment.text or "")
                if text:
                    yield Block(text=text, place=place)


def _is_fallback(shape: Element) -> bool:
    return any(tag(ancestor) == "Fallback" for ancestor in shape.iterancestors())


def _role(shape: Element) -> str:
    """What the layout keeps this shape for: title, body, ...; empty for a free one."""
    holder = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
    return "" if holder is None else holder.get("type", "body")


def _paragraphs(shape: Element, place: Place, *, listed: bool) -> Iterator[Block]:
    for paragraph in shape.iter("{*}p"):
        text = lines(_text(paragraph))
        if text and listed:
            yield Block(text=list_item(text), kind=BlockKind.ITEM, place=place)
        elif text:
            yield Block(text=text, place=place)


def _text(parent: Element) -> str:
    pieces: list[str] = []
    for element in parent.iter("{*}t", "{*}br", "{*}p"):
        name = tag(element)
        pieces.append((element.text or "") if name == "t" else "\n")
    return "".join(pieces)


def _rows(table: Element) -> Iterator[tables.Row]:
    above: dict[int, str] = {}
    for row in table.iterfind("{*}tr"):
        texts: list[str] = []
        for column, cell in enumerate(row.iterfind("{*}tc")):
            merged = cell.get("vMerge") in {"1", "true"}
            above[column] = above.get(column, "") if merged else one_line(_text(cell))
            texts.append(above[column])
        yield tables.Row.of(texts)
