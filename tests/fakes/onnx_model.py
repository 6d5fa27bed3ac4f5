"""A tiny ONNX encoder with its tokenizer: each word has a fixed random vector."""

import json
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

WORDS = ("haircut", "manicure", "price", "euro", "open", "hours", "40", "30", "стрижка", "манікюр")
WIDTH = 32


def make(folder: Path, *, file: str = "onnx/model.onnx", seed: int = 1) -> Path:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(_graph(seed), folder / file)
    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {word: n for n, word in enumerate(WORDS, start=2)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    # As published models often have it: padding to a fixed length, which would cost time.
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 16}))
    return folder


def pool(folder: Path, **ways: bool) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(ways))


def _graph(seed: int) -> onnx.ModelProto:
    rows = len(WORDS) + 2
    random = np.random.default_rng(zlib.crc32(bytes([seed])))
    table = numpy_helper.from_array(random.normal(size=(rows, WIDTH)).astype(np.float32), "table")
    shape = ["batch", "length"]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, WIDTH])],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model
