"""Vectors from an ONNX model on this machine: no torch, no network, no key."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sloth_agent.adapters.embedders.local import LocalEmbedder
from sloth_agent.adapters.embedders.local_models import (
    DEFAULT_MODEL,
    local_folder,
    onnx_file,
    onnx_names,
)
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable, MissingExtra
from sloth_agent.settings import Settings

try:
    import numpy as np
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime
    from tokenizers import Encoding, Tokenizer
except ModuleNotFoundError as error:
    raise MissingExtra.named("onnx", needed_for="The ONNX embedder") from error

TOKENS_AT_ONCE = 4_096
"""Of one run, padding included: more no longer gains speed, and costs memory."""

TEXTS_AT_ONCE = 64
LONGEST_INPUT = 512

_RUNTIME_ERRORS = (
    runtime.EPFail,
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.NoSuchFile,
    runtime.RuntimeException,
    ValueError,
)

# What is downloaded of a hub repository, which often holds the weights a dozen times.
SMALL_FILES = ("*.json", "1_Pooling/config.json", "*.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model wants to be used, as the files beside it say."""

    longest_input: int  # tokens
    first_token: bool  # the vector is that of the first token; else the mean of all


class OnnxEmbedder(LocalEmbedder):
    """A model folder as the hub keeps them."""

    texts_between_stops = 1_024

    def __init__(self, folder: Path, *, name: str, threads: int | None = None) -> None:
        model = onnx_file(folder)
        if model is None or not (folder / "tokenizer.json").is_file():
            raise ConfigurationError(
                f"{folder} holds no ONNX model.",
                hint="It needs tokenizer.json and model.onnx or onnx/model.onnx.",
            )
        super().__init__()
        self._folder = folder
        self._file = model
        self._name = name
        self._threads = threads or processors()
        self._encoder: _Encoder | None = None

    @property
    def space(self) -> str:
        return f"onnx/{self._name}/{self.dimensions}"

    @property
    def dimensions(self) -> int:
        return self._loaded().dimensions

    def _embed(self, texts: list[str]) -> list[list[float]]:
        try:
            return self._loaded().vectors(texts)
        except _RUNTIME_ERRORS as error:
            raise EmbedderUnavailable(
                f"The ONNX model {self._name} failed: {error}"[:300], backend="onnx"
            ) from error

    def _loaded(self) -> "_Encoder":
        if self._encoder is None:
            self._encoder = _Encoder(self._folder, self._file, threads=self._threads)
        return self._encoder


class _Encoder:
    """The model in memory. Blocking."""

    def __init__(self, folder: Path, file: Path, *, threads: int) -> None:
        recipe = recipe_of(folder)
        self._first_token = recipe.first_token
        self._tokenizer = _tokenizer(folder, recipe.longest_input)
        self._padding_id = (self._tokenizer.padding or {}).get("pad_id", 0)
        self._tokenizer.no_padding()
        self._session = _session(file, threads)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._output = _best_output([node.name for node in self._session.get_outputs()])
        self.dimensions = len(self.vectors(["dimensions"])[0])

    def vectors(self, texts: list[str]) -> list[list[float]]:
        tokens = self._tokenizer.encode_batch_fast(texts)
        shortest_first = sorted(range(len(texts)), key=lambda index: len(tokens[index].ids))
        found: list[list[float]] = [[] for _ in texts]
        for batch in batches([len(tokens[index].ids) for index in shortest_first]):
            indices = shortest_first[batch]
            rows = self._run([tokens[index] for index in indices]).tolist()
            for index, row in zip(indices, rows, strict=True):
                found[index] = row
        return found

    def _run(self, tokens: list[Encoding]) -> Any:
        longest = max(1, *(len(one.ids) for one in tokens))
        ids = np.full((len(tokens), longest), self._padding_id, dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, one in enumerate(tokens):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : max(1, len(one.ids))] = 1  # an empty text is one token of padding
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given = {name: array for name, array in known.items() if name in self._inputs}
        (states,) = self._session.run([self._output], given)
        return unit_rows(self._pooled(states.astype(np.float32, copy=False), mask))

    def _pooled(self, states: Any, mask: Any) -> Any:
        if states.ndim == 2:  # the model pools by itself
            return states
        if self._first_token:
            return states[:, 0]
        weights = mask.astype(np.float32)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
        return np.matmul(weights[:, None, :], states)[:, 0]


