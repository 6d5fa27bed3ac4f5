"""Vectors from a sentence-transformers model on this machine."""

from pathlib import Path

from sloth_agent.adapters.embedders.local import LocalEmbedder
from sloth_agent.adapters.embedders.local_models import DEFAULT_MODEL, local_folder
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable, MissingExtra
from sloth_agent.settings import Settings

try:
    from sentence_transformers import SentenceTransformer
except ModuleNotFoundError as error:
    raise MissingExtra.named("local", needed_for="The sentence-transformers embedder") from error

TEXTS_AT_ONCE = 32


class SentenceTransformersEmbedder(LocalEmbedder):
    """`dimensions` None: the model's own; less than that cuts vectors, which suits few models."""

    texts_between_stops = 512

    def __init__(self, model: str, *, name: str, dimensions: int | None = None) -> None:
        super().__init__()
        self._path = model
        self._name = name
        self._asked_dimensions = dimensions
        self._model: SentenceTransformer | None = None

    @property
    def space(self) -> str:
        return f"sentence-transformers/{self._name}/{self.dimensions}"

    @property
    def dimensions(self) -> int:
        known = self._asked_dimensions or self._loaded().get_embedding_dimension()
        assert known is not None  # only models that end in something else than a vector
        return known

    def _embed(self, texts: list[str]) -> list[list[float]]:
        try:
            rows = self._loaded().encode(
                texts,
                batch_size=TEXTS_AT_ONCE,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        except RuntimeError as error:  # torch's word for anything, memory included
            raise EmbedderUnavailable(
                f"The model {self._name} failed: {error}"[:300], backend="sentence-transformers"
            ) from error
        found: list[list[float]] = rows.tolist()
        return found

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            try:
                self._model = SentenceTransformer(self._path, truncate_dim=self._asked_dimensions)
            except (OSError, ValueError) as error:
                raise ConfigurationError(
                    f"The model {self._name} cannot be loaded.",
                    hint="Set SLOTH_EMBEDDING_MODEL to a folder or to a name on the hub.",
                ) from error
        return self._model


def from_settings(settings: Settings) -> SentenceTransformersEmbedder:
    model = settings.embedding_model or DEFAULT_MODEL
    here = local_folder(model)
    name = here.name if here and Path(model).expanduser().is_dir() else model
    return SentenceTransformersEmbedder(
        str(here or model), name=name, dimensions=settings.embedding_dimensions
    )
