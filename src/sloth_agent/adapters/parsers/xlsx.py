"""XLSX: cells as a person sees them, row by row, with their sheet and row number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sloth_agent.adapters.parsers import tables
from sloth_agent.adapters.parsers.bounds import bounded
from sloth_agent.adapters.parsers.cleaning import one_line
from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.number_formats import NumberFormats
from sloth_agent.adapters.parsers.packages import Package
from sloth_agent.adapters.parsers.xml import Element, attribute, each
from sloth_agent.errors import NoText, UnpackedTooLarge, UnsupportedFile
from sloth_agent.knowledge.models import Place, Reading, Unread

MAX_CELLS = 2_000_000
_MOST_MERGED = 500  # each is looked at for every row
_COLUMN = re.compile(r"[A-Z]{1,3}")
_RANGE = re.compile(r"(?P<column>[A-Z]{1,3})(?P<first>\d{1,7}):(?P=column)(?P<last>\d{1,7})")
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576


def read(package: Package) -> Reading:
    """Raises:
    FileDamaged, UnpackedTooLarge
    NoText: no cell of a visible sheet holds anything.
    """
    book = _Workbook(package)
    shown = [(name, path) for name, path, is_storage in book.sheets if not is_storage]
    unread = [_left_out(name) for name, _, is_storage in book.sheets if is_storage]
    blocks = bounded(
        block for name, path in shown for block in tables.blocks(book.rows(path), Place(sheet=name))
    )
    if not blocks:
        raise NoText("There is nothing in the cells of this workbook.")
    return Reading(
        media_type=Kind.XLSX, blocks=blocks, pages=len(book.sheets), unread=tuple(unread)
    )


def _left_out(name: str) -> Unread:
    message = "Excel does not show this sheet at all: it is kept by a program, and was left out."
    return Unread(part=f"sheet {name}", code=UnsupportedFile.code, message=message)


class _Workbook:
    def __init__(self, package: Package) -> None:
        self._package = package
        self._cells = 0
        main = package.main_part("xl/workbook.xml")
        root = package.xml(main)
        related = package.related(main)
        self.sheets = list(_sheets(root, related))
        properties = root.find("{*}workbookPr")
        since_1904 = properties is not None and properties.get("date1904") in {"1", "true"}
        parts = dict(related.values())
        styles = package.xml(parts["styles"]) if parts.get("styles") in package.entries else None
        self._formats = NumberFormats(styles, since_1904=since_1904)
        strings = parts.get("sharedStrings")
        self._strings = _shared_strings(package.read(strings)) if strings in package.entries else []

    def rows(self, path: str) -> Iterator[tables.Row]:
        """Yield the rows of a sheet in order, an empty one for any gap."""
        last = 0
        content = self._package.read(path)
        merged = _merged_down(content)
        for element in each(content, "row"):
            number = _row_number(element, last)
            cells = self._row(element)
            if not cells:
                continue
            for one in merged:
                one.fill(cells, number)
            if number > last + 1:
                yield tables.Row({})
            last = number
            yield tables.Row(cells, number)

    def _row(self, row: Element) -> dict[int, str]:
        cells: dict[int, str] = {}
        column = 0
        for cell in row.iterfind("{*}c"):
            column = _column(cell.get("r"), column)
            text = self._shown(cell)
            if text:
                cells[column] = text
                self._cells += 1
        if self._cells > MAX_CELLS:
            raise UnpackedTooLarge(
                f"The workbook has more than {MAX_CELLS:,} cells.", hint="Split it."
            )
        return cells

    def _shown(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return one_line("".join(cell.itertext("{*}t")))
        value = cell.findtext("{*}v")
        if value is None or kind == "e":
            return ""  # a broken formula says nothing about the firm
        if kind == "s":
            return self._shared(value)
        if kind == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        shown = self._formats.shown(value, cell.get("s")) if kind == "n" else unescaped(value)
        return one_line(shown)

    def _shared(self, index: str) -> str:
        try:
            number = int(index)
        except ValueError as error:
            raise damaged() from error
        if not 0 <= number < len(self._strings):
            raise damaged()
        return self._strings[number]


@dataclass(slots=True)
class _Merged:
    """Cells of one column merged into one, which says what each of its rows is about."""

    column: int
    first: int
    last: int
    text: str = ""

    def fill(self, cells: dict[int, str], row: int) -> None:
        if row == self.first:
            self.text = cells.get(self.column, "")
        elif self.first < row <= self.last and self.text:
            cells.setdefault(self.column, self.text)


def _merged_down(content: bytes) -> list[_Merged]:
    if b"mergeCell " not in content:
        return []
    ranges = (_RANGE.fullmatch(found.get("ref", "")) for found in each(content, "mergeCell"))
    return [
        _Merged(_column(cells["column"], 0), int(cells["first"]), int(cells["last"]))
        for cells in islice(filter(None, ranges), _MOST_MERGED)
    ]


def _sheets(root: Element, related: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    for element in root.iterfind("{*}sheets/{*}sheet"):
        kind, path = related.get(attribute(element, "id"), ("", ""))
        if kind == "worksheet":  # a sheet may also be a chart or a dialogue
            # Hidden sheets are read like hidden text anywhere; these no user can unhide.
            is_storage = element.get("state") == "veryHidden"
            yield one_line(element.get("name", "")), path, is_storage


def _shared_strings(content: bytes) -> list[str]:
    return [one_line(unescaped(_string(item))) for item in each(content, "si")]


def _string(item: Element) -> str:
    direct = item.findtext("{*}t") or ""
    return direct + "".join(run.findtext("{*}t") or "" for run in item.iterfind("{*}r"))


def unescaped(text: str) -> str:
    """`_x000D_` stands for a character that XML cannot hold."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def _row_number(row: Element, last: int) -> int:
    try:
        number = int(row.get("r", last + 1))
    except ValueError as error:
        raise damaged() from error
    if not last < number <= _LAST_ROW:
        raise damaged()
    return number


def _column(reference: str | None, last: int) -> int:
    letters = _COLUMN.match(reference.upper()) if reference else None
    if letters is None:
        return last + 1
    column = 0
    for letter in letters[0]:
        column = column * 26 + ord(letter) - 64
    return min(column, _LAST_COLUMN)
