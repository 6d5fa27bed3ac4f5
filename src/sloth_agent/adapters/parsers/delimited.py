"""CSV and its cousins: the separator is found, each record is a row."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from sloth_agent.adapters.parsers import tables
from sloth_agent.adapters.parsers.cleaning import clean, one_line
from sloth_agent.knowledge.models import Block, Place

_SEPARATORS = ",;\t|"
_SAMPLE_LINES = 60


def blocks(text: str) -> Iterator[Block]:
    csv.field_size_limit(len(text) + 1)  # the whole file is bounded already
    tidy = clean(text)
    separator = _separator(tidy)
    return tables.blocks(_rows(tidy, separator), Place())


def _rows(text: str, separator: str) -> Iterator[tables.Row]:
    records = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for number, record in enumerate(records, 1):
        yield tables.Row.of((one_line(cell) for cell in record), number=number)


def _separator(text: str) -> str:
    """The character that cuts most lines into the same number of fields, above one."""
    sample = text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    best, best_score = ",", 0.0
    for separator in _SEPARATORS:
        widths = Counter(
            len(record) for record in csv.reader(sample, delimiter=separator) if record
        )
        width, times = max(widths.items(), key=lambda item: item[1] * (item[0] > 1), default=(0, 0))
        score = times / max(1, sum(widths.values())) + min(width, 50) / 1000
        if width > 1 and score > best_score:
            best, best_score = separator, score
    return best
