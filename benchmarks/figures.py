"""What a benchmark measured, and the table of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One result; `baseline` is what the same run measured of the thing it is held against."""

    part: str
    name: str
    value: float | None  # None where it could not be measured; `note` says why
    unit: str = ""
    wanted: str = ""  # such as ">= 3000"; printed beside the value, never asserted
    baseline: float | None = None
    baseline_name: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of its baseline."""
        if self.value is None or not self.baseline:
            return None
        return self.value / self.baseline


def table(figures: Sequence[Figure]) -> str:
    rows = [("what", "result", "wanted", "baseline of this run", "ratio")]
    rows += [
        (
            f"{figure.part}: {figure.name}",
            figure.note
            if figure.value is None
            else f"{_short(figure.value)} {figure.unit}".strip(),
            figure.wanted,
            f"{_short(figure.baseline)} ({figure.baseline_name})" if figure.baseline else "",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _short(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
