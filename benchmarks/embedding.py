"""How much of a local encoder's own speed is left when documents are ingested with it."""

import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from benchmarks.figures import Figure
from benchmarks.ingest import learn
from benchmarks.library import documents, opened
from benchmarks.material import DIMENSIONS, Material

from sloth_agent import Settings
from sloth_agent.knowledge.chunking import cut
from sloth_agent.knowledge.models import Block

CHUNKS = 200
ROUNDS = 4  # in turns; the least of each counts
LAYERS = 6  # with 4 times the width inside, about the work of all-MiniLM-L6
VOCABULARY = 8_000


async def measure(material: Material) -> AsyncIterator[Figure]:
    missing = [name for name in ("onnx", "onnxruntime", "tokenizers") if find_spec(name) is None]
    if missing:
        note = f"skipped: {', '.join(missing)} not installed"
        yield Figure(part="embedding", name="ingest with onnx", value=None, note=note)
        return
    from sloth_agent.adapters.embedders.onnx import from_settings

    texts = list(material.texts(CHUNKS, seed=3))
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as folder:
        make_encoder(Path(folder), texts)
        embedder = from_settings(Settings(embedder="onnx", embedding_model=folder))
        await embedder.embed(texts[:20])
        chunks = [chunk.searched_text for chunk in cut([Block(text=text) for text in texts])]
        files = documents(texts, chunks_each=50)
        alone, ours = [], []
        async with opened() as sloth:
            for number in range(ROUNDS):
                tenant = await sloth.tenant(f"round-{number}", create=True)
                alone.append(await processor_seconds(embedder.embed(chunks)))
                ours.append(await processor_seconds(learn(tenant, files, embedder)))
    yield Figure(
        part="embedding",
        name=f"ingest with an onnx encoder of {LAYERS} layers",
        value=len(chunks) / min(ours),
        unit="chunks/cpu s",
        wanted=">= 0.9x",
        baseline=len(chunks) / min(alone),
        baseline_name="the encoder alone",
    )


async def processor_seconds(work: Awaitable[object]) -> float:
    """What a work costs this process: the encoder is nearly all of it, in both cases.

    By the clock, whatever else runs on the machine would decide which of the two is faster.
    """
    started = time.process_time()
    await work
    return time.process_time() - started


def make_encoder(folder: Path, texts: Sequence[str]) -> None:
    """A model of the usual size and shape with random weights, and a tokenizer of words."""
    import onnx
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = dict.fromkeys(word for text in texts for word in text.split())
    known = ["[PAD]", "[UNK]", *list(words)[: VOCABULARY - 2]]
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(known)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))

    draw = np.random.default_rng(1)
    weights = {"embeddings": draw.standard_normal((VOCABULARY, DIMENSIONS))}
    nodes = [onnx.helper.make_node("Gather", ["embeddings", "input_ids"], ["state_0"])]
    for layer in range(LAYERS):
        weights[f"up_{layer}"] = draw.standard_normal((DIMENSIONS, 4 * DIMENSIONS)) / 20
        weights[f"down_{layer}"] = draw.standard_normal((4 * DIMENSIONS, DIMENSIONS)) / 40
        nodes += [
            onnx.helper.make_node("MatMul", [f"state_{layer}", f"up_{layer}"], [f"wide_{layer}"]),
            onnx.helper.make_node("Relu", [f"wide_{layer}"], [f"active_{layer}"]),
            onnx.helper.make_node(
                "MatMul",
                [f"active_{layer}", f"down_{layer}"],
                ["last_hidden_state" if layer == LAYERS - 1 else f"state_{layer + 1}"],
            ),
        ]
    shape = ["batch", "length"]
    integers, floats = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "encoder",
        [
            onnx.helper.make_tensor_value_info("input_ids", integers, shape),
            onnx.helper.make_tensor_value_info("attention_mask", integers, shape),
        ],
        [onnx.helper.make_tensor_value_info("last_hidden_state", floats, [*shape, DIMENSIONS])],
        [
            onnx.numpy_helper.from_array(values.astype(np.float32), name)
            for name, values in weights.items()
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 9
    (folder / "onnx").mkdir()
    onnx.save(model, folder / "onnx" / "model.onnx")
