"""Every kind of file through the limited child, as ingestion reads it."""

import io
import json
import re
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import anyio
import pytest

from sloth_agent.adapters.parsers.sandbox import SandboxReader
from sloth_agent.errors import (
    FileDamaged,
    FileEmpty,
    FileEncrypted,
    NoText,
    UnpackedTooLarge,
    UnreadableFile,
    UnsupportedFile,
)
from sloth_agent.knowledge.models import BlockKind, Reading

pytestmark = pytest.mark.anyio

# What a manifest expects, in our codes. A picture opens in a later version.
CODES = {
    "empty": {"no_text"},
    "image": {"unsupported_file"},
    "error:empty_file": {"file_empty"},
    "error:unsupported_type": {"unsupported_file"},
    "error:type_mismatch": {"unsupported_file"},
    "error:corrupt": {"file_damaged", "parse_timeout", "parse_memory", "unpacked_too_large"},
    "error:encrypted": {"file_encrypted"},
    "error:too_large": {"unpacked_too_large", "file_too_large", "too_many_pages"},
    "error:hostile_xml": {"file_damaged", "unpacked_too_large"},
}
# Files that we treat otherwise than the manifest, each for a reason.
OTHERWISE = {
    "files/docling/Strict.docx": "its one paragraph is read; the reference readers cannot open it",
    "files/pdf.js/poppler-67295-0.pdf": "a false page count, the text is whole and read",
    "files/tika/testHEIC_livePhoto.heic": "well-formed outside; pictures are not decoded yet",
}


@pytest.fixture
async def reader() -> AsyncIterator[SandboxReader]:
    reader = SandboxReader(workers=2, max_file_bytes=20 * 1024 * 1024)
    yield reader
    await reader.aclose()


def texts(reading: Reading) -> list[str]:
    return [block.text for block in reading.blocks]


# --- the whole manifest


@pytest.mark.slow
async def test_every_file_of_the_manifest_ends_as_it_says(
    reader: SandboxReader, shared_data: Path
) -> None:
    folder = shared_data / "documents"
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    deviations: list[str] = []

    async def check(entry: dict[str, Any]) -> None:
        content = (folder / entry["file"]).read_bytes()
        found = await outcome(reader, content, name=Path(entry["file"]).name)
        if entry["file"] not in OTHERWISE:
            deviations.extend(f"{entry['file']}: {each}" for each in differences(entry, found))

    async with anyio.create_task_group() as tasks:
        for entry in entries:
            tasks.start_soon(check, entry)
    assert not deviations, "\n".join(sorted(deviations))


async def outcome(reader: SandboxReader, content: bytes, *, name: str) -> Reading | UnreadableFile:
    try:
        return await reader.read(content, name=name)
    except UnreadableFile as error:
        return error


def differences(entry: dict[str, Any], found: Reading | UnreadableFile) -> list[str]:
    expected = entry["expected"]
    if isinstance(found, UnreadableFile):
        wrong = expected == "ok" or found.code not in CODES.get(expected, {found.code})
        return [f"{expected}, but {found.code}: {found.message}"] if wrong else []
    if expected not in {"ok", "any_safe"}:
        return [f"{expected}, but read: {texts(found)[:3]}"]
    missing = [f"lacks {want}" for want in entry.get("must_contain", []) if lacks(found, want)]
    whole = normal("\n".join(texts(found)))
    present = [f"has {word}" for word in entry.get("must_not_contain", []) if normal(word) in whole]
    return missing + present


def lacks(reading: Reading, want: dict[str, Any]) -> bool:
    if want.get("part", "body") not in {"body", "table"}:
        return False
    blocks = reading.blocks
    if page := want.get("page", want.get("slide")):
        blocks = tuple(block for block in blocks if block.place.page == page)
    if sheet := want.get("sheet"):
        row = int(re.sub(r"\D", "", want["cell"]))
        blocks = tuple(b for b in blocks if (b.place.sheet, b.place.row) == (sheet, row))
    text = normal("\n".join(block.text for block in blocks))
    # Cells are parted by our separator, in a CSV file by its own.
    bare = re.sub(r'[,;"]', "", text) if reading.media_type == "text/csv" else text
    sought = normal(want["text"])
    return sought not in text and re.sub(r'[,;"]', "", sought) not in bare


