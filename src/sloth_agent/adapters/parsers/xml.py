"""XML of strangers: no entities, no outside references, bounded depth and size."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.errors import FileDamaged

Element: TypeAlias = Any  # lxml.etree._Element

# `huge_tree` lifts a limit of 10 MB; sizes are bounded where parts are unpacked.
_HARMLESS = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": True,
    "remove_comments": True,
    "remove_pis": True,
}
_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)")


def parse_xml(content: bytes) -> Element:
    """Raises:
    FileDamaged: no XML, or XML that declares entities.
    """
    _refuse_entities(content)
    try:
        return etree.fromstring(content, etree.XMLParser(**_HARMLESS))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise damaged() from error


def _refuse_entities(content: bytes) -> None:
    if _declares_entities(content):
        raise FileDamaged(
            "The file carries instructions that a document must not have, and was not opened.",
            hint="Open it, save it under a new name, and add that one.",
        )


def _declares_entities(content: bytes) -> bool:
    """Office formats forbid a document type; looked for before the parser meets it."""
    head = content[: 64 * 1024]
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1"
    text = head.decode(encoding, "ignore").replace("\0", "")
    return _DOCTYPE.search(text) is not None


def each(content: bytes, name: str) -> Iterator[Element]:
    """Yield the elements of that name one by one; each is emptied before the next is parsed.

    Raises:
        FileDamaged: as for `parse_xml`.
    """
    _refuse_entities(content)
    events = etree.iterparse(BytesIO(content), tag="{*}" + name, **_HARMLESS)
    try:
        for _, element in events:
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except (etree.XMLSyntaxError, ValueError) as error:
        raise damaged() from error


def tag(element: Element) -> str:
    """The name without its namespace; transitional and strict files differ only there."""
    name = element.tag
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def attribute(element: Element, name: str) -> str:
    """A namespaced attribute, whichever the namespace; empty where it is absent."""
    ending = "}" + name
    return next((value for key, value in element.attrib.items() if key.endswith(ending)), "")
