"""XML of strangers: no entities, no outside references, bounded depth and size."""

import re
from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.errors import FileDamaged

Element: TypeAlias = Any  # lxml.etree._Element

_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)")


def parse_xml(content: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    if _declares_entities(content):
        raise FileDamaged(
            "The file carries instructions that a document must not have, and was not opened.",
            hint="Open it, save it under a new name, and add that one.",
        )
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise damaged() from error


def _declares_entities(content: bytes) -> bool:
    """Office formats forbid a document type; looked for before the parser meets it."""
    head = content[: 64 * 1024]
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1"
    text = head.decode(encoding, "ignore").replace("\0", "")
    return _DOCTYPE.search(text) is not None


def tag(element: Element) -> str:
    """The name without its namespace; transitional and strict files differ only there."""
    name = element.tag
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def attribute(element: Element, name: str) -> str:
    """A namespaced attribute, whichever the namespace; empty where it is absent."""
    ending = "}" + name
    return next((value for key, value in element.attrib.items() if key.endswith(ending)), "")
