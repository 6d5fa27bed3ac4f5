"""What a cell shows for a number under a format."""

import pytest
from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from sloth_agent.adapters.parsers.number_formats import NumberFormats

CASES = [
    ("General", "650.0", "650"),
    ("General", "0.1", "0.1"),
    ("General", "0.30000000000000004", "0.3"),
    ("General", "1234567890123", "1234567890123"),
    ("0", "2.6", "3"),
    ("0.00", "49.9", "49.90"),
    ("#,##0", "1650", "1650"),
    ("#,##0.##", "12.5", "12.5"),
    ("#,##0.##", "12", "12"),
    ("0%", "0.15", "15%"),
    ("0.0%", "0.155", "15.5%"),
    ('#,##0\\ "грн"', "650", "650 грн"),
    ("[$€-407]#,##0.00", "12.5", "€12.50"),
    ("#,##0.00 [$zł-415];[Red]-#,##0.00 [$zł-415]", "-3", "-3.00 zł"),
    ("0.00;(0.00)", "-3", "(3.00)"),
    ("0;-0;free", "0", "free"),
    ("yyyy-mm-dd", "46143", "2026-05-01"),
    ("dd.mm.yyyy", "46143", "01.05.2026"),
    ("m/d/yyyy", "46143", "2026-05-01"),
    ("d mmm yyyy", "46143", "2026-05-01"),
    ("dd/mm/yyyy hh:mm", "46143.75", "2026-05-01 18:00"),
    ("h:mm", "0.375", "09:00"),
    ("h:mm AM/PM", "0.75", "18:00"),
    ("h:mm:ss", "0.3750116", "09:00:01"),
    ("[h]:mm", "1.5", "36:00"),
    ("yyyy-mm-dd", "-5", "-5"),
    ("0.00", "much", "much"),
    ("0.00", "nan", "nan"),
    ("0.00", "1e309", "inf"),
]


@pytest.mark.parametrize(("code", "value", "shown"), CASES)
def test_a_number_is_shown_as_its_format_says(code: str, value: str, shown: str) -> None:
    styles = etree.Element("styleSheet")
    own = etree.SubElement(etree.SubElement(styles, "numFmts"), "numFmt")
    own.set("numFmtId", "164")
    own.set("formatCode", code)
    etree.SubElement(etree.SubElement(styles, "cellXfs"), "xf").set("numFmtId", "164")
    assert NumberFormats(styles, since_1904=False).shown(value, "0") == shown


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    styles = etree.fromstring('<s><cellXfs><xf numFmtId="14"/></cellXfs></s>')
    assert NumberFormats(styles, since_1904=True).shown("44681", "0") == "2026-05-01"


def test_a_workbook_without_styles_shows_plain_numbers() -> None:
    assert NumberFormats(None, since_1904=False).shown("7.50", "3") == "7.5"
