"""Models on this machine: which libraries are here, and where a model's files lie.

Looks only at the disk, and imports nothing heavy: `auto` asks on every start.
"""

import os
import platform
from importlib.util import find_spec
from pathlib import Path

from sloth_agent.settings import Settings

DEFAULT_MODEL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""Fifty languages, ours among them, in 384 dimensions."""


def onnx_available(settings: Settings) -> bool:
    """Whether the ONNX embedder would work at once, without a download."""
    folder = local_folder(settings.embedding_model or DEFAULT_MODEL)
    installed = find_spec("onnxruntime") is not None and find_spec("tokenizers") is not None
    return installed and folder is not None and onnx_file(folder) is not None


def sentence_transformers_available(settings: Settings) -> bool:
    """Whether sentence-transformers would work at once, without a download."""
    folder = local_folder(settings.embedding_model or DEFAULT_MODEL)
    if find_spec("sentence_transformers") is None or folder is None:
        return False
    weights = ("model.safetensors", "pytorch_model.bin", "0_Transformer", "modules.json")
    return any((folder / name).exists() for name in weights)


def local_folder(model: str) -> Path | None:
    """The folder of a model: a path, or a hub name that was downloaded before."""
    path = Path(model).expanduser()
    if (path / "config.json").is_file() or (path / "tokenizer.json").is_file():
        return path
    names = [model] if "/" in model else [f"sentence-transformers/{model}"]
    for name in names:
        repository = _hub_cache() / f"models--{name.replace('/', '--')}"
        snapshot = _snapshot(repository)
        if snapshot is not None:
            return snapshot
    return None


def onnx_file(folder: Path) -> Path | None:
    """The model file to run."""
    return next((folder / name for name in onnx_names() if (folder / name).is_file()), None)


def onnx_names() -> list[str]:
    """Where a model may lie, best first: eight-bit weights, made for this kind of processor."""
    files = (*_eight_bit_names(), "model.onnx")
    return [f"{place}{file}" for file in files for place in ("onnx/", "")]


def _eight_bit_names() -> tuple[str, ...]:
    if platform.machine() in {"arm64", "aarch64"}:
        return ("model_qint8_arm64.onnx", "model_quantized.onnx", "model_int8.onnx")
    # Signed weights saturate on processors without VNNI; unsigned ones are exact on all.
    return ("model_quint8_avx2.onnx", "model_quantized.onnx", "model_uint8.onnx", "model_int8.onnx")


def _hub_cache() -> Path:
    """Where huggingface-hub keeps downloads, by its own rules."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(os.environ.get("HF_HOME", default)).expanduser() / "hub"


def _snapshot(repository: Path) -> Path | None:
    """The files of a downloaded model as of its main branch."""
    main = repository / "refs" / "main"
    if not main.is_file():
        return None
    folder = repository / "snapshots" / main.read_text(encoding="ascii").strip()
    return folder if folder.is_dir() else None