def normal(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s|\u00ad\u200b]+", "", composed).casefold()


# --- plain text


async def test_text_is_parted_by_blank_lines_and_keeps_its_lines(reader: SandboxReader) -> None:
    reading = await reader.read(b"Hours\nMon: 9-18\nSun: closed\n\n\nPhone: 1\n", name="a.txt")
    assert texts(reading) == ["Hours\nMon: 9-18\nSun: closed", "Phone: 1"]
    assert reading.media_type == "text/plain"


async def test_characters_that_harm_are_kept_out(reader: SandboxReader) -> None:
    content = "price\x1b[31m \u202e054\u202c \x07ok\x00 a\u200bb\n\nÀ".encode()
    reading = await reader.read(content, name="a.txt")
    assert texts(reading) == ["price[31m 054 ok ab", "À"]


async def test_markdown_keeps_its_headings_lists_and_tables(reader: SandboxReader) -> None:
    content = b"""# Salon
Welcome.

## Prices
| Service | Price |
| --- | --- |
| Cut | 650 |

- wash
- dry

Setext
------
```
# no heading
```
<!-- hidden -->
![](http://evil.example/x.png)

![Our door](http://evil.example/x.png) is _blue_.
"""
    reading = await reader.read(content, name="a.md")
    kinds = [(block.kind, block.text) for block in reading.blocks]
    assert kinds == [
        (BlockKind.HEADING, "# Salon"),
        (BlockKind.PARAGRAPH, "Welcome."),
        (BlockKind.HEADING, "## Prices"),
        (BlockKind.ROW, "Service | Price"),
        (BlockKind.ROW, "Cut | 650"),
        (BlockKind.ITEM, "- wash"),
        (BlockKind.ITEM, "- dry"),
        (BlockKind.HEADING, "Setext"),
        (BlockKind.PARAGRAPH, "# no heading"),
        (BlockKind.PARAGRAPH, "Our door is blue."),
    ]
    row = reading.blocks[4]
    assert (row.header, row.place.headings) == ("Service | Price", ("Salon", "Prices"))


async def test_html_is_read_as_it_is_seen(reader: SandboxReader) -> None:
    content = b"""<!doctype html><html><head><title>Salon</title><style>p{}</style></head><body>
<h1>Prices</h1><p>From <b>May</b>:<br>all days</p><script>notText()</script>
<table><tr><th>Service<th>Price<tr><td>Cut<td>650</table><ul><li>wash<li>dry</ul></body></html>"""
    reading = await reader.read(content, name="a.html")
    assert texts(reading) == [
        "Salon", "Prices", "From May:\nall days", "Service | Price", "Cut | 650", "• wash", "• dry",
    ]  # fmt: skip
    assert reading.blocks[4].header == "Service | Price"
    assert reading.blocks[4].place.headings == ("Salon", "Prices")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
async def test_csv_rows_bear_header_and_number(reader: SandboxReader, separator: str) -> None:
    rows = [["Service", "Price"], ["Cut, wash", "650"], ["", ""], ["Note\nof two", "1"]]
    content = "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    reading = await reader.read(content.encode(), name="prices.csv")
    assert texts(reading) == ["Service | Price", "Cut, wash | 650", "Note of two | 1"]
    assert [block.place.row for block in reading.blocks] == [1, 2, 4]
    assert reading.blocks[1].header == "Service | Price"


# --- Office


PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT_TYPES = f'<Types xmlns="{PACKAGE}/content-types"/>'
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PREFIX = f'xmlns:r="{RELATION}"'


