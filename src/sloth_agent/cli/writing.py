"""Stdout that says so when it cannot be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import ClassVar, Self

from sloth_agent.errors import SlothError


class OutputLost(SlothError):
    """What a command printed went nowhere, to a full disk say."""

    code: ClassVar[str] = "output_lost"


class Output(TextIOWrapper):
    """Takes the place of another stream, which is not to be used any more."""

    @classmethod
    def over(cls, stream: TextIOWrapper) -> Self:
        encoding, lines = stream.encoding, stream.line_buffering
        return cls(stream.detach(), encoding, errors="replace", line_buffering=lines)

    def write(self, text: str, /) -> int:
        with self._as_our_error():
            return super().write(text)

    def flush(self) -> None:
        with self._as_our_error():
            super().flush()

    @contextmanager
    def _as_our_error(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # whoever read it has seen enough
            raise
        except OSError as error:
            # Python must not try to write what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            raise OutputLost(f"The output cannot be written: {error.strerror}.") from error
