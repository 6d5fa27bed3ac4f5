"""Rows of cells to blocks: titles and section labels become headings, the header row is found."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from typing import Self

from sloth_agent.knowledge.models import CELL_SEPARATOR, Block, BlockKind, Place

# An amount, a date, a time, a phone number: digits with at most a unit beside them.
_VALUE = re.compile(r"(?=.*\d)[^\w]*[\d\s.,:;/%()+*×x–—-]*\w{0,4}\W*", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONGEST_LABEL = 80
_MOST_AT_ONCE = 5_000  # rows held while their columns and header are looked for


@dataclass(frozen=True, slots=True)
class Row:
    cells: Mapping[int, str]  # column to text on one line; empty cells are absent
    number: int | None = None  # from 1; None where rows bear no numbers
    is_header: bool = False  # the file itself says so

    @property
    def filled(self) -> list[int]:
        return sorted(self.cells)

    @classmethod
    def of(
        cls, cells: Iterable[str], *, number: int | None = None, is_header: bool = False
    ) -> Self:
        filled = {column: cell for column, cell in enumerate(cells, 1) if cell}
        return cls(filled, number=number, is_header=is_header)


@dataclass(slots=True)
class _Table:
    """A header and the headings above it, in force until something else replaces them."""

    place: Place
    columns: list[int] = field(default_factory=list)
    header: str = ""
    title: tuple[str, ...] = ()
    label: tuple[str, ...] = ()

    def at(self, row: Row) -> Place:
        headings = (*self.place.headings, *self.title, *self.label)
        return replace(self.place, row=row.number, headings=headings)

    def text(self, row: Row) -> str:
        cells = [row.cells.get(column, "") for column in self.columns]
        return CELL_SEPARATOR.join(cells).rstrip(" |")


def blocks(rows: Iterable[Row], place: Place) -> Iterator[Block]:
    """Yield the blocks of one sheet or table; empty rows part it into tables.

    A table without a header of its own keeps the one above, where its columns fit under it.
    """
    table = _Table(place)
    for group, goes_on in _groups(rows):
        if goes_on:
            yield from _more(group, table)
        else:
            yield from _group(group, table)


def _groups(rows: Iterable[Row]) -> Iterator[tuple[list[Row], bool]]:
    """Yield rows without an empty one between, and whether they go on from those before.

    A title parted from its table by an empty row comes with the table.
    """
    group: list[Row] = []
    goes_on = parted = False
    for row in rows:
        if not row.cells:
            parted = True
            continue
        ended = parted and group and not (len(group) == 1 and _may_be_title(group[0]))
        if ended or len(group) == _MOST_AT_ONCE:
            yield group, goes_on
            group, goes_on = [], not parted
        parted = False
        group.append(row)
    if group:
        yield group, goes_on


def _may_be_title(row: Row) -> bool:
    return len(row.cells) == 1 and len(next(iter(row.cells.values()))) <= _LONGEST_LABEL


def _group(group: list[Row], table: _Table) -> Iterator[Block]:
    first = next((i for i, row in enumerate(group) if len(row.cells) > 1), len(group))
    if first == len(group):
        yield from _prose(group, table)
        return
    titles, body = group[:first], group[first:]
    columns = sorted({column for row in body for column in row.cells})
    if titles:
        table.title, table.label = (), ()
        yield from _titles(titles, table)
    sides = _side_by_side(columns, body)
    for side in sides:
        part, own = (body, table) if len(sides) == 1 else (_only(side, body), replace(table))
        yield from _part(part, [column for column in columns if column in side], own)


def _titles(titles: list[Row], table: _Table) -> Iterator[Block]:
    for row in titles:
        [text] = row.cells.values()
        if len(text) <= _LONGEST_LABEL:
            table.title = (text,)
            yield Block(text=text, kind=BlockKind.HEADING, place=table.at(row))
        else:
            yield Block(text=text, place=table.at(row))


def _part(body: list[Row], columns: list[int], table: _Table) -> Iterator[Block]:
    has_header = _is_header(body[0], body[1:], columns)
    if has_header or not set(columns) <= set(table.columns):
        table.columns, table.header, table.label = columns, "", ()
    if has_header:
        yield Block(text=table.text(body[0]), kind=BlockKind.ROW, place=table.at(body[0]))
        table.header = table.text(body[0])
        body = body[1:]
    yield from _body(body, table)


def _more(group: list[Row], table: _Table) -> Iterator[Block]:
    """Further rows of a table too long to be looked at as a whole."""
    columns = {column for row in group for column in row.filled}
    table.columns = sorted(columns | set(table.columns))
    yield from _body(group, table)


def _body(body: list[Row], table: _Table) -> Iterator[Block]:
    for row, following in zip_longest(body, body[1:]):
        yield _body_row(row, following, table)


def _body_row(row: Row, following: Row | None, table: _Table) -> Block:
    if len(row.filled) > 1:
        return Block(
            text=table.text(row), kind=BlockKind.ROW, place=table.at(row), header=table.header
        )
    text = row.cells[row.filled[0]]
    opens_section = (
        following is not None and len(following.filled) > 1 and not _VALUE.fullmatch(text)
    )
    if opens_section and len(text) <= _LONGEST_LABEL and row.filled[0] == table.columns[0]:
        table.label = (text,)
        return Block(text=text, kind=BlockKind.HEADING, place=table.at(row))
    if row.filled[0] == table.columns[0] or not table.header:
        return Block(text=text, place=table.at(row))
    return Block(text=table.text(row), kind=BlockKind.ROW, place=table.at(row), header=table.header)


def _side_by_side(columns: list[int], body: list[Row]) -> list[range]:
    """Ranges of columns that are tables of their own: parted by an empty column, and more alike
    or more apart than the halves of one table are. In doubt the row stays whole."""
    gaps = [column for column, following in pairwise(columns) if following > column + 1]
    starts = [columns[0], *(columns[columns.index(gap) + 1] for gap in gaps)]
    sides = [range(start, end + 1) for start, end in zip(starts, [*gaps, columns[-1]], strict=True)]
    whole = [range(columns[0], columns[-1] + 1)]
    if len(sides) == 1 or not all(
        len(side) > 1 and _begins_with_names(side, body) for side in sides
    ):
        return whole
    return sides if _headers_repeat(sides, body[0]) or _rows_differ(sides, body) else whole


def _begins_with_names(side: range, body: list[Row]) -> bool:
    """The first column says what a row is about; a column of amounts goes on with another's."""
    first = [row.cells[side[0]] for row in body if side[0] in row.cells]
    amounts = sum(bool(_VALUE.fullmatch(cell)) for cell in first)
    return amounts * 2 < len(first)