def zipped(parts: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def relations(*parts: tuple[str, str]) -> str:
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{RELATION}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(parts, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'


def document(body: str, **parts: str) -> bytes:
    styles = (
        '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Our own"/><w:basedOn w:val="H2"/></w:style>'
    )
    inner = {"document": f"<w:body>{body}</w:body>", "styles": styles, **parts}
    files: dict[str, str | bytes] = {"[Content_Types].xml": CONTENT_TYPES}
    for name, content in inner.items():
        files[f"word/{name}.xml"] = f'<w:{name} xmlns:w="{WORD}">{content}</w:{name}>'
    related = [(name, f"{name}.xml") for name in inner if name != "document"]
    files["word/_rels/document.xml.rels"] = relations(*related)
    return zipped(files)


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(*rows: list[str]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


async def test_docx_keeps_heading_path_and_tables(reader: SandboxReader) -> None:
    body = (
        paragraph("Prices", "H1")
        + paragraph("Hair", "Own")
        + table(["Service", "Price"], ["Cut", "650"])
        + paragraph("Hours", "H1")
        + paragraph("9 to 18")
    )
    reading = await reader.read(document(body), name="a.docx")
    assert [(block.text, block.place.headings) for block in reading.blocks] == [
        ("Prices", ("Prices",)),
        ("Hair", ("Prices", "Hair")),
        ("Service | Price", ("Prices", "Hair")),
        ("Cut | 650", ("Prices", "Hair")),
        ("Hours", ("Hours",)),
        ("9 to 18", ("Hours",)),
    ]
    assert reading.blocks[3].header == "Service | Price"


async def test_docx_shows_the_text_after_all_changes(reader: SandboxReader) -> None:
    body = (
        "<w:p><w:r><w:t>costs </w:t></w:r><w:del><w:r><w:delText>500</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>650</w:t></w:r></w:ins><w:r><w:tab/><w:t>UAH</w:t></w:r></w:p>"
    )
    notes = (
        f'<w:footnote w:type="separator">{paragraph("-")}</w:footnote>'
        f"<w:footnote>{paragraph('a note')}</w:footnote>"
    )
    content = document(body, footnotes=notes, header=paragraph("our head"))
    reading = await reader.read(content, name="a.docx")
    assert texts(reading) == ["costs 650 UAH", "our head", "a note"]


def workbook(*rows: str, styles: str = "", strings: str = "", merged: str = "") -> bytes:
    sheets = '<sheets><sheet name="Hair" r:id="r1"/></sheets>'
    data = f"<sheetData>{''.join(rows)}</sheetData>"
    return zipped(
        {
            "[Content_Types].xml": CONTENT_TYPES,
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" {PREFIX}>{sheets}</workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                ("worksheet", "/xl/sheet1.xml"),
                ("styles", "styles.xml"),
                ("sharedStrings", "s.xml"),
            ),
            "xl/sheet1.xml": f'<worksheet xmlns="{SHEET}">{data}{merged}</worksheet>',
            "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">{styles}</styleSheet>',
            "xl/s.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
        }
    )


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def word(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def number(reference: str, value: str, *, style: int = 0, kind: str = "n") -> str:
    return f'<c r="{reference}" s="{style}" t="{kind}"><f>A1</f><v>{value}</v></c>'


async def test_xlsx_shows_cells_as_a_person_sees_them(reader: SandboxReader) -> None:
    formats = ["0", "164", "9", "14", "20", "165"]
    styles = (
        r'<numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ [$₴-422]"/>'
        r'<numFmt numFmtId="165" formatCode="dd\.mm\.yyyy"/></numFmts><cellXfs>'
        + "".join(f'<xf numFmtId="{id}"/>' for id in formats)
        + "</cellXfs>"
    )
    strings = "<si><t>Service</t></si><si><r><t>Pri</t></r><r><t>ce</t></r></si>"
    head = [number("A3", "0", kind="s"), number("B3", "1", kind="s"), word("C3", "Off")]
    cut = [
        number("A4", "Cut", kind="str"),
        number("B4", "1650", style=1),
        number("C4", ".15", style=2),
    ]
    rows = [
        row(1, word("A1", "Price list 2026")),
        row(3, *head, word("D3", "Since"), word("E3", "At")),
        row(4, *cut, number("D4", "46143", style=3), number("E4", "0.375", style=4)),
        row(5, word("A5", "Dry"), number("B5", "350.0"), number("D5", "46143.5", style=5)),
    ]
    reading = await reader.read(workbook(*rows, styles=styles, strings=strings), name="a.xlsx")
    assert [(block.place.row, block.text) for block in reading.blocks] == [
        (1, "Price list 2026"),
        (3, "Service | Price | Off | Since | At"),
        (4, "Cut | 1650.00 ₴ | 15% | 2026-05-01 | 09:00"),
        (5, "Dry | 350 |  | 01.05.2026"),
    ]
    assert reading.blocks[3].header == "Service | Price | Off | Since | At"
    assert reading.blocks[3].place.section == "Hair > Price list 2026"


async def test_a_cell_merged_down_says_so_in_each_row(reader: SandboxReader) -> None:
    rows = [
        row(1, word("A1", "Group"), word("B1", "Service"), word("C1", "Price")),
        row(2, word("A2", "Hair"), word("B2", "Cut"), number("C2", "650")),
        row(3, word("B3", "Dry"), number("C3", "350")),
        row(4, word("B4", "Nails"), number("C4", "450")),
    ]
    merged = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="A1:A1"/></mergeCells>'
    reading = await reader.read(workbook(*rows, merged=merged), name="a.xlsx")
    assert [block.text for block in reading.blocks] == [
        "Group | Service | Price",
        "Hair | Cut | 650",
        "Hair | Dry | 350",
        " | Nails | 450",
    ]


async def test_a_sheet_of_two_far_cells_is_small(reader: SandboxReader) -> None:
    rows = [row(1, number("A1", "1")), row(1_048_576, number("XFD1048576", "2"))]
    reading = await reader.read(workbook(*rows), name="a.xlsx")
    assert [block.text for block in reading.blocks] == ["1", "2"]


async def test_pptx_has_slides_titles_tables_and_notes(
    reader: SandboxReader, shared_data: Path
) -> None:
    path = shared_data / "documents/files/unstructured/fake-power-point-table.pptx"
    reading = await reader.read(path.read_bytes(), name=path.name)
    assert reading.blocks[0].kind is BlockKind.HEADING
    rows = [block for block in reading.blocks if block.kind is BlockKind.ROW]
    assert all(row.place.page == 1 for row in rows)
    assert rows[1].header == rows[0].text


# --- containers


def letter(**attachments: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "Olena <o@salon.example>", "client@example.org"
    message["Subject"], message["Date"] = "Ціни на травень", "Mon, 04 May 2026 10:00:00 +0300"
    message.set_content("Стрижка коштує 650 грн.\n\nЧекаємо!")
    for name, content in attachments.items():
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name.replace("_", ".")
        )
    return message.as_bytes()


async def test_mail_gives_headers_body_and_attachments(reader: SandboxReader) -> None:
    content = letter(prices_csv=b"Service,Price\nCut,650\n", photo_jpg=b"\xff\xd8\xff")
    reading = await reader.read(content, name="letter.eml")
    first, *rest = reading.blocks
    assert first.text.splitlines()[0] == "From: Olena <o@salon.example>"
    assert "Subject: Ціни на травень" in first.text
    assert [block.text for block in rest] == [
        "Стрижка коштує 650 грн.", "Чекаємо!", "Service | Price", "Cut | 650",
    ]  # fmt: skip
    assert rest[-1].place.member == "prices.csv"
    assert [(part.part, part.code) for part in reading.unread] == [("photo.jpg", "file_damaged")]


async def test_archive_reads_what_it_can_and_names_the_rest(reader: SandboxReader) -> None:
    content = zipped(
        {
            "a/hours.txt": "9 to 18",
            "a/letter.eml": letter(list_txt=b"inner"),
            "b.zip": zipped({"c.txt": "deep"}),
            "bad.pdf": "not a PDF at all",
            "__MACOSX/._hours.txt": b"\0\0\0",
        }
    )
    reading = await reader.read(content, name="all.zip")
    members = {block.place.member for block in reading.blocks}
    assert members == {"a/hours.txt", "a/letter.eml", "a/letter.eml/list.txt"}
    assert {part.part: part.code for part in reading.unread} == {
        "b.zip": "unsupported_file",
        "bad.pdf": "unsupported_file",
    }


async def test_an_archive_without_a_readable_file_fails_as_its_first(reader: SandboxReader) -> None:
    with pytest.raises(FileEmpty):
        await reader.read(zipped({"a.txt": "", "b.txt": "\n"}), name="all.zip")


async def test_pages_without_text_are_named(reader: SandboxReader, shared_data: Path) -> None:
    scan = shared_data / "documents/texts/scan.en.pdf"
    with pytest.raises(NoText, match="pages 1, 2") as caught:
        await reader.read(scan.read_bytes(), name=scan.name)
    assert caught.value.details == {"pages": [1, 2]}


async def test_a_long_pdf_is_the_same_by_one_process_and_by_two(
    reader: SandboxReader, shared_data: Path
) -> None:
    path = shared_data / "documents/texts/long.uk.pdf"
    alone = SandboxReader(workers=1, max_file_bytes=20 * 1024 * 1024)
    one = await alone.read(path.read_bytes(), name=path.name)
    await alone.aclose()
    assert await reader.read(path.read_bytes(), name=path.name) == one


# --- what looks like a PDF


QUOTED = 'A PDF begins with "%PDF-1.7" and ends with "%%EOF".'


async def test_an_archive_may_hold_a_pdf_as_it_is(reader: SandboxReader) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("broken.pdf", "%PDF-1.4 nothing more")
        archive.writestr("note.txt", "A haircut costs 40 euro.")
    reading = await reader.read(packed.getvalue(), name="all.zip")
    assert texts(reading) == ["A haircut costs 40 euro."]
    assert [part.part for part in reading.unread] == ["broken.pdf"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md", QUOTED),
        ("a.html", f"<html><body><p>{QUOTED}</p></body></html>"),
        ("a.eml", f"From: a@example.com\nTo: b@example.com\nSubject: PDF\n\n{QUOTED}\n"),
        ("a", QUOTED),
    ],
)
async def test_a_text_may_quote_how_a_pdf_begins(
    reader: SandboxReader, name: str, content: str
) -> None:
    assert QUOTED in "\n".join(texts(await reader.read(content.encode(), name=name)))


async def test_junk_may_stand_in_front_of_a_pdf(reader: SandboxReader, shared_data: Path) -> None:
    whole = (shared_data / "documents/texts/columns.en.pdf").read_bytes()
    plain = await reader.read(whole, name="a.pdf")
    for junk, name in ((b"HTTP/1.1 200 OK\r\n\r\n", "a.pdf"), (b"\xef\xbb\xbf\n", "a")):
        assert texts(await reader.read(junk + whole, name=name)) == texts(plain)


# --- refusals


def with_main_part(content: str) -> bytes:
    return zipped({"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": content})


XML_BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (b"", "a.pdf", FileEmpty),
        (b" \n\t", "a.txt", NoText),
        (b"%", "a.pdf", FileDamaged),
        (b"plain words only, nothing else", "a.pdf", UnsupportedFile),
        (b"%PDF-1.4\n" + b"\0" * 50, "a.docx", UnsupportedFile),
        (b"%PDF-1.4\n" + b"\0" * 50, "a.pdf", FileDamaged),
        (b"PK\x03\x04" + b"\1" * 90, "a.docx", FileDamaged),
        (bytes(range(256)) * 20, "a.txt", UnsupportedFile),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.doc", UnsupportedFile),
        (b"{\\rtf1 words}", "a.rtf", UnsupportedFile),
        (zipped({"x.txt": "y"}), "a.docx", UnsupportedFile),
        (zipped({}), "a.zip", FileEmpty),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), "a.odt", UnsupportedFile),
        (document("") , "a.docx", NoText),
        (with_main_part(XML_BOMB), "a.docx", FileDamaged),
        (with_main_part(" " * 40_000_000), "a.docx", UnpackedTooLarge),
        (zipped({"a.txt": b" " * 40_000_000}), "a.zip", UnpackedTooLarge),
    ],
)  # fmt: skip
async def test_a_bad_file_has_its_own_error(
    reader: SandboxReader, content: bytes, name: str, error: type[UnreadableFile]
) -> None:
    with pytest.raises(error) as caught:
        await reader.read(content, name=name)
    assert type(caught.value) is error
    assert caught.value.message.endswith(".")


async def test_a_password_is_named_as_the_reason(reader: SandboxReader, shared_data: Path) -> None:
    for name in ("hostile/password.docx", "hostile/password.xlsx", "texts/user-password.en.pdf"):
        path = shared_data / "documents" / name
        with pytest.raises(FileEncrypted):
            await reader.read(path.read_bytes(), name=path.name)
