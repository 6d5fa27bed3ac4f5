"""ZIP containers and the XML inside, opened without believing what they say about themselves."""

import stat
import zipfile
import zlib
from io import BytesIO
from typing import Self

from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.xml import Element, parse_xml
from sloth_agent.errors import FileEncrypted, UnpackedTooLarge, UnsupportedFile

MAX_ENTRIES = 10_000
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_RATIO = 100
_RATIO_COUNTS_FROM = 1024 * 1024
_STEP = 256 * 1024

_FOLDERS = {"word/": Kind.DOCX, "xl/": Kind.XLSX, "ppt/": Kind.PPTX}
_MACROS = b"macroenabled"
_RELATIONSHIP = "{*}Relationship"


class Package:
    """A ZIP archive in memory. What is unpacked counts towards limits for the whole of it."""

    def __init__(self, archive: zipfile.ZipFile, *, packed_bytes: int) -> None:
        self._archive = archive
        self._packed_bytes = packed_bytes
        self._unpacked_bytes = 0
        self.entries = {entry.filename: entry for entry in archive.infolist()}

    @classmethod
    def opened(cls, content: bytes) -> Self:
        try:
            archive = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise damaged() from error
        if len(archive.infolist()) > MAX_ENTRIES:
            raise UnpackedTooLarge(
                f"The file holds more than {MAX_ENTRIES:,} parts.",
                hint="Split it into several files.",
            )
        return cls(archive, packed_bytes=len(content))

    def is_link(self, name: str) -> bool:
        return stat.S_ISLNK(self.entries[name].external_attr >> 16)

    def read(self, name: str) -> bytes:
        """Unpack one part.

        Raises:
            FileDamaged: it is missing, broken or a link.
            FileEncrypted: it needs a password.
            UnpackedTooLarge: the limits of the whole archive are reached.
        """
        entry = self.entries.get(name)
        if entry is None or self.is_link(name):
            raise damaged()
        if entry.flag_bits & 0x1:
            raise FileEncrypted(
                "The archive is protected with a password.",
                hint="Unpack it and add the files inside.",
            )
        pieces: list[bytes] = []
        try:
            with self._archive.open(entry) as part:
                while piece := part.read(_STEP):
                    self._count(len(piece))
                    pieces.append(piece)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise damaged() from error
        return b"".join(pieces)

    def _count(self, size: int) -> None:
        self._unpacked_bytes += size
        total = self._unpacked_bytes
        too_dense = total > _RATIO_COUNTS_FROM and total > MAX_RATIO * self._packed_bytes
        if total > MAX_UNPACKED_BYTES or too_dense:
            raise UnpackedTooLarge(
                "The file is small, but unpacks to far more than a document needs.",
                hint="Open it, save it under a new name, and add that one.",
            )

    def xml(self, name: str) -> Element:
        """Parse one part.

        Raises:
            FileDamaged: no such part, no XML, or XML that declares entities.
        """
        return parse_xml(self.read(name))

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Relationships of a part inside the package: id to (last word of its type, path)."""
        folder, _, file = name.rpartition("/")
        path = f"{folder}/_rels/{file}.rels".lstrip("/")
        if path not in self.entries:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for element in self.xml(path).iter(_RELATIONSHIP):
            if element.get("TargetMode", "").lower() == "external":
                continue
            kind = element.get("Type", "").rpartition("/")[2]
            found[element.get("Id", "")] = (kind, _resolved(folder, element.get("Target", "")))
        return found

    def main_part(self, usual: str) -> str:
        """Path of the part that the package is about."""
        for kind, path in self.related("").values():
            if kind == "officeDocument" and path in self.entries:
                return path
        if usual not in self.entries:
            raise damaged()
        return usual

    def kind(self) -> Kind:
        """What the archive is: an Office file by its parts, else an archive of files.

        Raises:
            UnsupportedFile: an Office or similar format that is not read.
        """
        if "mimetype" in self.entries and self._is_foreign():
            raise UnsupportedFile(
                "This is an OpenDocument or e-book file.", hint="Save it as DOCX, XLSX or PDF."
            )
        if "[Content_Types].xml" not in self.entries:
            return Kind.ZIP
        if _MACROS in self.read("[Content_Types].xml").lower():
            raise UnsupportedFile(
                "This Office file can carry programs (macros).",
                hint="Save it as DOCX, XLSX or PPTX.",
            )
        for folder, kind in _FOLDERS.items():
            if any(name.startswith(folder) for name in self.entries):
                return kind
        raise UnsupportedFile("This Office format is not read.", hint="Save it as DOCX or PDF.")

    def _is_foreign(self) -> bool:
        return self.read("mimetype")[:100].startswith(
            (b"application/vnd.oasis", b"application/epub")
        )


def _resolved(folder: str, target: str) -> str:
    if target.startswith("/"):
        return target.lstrip("/")
    parts = folder.split("/") if folder else []
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
