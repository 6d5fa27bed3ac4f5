"""ZIP archives of documents: each file inside by its own parser, the bad ones named."""

import re
from collections.abc import Iterator

from sloth_agent.adapters.parsers.cleaning import one_line
from sloth_agent.adapters.parsers.packages import Package

_LITTER = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._|~\$)")


def members(package: Package) -> Iterator[tuple[str, str]]:
    """Yield the name in the archive and the name to show for every file in it."""
    for name, entry in package.entries.items():
        if not entry.is_dir() and not _LITTER.search(name):
            told = bool(entry.flag_bits & 0x800)
            yield name, one_line(name if told else _reread(name)) or "unnamed"


def _reread(name: str) -> str:
    """Names without the mark of UTF-8 were read as code page 437; most were not meant so."""
    if name.isascii():
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "cp866"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name
