"""Judges passages with a model that reads question and passage together."""

from collections.abc import Sequence
from functools import partial

import anyio
import anyio.to_thread

from sloth_agent.errors import BackendUnavailable, ConfigurationError, MissingExtra
from sloth_agent.knowledge.characters import whole
from sloth_agent.knowledge.models import Passage, searched_text
from sloth_agent.settings import Settings

try:
    from sentence_transformers import CrossEncoder
except ModuleNotFoundError as error:
    raise MissingExtra.named("local", needed_for="The cross-encoder reranker") from error

DEFAULT_MODEL = "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1"
"""Trained on questions in fourteen languages, German among them, over a base of a hundred."""

PAIRS_AT_ONCE = 16


class CrossEncoderReranker:
    """Loads the model when it is first needed, in a worker thread."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: CrossEncoder | None = None
        # One run uses all processors; a second one at the same time would only slow both down.
        self._one = anyio.Lock()

    async def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:
        if not passages:
            return []
        pairs = [
            (whole(question), whole(searched_text(passage.place, passage.header, passage.text)))
            for passage in passages
        ]
        async with self._one:
            return await anyio.to_thread.run_sync(partial(self._scores, pairs))

    def _scores(self, pairs: list[tuple[str, str]]) -> list[float]:
        try:
            scores = self._loaded().predict(
                pairs, batch_size=PAIRS_AT_ONCE, show_progress_bar=False
            )
        except RuntimeError as error:  # torch's word for anything, memory included
            raise BackendUnavailable(
                f"The reranker {self._name} failed: {error}"[:300], backend="cross-encoder"
            ) from error
        return [float(score) for score in scores]

    def _loaded(self) -> CrossEncoder:
        if self._model is None:
            try:
                self._model = CrossEncoder(self._name)
            except (OSError, ValueError) as error:
                raise ConfigurationError(
                    f"The reranker {self._name} cannot be loaded.",
                    hint="Set SLOTH_RERANKER_MODEL to a folder or to a name on the hub.",
                ) from error
        return self._model


def from_settings(settings: Settings) -> CrossEncoderReranker:
    return CrossEncoderReranker(settings.reranker_model or DEFAULT_MODEL)
