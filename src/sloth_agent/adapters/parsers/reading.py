"""One file in, one reading out: finds the kind and calls its parser. Runs inside the child."""

from sloth_agent.adapters.parsers import kinds
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.errors import NoText, UnsupportedFile
from sloth_agent.knowledge.models import Reading


def read(content: bytes, *, name: str) -> Reading:
    """Raises:
    UnreadableFile: one of its subclasses.
    """
    kind = kinds.binary_kind(content, name=name)
    if kind is None:
        return _text(content, name=name)
    if kind is Kind.ZIP:
        return _zipped(content, name=name)
    kinds.check_promise(kind, content, name=name)
    if kind is Kind.PDF:
        from sloth_agent.adapters.parsers import pdf

        return pdf.read(content)
    raise UnsupportedFile("This is a picture.", hint="Add it with `sloth photos add`.")


def _zipped(content: bytes, *, name: str) -> Reading:
    from sloth_agent.adapters.parsers import docx, xlsx
    from sloth_agent.adapters.parsers.packages import Package

    package = Package.opened(content)
    kind = Kind.DOCX if "word/document.xml" in package.entries else Kind.XLSX
    kinds.check_promise(kind, content, name=name)
    return docx.read(package) if kind is Kind.DOCX else xlsx.read(package)


def _text(content: bytes, *, name: str) -> Reading:
    from sloth_agent.adapters.parsers import encodings, markdown, text

    decoded = encodings.decode(content)
    kind = kinds.text_kind(decoded, name=name)
    kinds.check_promise(kind, content, name=name)
    parse = markdown.blocks if kind is Kind.MARKDOWN else text.blocks
    found = tuple(parse(decoded))
    if not found:
        raise NoText("There is no text in this file.")
    return Reading(media_type=kind, blocks=found)
