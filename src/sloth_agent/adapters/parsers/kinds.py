"""What a file is, by its content; the name only chooses among the kinds that are plain text."""

import json
import re
from enum import StrEnum
from pathlib import PurePosixPath

from sloth_agent.errors import FileDamaged, FileEmpty, FileEncrypted, UnsupportedFile


class Kind(StrEnum):
    """The value is the media type."""

    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    ZIP = "application/zip"
    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    CSV = "text/csv"
    EMAIL = "message/rfc822"
    PICTURE = "image/*"


TEXTS = frozenset({Kind.TEXT, Kind.MARKDOWN, Kind.HTML, Kind.CSV, Kind.EMAIL})

_BY_EXTENSION = {
    "pdf": Kind.PDF,
    "docx": Kind.DOCX,
    "xlsx": Kind.XLSX,
    "pptx": Kind.PPTX,
    "zip": Kind.ZIP,
    "txt": Kind.TEXT,
    "text": Kind.TEXT,
    "md": Kind.MARKDOWN,
    "markdown": Kind.MARKDOWN,
    "html": Kind.HTML,
    "htm": Kind.HTML,
    "xhtml": Kind.HTML,
    "csv": Kind.CSV,
    "tsv": Kind.CSV,
    "eml": Kind.EMAIL,
    **dict.fromkeys(
        ("jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "heic", "heif", "avif"),
        Kind.PICTURE,
    ),
}

_SPOKEN = {
    Kind.PDF: "a PDF",
    Kind.DOCX: "a Word document",
    Kind.XLSX: "an Excel workbook",
    Kind.PPTX: "a PowerPoint presentation",
    Kind.ZIP: "a ZIP archive",
    Kind.PICTURE: "a picture",
}

_PICTURES = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*"
    rb"|BM....\0\0\0\0|....ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1|avif|avis)",
    re.DOTALL,
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ZIP_END = b"PK\x05\x06"
_PDF = re.compile(rb"(?:\xef\xbb\xbf)?[\s\0]{0,16}%PDF-")  # after a byte order mark, blank lines

# Kinds that people do send and that have no parser, each with the way out.
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"{\\rtf", "an RTF document", "Save it as DOCX or PDF and add it again."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and add the files inside."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and add the files inside."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it and add the files inside."),
    (b"BZh", "a bzip2 archive", "Unpack it and add the files inside."),
    (b"\xfd7zXZ\0", "an XZ archive", "Unpack it and add the files inside."),
    (b"MZ", "a program", "Only documents can be read."),
    (b"\x7fELF", "a program", "Only documents can be read."),
    (b"%!PS", "a PostScript file", "Save it as PDF and add it again."),
    (b"SQLite format 3\0", "a database", "Export it as CSV or XLSX."),
    (b"ID3", "a sound recording", "Only documents can be read."),
    (b"OggS", "a recording", "Only documents can be read."),
    (b"RIFF", "a recording", "Only documents can be read."),
)
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){3,}\n")
_MAIL_FIELDS = re.compile(
    r"^(?:from|to|subject|date|received|message-id|mime-version):", re.IGNORECASE | re.MULTILINE
)


def extension(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lstrip(".").lower()


def promised(name: str) -> Kind | None:
    """What the name says; None for a name that says nothing known."""
    return _BY_EXTENSION.get(extension(name))


def is_pdf(content: bytes, *, name: str) -> bool:
    """Programs write junk in front of one often enough that its readers look a little further.

    Only where the name says PDF too: an archive may hold one as it is, and a text may quote it.
    """
    if content.startswith(_ZIP):
        return False
    return _PDF.match(content) is not None or (
        promised(name) is Kind.PDF and b"%PDF-" in content[:1024]
    )


def binary_kind(content: bytes, *, name: str) -> Kind | None:
    """Return the kind told by the first bytes, None where they look like nothing but text.

    A zip archive is told as ZIP: what lies inside says more.

    Raises:
        FileEmpty: no content.
        FileEncrypted, UnsupportedFile: by its first bytes something that nobody here reads.
    """
    if not content:
        raise FileEmpty("The file is empty.", hint="Check that it was copied completely.")
    if content.startswith(_ZIP):
        return Kind.ZIP
    if is_pdf(content, name=name):
        return Kind.PDF
    if _PICTURES.match(content):
        looks_zipped = _ZIP_END in content[-65_600:] and promised(name) is not Kind.PICTURE
        return Kind.ZIP if looks_zipped else Kind.PICTURE
    if content.startswith(_OLE):
        raise _old_office(content)
    for magic, what, hint in _FOREIGN:
        if content.startswith(magic) and not _is_plain(content, magic):
            raise UnsupportedFile(f"This is {what}, which cannot be read.", hint=hint)
    return None


def _is_plain(content: bytes, magic: bytes) -> bool:
    """Short magic numbers are also letters: a note may begin with `MZ` or `BZh`."""
    return magic.isalnum() and not re.search(rb"[\0-\x08\x0e-\x1f]", content[:4096])


def _old_office(content: bytes) -> Exception:
    if _ENCRYPTED_PACKAGE in content:
        return FileEncrypted(
            "The file is protected with a password.",
            hint="Save it without a password and add it again.",
        )
    return UnsupportedFile(
        "This is a file of an old Office version (.doc, .xls, .ppt or .msg).",
        hint="Open it and save it as DOCX, XLSX, PPTX or PDF.",
    )


def text_kind(text: str, *, name: str) -> Kind:
    """Return the kind of a file that is text; a name without a word about it leaves the content.

    Raises:
        UnsupportedFile: text that is written for machines.
    """
    named = promised(name)
    if named in TEXTS:
        return named
    if _MARKUP.match(text[:4096]):
        return Kind.HTML
    if text.startswith("#!"):
        raise UnsupportedFile("This is a program.", hint="Only documents can be read.")
    if _is_json(text):
        raise UnsupportedFile(
            "This is JSON data, which nobody reads as a document.",
            hint="Export it as CSV or XLSX, or rename it to .txt to read it all the same.",
        )
    head = text[:65_536]
    if _MAIL.match(head) and len(_MAIL_FIELDS.findall(head.split("\n\n", 1)[0])) >= 3:
        return Kind.EMAIL
    return Kind.TEXT


def _is_json(text: str) -> bool:
    """One JSON value, or one on each line as far as the first line tells."""
    start = text.lstrip()
    if not start.startswith(("{", "[")):
        return False
    try:
        json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return False
    return True


def check_promise(kind: Kind, content: bytes, *, name: str) -> None:
    """Refuse content that is not what a known extension says.

    A name that lies is a mistake to point out, or an attempt to slip something past a filter.
    """
    named = promised(name)
    if named is None or named is kind or (named in TEXTS and kind in TEXTS):
        return
    if kind in TEXTS and len(content) < 8:
        raise FileDamaged(
            "The file is cut off: almost nothing of it is there.", hint="Copy or download it again."
        )
    found = _SPOKEN.get(kind, "plain text")
    raise UnsupportedFile(
        f"The name ends in .{extension(name)}, but the content is {found}.",
        hint="Rename the file by its true kind, or export it again.",
    )
