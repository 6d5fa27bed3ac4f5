"""What embedders on this machine share: when the model is loaded, and where it runs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import anyio
import anyio.to_thread

from sloth_agent.knowledge.characters import whole
from sloth_agent.knowledge.models import Vector


class LocalEmbedder(ABC):
    """Loads its model when it is first needed, and runs it in a worker thread."""

    texts_between_stops: ClassVar[int]
    """Texts that are sorted by length together; between such groups a cancelled call ends."""

    def __init__(self) -> None:
        # One run uses all processors; a second one at the same time would only slow both down.
        self._one = anyio.Lock()

    async def prepare(self) -> None:
        """Load the model now; a hub name that is not on this machine may be downloaded."""
        async with self._one:
            await anyio.to_thread.run_sync(self._loaded)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        vectors: list[Vector] = []
        for start in range(0, len(texts), self.texts_between_stops):
            group = [whole(text) for text in texts[start : start + self.texts_between_stops]]
            async with self._one:
                vectors += await anyio.to_thread.run_sync(partial(self._embed, group))
        return vectors

    @abstractmethod
    def _loaded(self) -> object:
        """The model, loaded by the first call. Blocking."""

    @abstractmethod
    def _embed(self, texts: list[str]) -> list[list[float]]:
        """Return one vector of unit length per text. Blocking."""