def from_settings(settings: Settings) -> OnnxEmbedder:
    model = settings.embedding_model or DEFAULT_MODEL
    folder = local_folder(model)
    if folder is None or onnx_file(folder) is None:
        folder = _downloaded(model)
    name = f"{folder.name}-{fingerprint(folder)}" if Path(model).expanduser().is_dir() else model
    return OnnxEmbedder(folder, name=name)


def batches(lengths: Sequence[int]) -> list[slice]:
    """Cut ascending lengths into runs of much the same length, each within the token limit."""
    found: list[slice] = []
    start = 0
    for end in range(1, len(lengths) + 1):
        full = end == len(lengths) or end - start == TEXTS_AT_ONCE
        if full or (end + 1 - start) * lengths[end] > TOKENS_AT_ONCE:
            found.append(slice(start, end))
            start = end
    return found


def unit_rows(vectors: Any) -> Any:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("the model gave a vector without direction")
    return vectors / lengths


def recipe_of(folder: Path) -> Recipe:
    """Read the files that sentence-transformers and transformers keep beside their models.

    Raises:
        ConfigurationError: the model pools in a way that is not known here.
    """
    limits = (
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),
        _json(folder / "config.json").get("max_position_embeddings"),
        LONGEST_INPUT,
    )
    pooling = _json(folder / "1_Pooling" / "config.json")
    ways = {name for name, on in pooling.items() if name.startswith("pooling_mode") and on is True}
    if ways - {"pooling_mode_cls_token", "pooling_mode_mean_tokens"}:
        raise ConfigurationError(f"{folder} pools in a way that is not supported: {ways}.")
    return Recipe(
        longest_input=int(min(limit for limit in limits if limit)),
        first_token=ways == {"pooling_mode_cls_token"},
    )


def fingerprint(folder: Path) -> str:
    """Tells models in folders of one name apart, without reading all of them."""
    file = onnx_file(folder)
    assert file is not None
    with file.open("rb") as content:
        start = content.read(1 << 20)
    return hashlib.sha256(start + str(file.stat().st_size).encode()).hexdigest()[:8]


def processors() -> int:
    """Those that this process may use, which in a container are often fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tokenizer(folder: Path, longest_input: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The library raises bare exceptions, whatever is wrong.
    except Exception as error:
        raise ConfigurationError(f"{folder / 'tokenizer.json'} cannot be read.") from error
    tokenizer.enable_truncation(longest_input)
    return tokenizer


def _session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait cost a sixth of the speed where others need processors too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings are about graphs that we did not make
    try:
        return onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        raise ConfigurationError(f"{file} is no ONNX model that can be run.") from error


def _best_output(names: list[str]) -> str:
    """Some models pool by themselves and know better how; else the states of all tokens."""
    for name in ("sentence_embedding", "last_hidden_state", "token_embeddings"):
        if name in names:
            return name
    return names[0]


def _json(path: Path) -> dict[str, Any]:
    """A small file of settings; empty where there is none."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigurationError(f"{path} cannot be read.") from error
    return found if isinstance(found, dict) else {}


def _downloaded(model: str) -> Path:
    """Fetch a hub model, only the files that are used; `auto` never comes here."""
    from httpx import HTTPError
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        names = set(HfApi().list_repo_files(model))
        wanted = next((name for name in onnx_names() if name in names), None)
        if wanted is None:
            raise ConfigurationError(f"{model} holds no ONNX model.")
        weights = [wanted, f"{wanted}_data"]
        return Path(snapshot_download(model, allow_patterns=[*SMALL_FILES, *weights]))
    except (
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        OfflineModeIsEnabled,
        OSError,
    ) as error:
        raise ConfigurationError(
            f"The model {model} is not on this machine and cannot be downloaded.",
            hint="Set SLOTH_EMBEDDING_MODEL to a folder with model.onnx and tokenizer.json.",
        ) from error
