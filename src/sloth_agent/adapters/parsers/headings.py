"""The headings that a piece of text stands under."""

from dataclasses import dataclass, field

_LONGEST = 200


@dataclass(slots=True)
class HeadingPath:
    """Remembers which headings are open while a document is walked from top to bottom."""

    _open: list[tuple[int, str]] = field(default_factory=list)

    def enter(self, level: int, title: str) -> None:
        """A heading closes every one of its own or a deeper level."""
        self._open = [entry for entry in self._open if entry[0] < level]
        self._open.append((level, title[:_LONGEST]))

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._open)