def _headers_repeat(sides: list[range], header: Row) -> bool:
    named = [{text for column, text in header.cells.items() if column in side} for side in sides]
    return any(one & other for one, other in pairwise(named))


def _rows_differ(sides: list[range], body: list[Row]) -> bool:
    """Some row lies on one side alone."""
    return any(
        any(not any(column in row.cells for column in side) for side in sides) for row in body
    )


def _only(side: range, group: list[Row]) -> list[Row]:
    """The part of every row that lies in `side`; rows without one are left out."""
    cut = (replace(row, cells={c: t for c, t in row.cells.items() if c in side}) for row in group)
    return [row for row in cut if row.cells]


def _prose(group: list[Row], table: _Table) -> Iterator[Block]:
    for row in group:
        text = row.cells[row.filled[0]]
        yield Block(text=text, place=replace(table.place, row=row.number))


def _is_header(row: Row, below: list[Row], columns: list[int]) -> bool:
    if row.is_header:
        return True
    cells = [row.cells[index] for index in row.filled]
    if not below or len(cells) < max(2, len(columns) / 2):
        return False
    if any(len(cell) > _LONGEST_LABEL for cell in cells):
        return False
    named = [cell for cell in cells if not _VALUE.fullmatch(cell)]
    if len(named) < len(cells):
        years = [cell for cell in cells[1:] if _YEAR.fullmatch(cell)]
        all_years = len(years) >= 2 and len(named) + len(years) == len(cells)
        return all_years or _measures_head_columns(row, below)
    if len(columns) == 2:
        return _names_two_columns(cells, below, columns)
    return True


def _measures_head_columns(row: Row, below: list[Row]) -> bool:
    """Amounts over columns of amounts in another unit: 30 min and 60 min above prices."""
    first, *others = row.filled
    measured = [column for column in others if _VALUE.fullmatch(row.cells[column])]
    if _VALUE.fullmatch(row.cells[first]) or not measured:
        return False
    return all(_unit(row.cells[column]) not in _units(below, column) for column in measured)


def _units(rows: list[Row], column: int) -> set[str]:
    """The units of a column's amounts, and of no amount at all: that is in every column."""
    cells = (row.cells[column] for row in rows if column in row.cells)
    return {"", *(_unit(cell) for cell in cells)}


def _unit(amount: str) -> str:
    return "".join(sign for sign in amount.lower() if sign.isalpha() or sign in "%€$£₴")


def _names_two_columns(cells: list[str], below: list[Row], columns: list[int]) -> bool:
    """Two columns of words may be a header over pairs, or just the first of the pairs."""
    values = [row.cells[columns[1]] for row in below if columns[1] in row.cells]
    amounts = sum(bool(_VALUE.fullmatch(value)) for value in values)
    if amounts * 2 > len(values):
        return True
    return not any(re.search(r"\d|@|://|[.!?:]$", cell) for cell in cells) and all(
        len(cell) <= 40 for cell in cells
    )
