"""The ONNX embedder with a tiny model that is made here."""

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")
pytest.importorskip("onnx")

from fakes import onnx_model
from sloth_agent.adapters.embedders import onnx
from sloth_agent.adapters.embedders.local_models import (
    local_folder,
    onnx_available,
    onnx_file,
    sentence_transformers_available,
)
from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings

pytestmark = pytest.mark.anyio

TEXTS = ["haircut price 40 euro", "манікюр", "", "\ud800 open hours", "haircut " * 500, "open"]


def settings(folder: Path) -> Settings:
    return Settings(embedding_model=str(folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return onnx_model.make(tmp_path / "tiny")


async def test_one_unit_vector_per_text_in_the_same_order(folder: Path) -> None:
    embedder = onnx.from_settings(settings(folder))
    together = await embedder.embed(TEXTS * 40)
    alone = [(await embedder.embed([text]))[0] for text in TEXTS]
    assert together == [pytest.approx(vector, abs=1e-5) for vector in alone * 40]
    assert {len(vector) for vector in together} == {embedder.dimensions} == {onnx_model.WIDTH}
    assert sum(a * a for a in together[0]) == pytest.approx(1, abs=1e-5)
    assert await embedder.embed([]) == []


async def test_padding_does_not_count(folder: Path) -> None:
    embedder = onnx.from_settings(settings(folder))
    (alone,) = await embedder.embed(["open"])
    beside = await embedder.embed(["open", "haircut price 40 euro " * 3])
    assert beside[0] == pytest.approx(alone, abs=1e-6)


async def test_the_first_token_is_taken_where_the_model_says_so(folder: Path) -> None:
    onnx_model.pool(folder, pooling_mode_cls_token=True, pooling_mode_mean_tokens=False)
    embedder = onnx.from_settings(settings(folder))
    first, same = await embedder.embed(["haircut price", "haircut euro open"])
    assert first == pytest.approx(same)


async def test_unknown_pooling_is_refused(folder: Path) -> None:
    onnx_model.pool(folder, pooling_mode_lasttoken=True)
    with pytest.raises(ConfigurationError, match="pools"):
        await onnx.from_settings(settings(folder)).prepare()


async def test_space_tells_models_in_folders_of_one_name_apart(tmp_path: Path) -> None:
    one = onnx.from_settings(settings(onnx_model.make(tmp_path / "a" / "m", seed=1)))
    same = onnx.from_settings(settings(onnx_model.make(tmp_path / "b" / "m", seed=1)))
    other = onnx.from_settings(settings(onnx_model.make(tmp_path / "c" / "m", seed=2)))
    assert one.space == same.space != other.space
    assert one.space.startswith("onnx/m-")


def test_eight_bit_weights_are_preferred(folder: Path) -> None:
    onnx_model.make(folder, file="model.onnx")
    assert onnx_file(folder) == folder / "onnx" / "model.onnx"
    onnx_model.make(folder, file="model_quantized.onnx")
    assert onnx_file(folder) == folder / "model_quantized.onnx"


def test_the_longest_input_is_what_the_files_say(folder: Path) -> None:
    assert onnx.recipe_of(folder).longest_input == 16
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30}))
    assert onnx.recipe_of(folder).longest_input == 16
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8}))
    assert onnx.recipe_of(folder).longest_input == 8


def test_only_what_is_on_this_machine_is_available(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert not onnx_available(Settings())
    assert onnx_available(settings(folder))
    assert not sentence_transformers_available(Settings())

    repository = tmp_path / "hub" / "models--acme--tiny"
    onnx_model.make(repository / "snapshots" / "abc")
    assert local_folder("acme/tiny") is None
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert local_folder("acme/tiny") == repository / "snapshots" / "abc"
    found = Settings(embedding_model="acme/tiny")
    assert onnx_available(found)
    assert onnx.from_settings(found).space == f"onnx/acme/tiny/{onnx_model.WIDTH}"


@pytest.mark.parametrize("broken", ["tokenizer.json", "onnx/model.onnx", "config.json"])
async def test_a_damaged_model_is_said_to_be_one(folder: Path, broken: str) -> None:
    (folder / broken).write_bytes(b"{ no")
    with pytest.raises(ConfigurationError):
        await onnx.from_settings(settings(folder)).prepare()


async def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError):
        onnx.OnnxEmbedder(tmp_path, name="nothing")


async def test_a_model_that_cannot_be_fetched_is_a_matter_of_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigurationError):
        onnx.from_settings(Settings(embedding_model=str(tmp_path / "not there")))


@pytest.mark.parametrize(
    ("lengths", "cuts"),
    [
        ([], []),
        ([5], [slice(0, 1)]),
        ([1] * 65, [slice(0, 64), slice(64, 65)]),
        ([10, 2000, 2000, 2000], [slice(0, 2), slice(2, 4)]),
        ([9000], [slice(0, 1)]),
    ],
)
def test_batches_hold_the_limit_of_tokens(lengths: list[int], cuts: list[slice]) -> None:
    assert onnx.batches(lengths) == cuts
