"""Rows of cells to blocks: headers, titles, section labels, several tables on one sheet."""

import pytest

from sloth_agent.adapters.parsers.tables import Row, blocks
from sloth_agent.knowledge.models import Block, BlockKind, Place


def read(*lines: str) -> list[Block]:
    rows = (
        Row.of((cell.strip() for cell in line.split("|")), number=number)
        for number, line in enumerate(lines, 1)
    )
    return list(blocks(rows, Place(sheet="S")))


def headers(found: list[Block]) -> list[str]:
    return [block.header for block in found if block.kind is BlockKind.ROW]


def test_the_first_row_of_words_is_the_header_of_those_below() -> None:
    found = read("Service|Price", "Cut|650", "Dry|350")
    assert headers(found) == ["", "Service | Price", "Service | Price"]


@pytest.mark.parametrize(
    "lines",
    [
        ("Cut|650", "Dry|350"),
        ("Phone|+380 32 000 01 23", "Street|Lypova 12", "Mail|hello@salon.example"),
        ("Opens at|9", "Closes at|18"),
        ("Monday|09:00-18:00", "Tuesday|10:00-19:00"),
    ],
)
def test_pairs_have_no_header(lines: tuple[str, ...]) -> None:
    assert headers(read(*lines)) == [""] * len(lines)


def test_years_may_head_columns() -> None:
    found = read("Revenue|2024|2025", "Hair|10|12")
    assert headers(found) == ["", "Revenue | 2024 | 2025"]


def test_units_may_head_columns_of_amounts() -> None:
    found = read("Lesson|30 min|45 min", "Piano|70 zł|100 zł", "Drums|85 zł|115 zł")
    assert headers(found) == ["", *["Lesson | 30 min | 45 min"] * 2]


def test_an_amount_is_no_header_of_amounts_like_it() -> None:
    assert headers(read("Piano|70 zł|30 min", "Drums|85 zł|45 min")) == ["", ""]
    assert headers(read("Piano|70|30", "Drums|85|45 min")) == ["", ""]


def test_a_title_above_a_table_and_labels_inside_are_headings() -> None:
    found = read(
        "Price list", "Service|Price", "Women", "Cut|650", "Men", "Cut|400", "Prices in UAH"
    )
    assert [(block.kind, block.text) for block in found if block.kind is not BlockKind.ROW] == [
        (BlockKind.HEADING, "Price list"),
        (BlockKind.HEADING, "Women"),
        (BlockKind.HEADING, "Men"),
        (BlockKind.PARAGRAPH, "Prices in UAH"),
    ]
    rows = [block for block in found if block.text.startswith("Cut")]
    assert [row.place.headings for row in rows] == [
        ("Price list", "Women"),
        ("Price list", "Men"),
    ]
    assert {row.header for row in rows} == {"Service | Price"}


def test_a_title_may_stand_apart_from_its_table() -> None:
    found = read(
        "Our prices", "", "", "|Service|Price", "|Cut|650", "", "Only cash.", "", "Call us."
    )
    assert [block.text for block in found] == [
        "Our prices",
        "Service | Price",
        "Cut | 650",
        "Only cash.",
        "Call us.",
    ]
    assert found[2].place.headings == ("Our prices",)
    assert found[3].kind is BlockKind.PARAGRAPH


def test_a_long_table_keeps_its_header_to_the_end() -> None:
    found = read("Service|Price", *(f"Cut {number}|{number}" for number in range(12_000)))
    assert len(found) == 12_001
    assert {block.header for block in found[1:]} == {"Service | Price"}


def test_tables_parted_by_an_empty_row_have_their_own_headers() -> None:
    found = read("Service|Price", "Cut|650", "", "Name|Day|Room", "Olena|Monday|2")
    assert headers(found) == ["", "Service | Price", "", "Name | Day | Room"]


def test_a_header_goes_on_over_an_empty_row() -> None:
    found = read("Service|Price|Minutes", "Cut|650|60", "", "Dry|350|40")
    assert headers(found)[-1] == "Service | Price | Minutes"


def test_tables_side_by_side_are_two() -> None:
    found = read("Women|Price||Men|Price", "Cut|650||Cut|400", "Dry|350||Beard|250")
    assert [block.text for block in found] == [
        "Women | Price",
        "Cut | 650",
        "Dry | 350",
        "Men | Price",
        "Cut | 400",
        "Beard | 250",
    ]
    assert found[-1].header == "Men | Price"


def test_an_empty_column_leaves_a_table_whole() -> None:
    found = read("Service|Minutes||Price|Notes", "Cut|60||650|by phone", "Dry|30||350|any day")
    assert [block.text for block in found[1:]] == [
        "Cut | 60 | 650 | by phone",
        "Dry | 30 | 350 | any day",
    ]


def test_an_empty_cell_keeps_its_place() -> None:
    found = read("Service|Short|Long", "Cut||650", "Dry|350|")
    assert [block.text for block in found[1:]] == ["Cut |  | 650", "Dry | 350"]


def test_one_column_is_prose() -> None:
    found = read("We are closed on Sunday.", "Call us.")
    assert [block.kind for block in found] == [BlockKind.PARAGRAPH] * 2
    assert [block.place.row for block in found] == [1, 2]
