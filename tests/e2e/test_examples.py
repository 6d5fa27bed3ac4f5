"""The examples as people run them: each a process of its own, on the embedded database."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PRICES = "# Prices\n\nA women's haircut costs 650 UAH.\n\nA manicure costs 400 UAH.\n"
PARKING = "# Parking\n\nParking in the yard is free for two hours.\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "prices.md").write_text(PRICES)
    (folder / "parking.md").write_text(PARKING)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Without keys or settings of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(tmp_path), "SLOTH_HOME": str(tmp_path / "home")}


def run(environment: dict[str, str], cwd: Path, *command: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        check=False,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def installed(package: Path, target: Path) -> Path:
    """The package as pip would lay it out, without asking a registry for its build system."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    for module in package.glob("*.py"):
        target.mkdir(exist_ok=True)
        shutil.copy(module, target)
    information = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (information / "entry_points.txt").write_text("".join(points))
    return target


def test_own_documents(environment: dict[str, str], docs: Path, tmp_path: Path) -> None:
    (docs / "empty.pdf").write_bytes(b"")
    script = EXAMPLES / "own_documents.py"
    said = run(environment, tmp_path, script, docs, "How much is a women's haircut?")
    assert re.search(r"empty\.pdf failed \S", said)
    assert "650 UAH" in said
    assert "— prices.md" in said


def test_streaming_in_an_asynchronous_program(
    environment: dict[str, str], docs: Path, tmp_path: Path
) -> None:
    questions = "How much is a manicure?", "Is parking free?", "Do you repair bicycles?"
    said = run(environment, tmp_path, EXAMPLES / "streaming_async.py", docs, *questions)
    assert f"[{questions[0]}] from: prices.md" in said
    assert f"[{questions[1]}] from: parking.md" in said
    assert f"[{questions[2]}] from: no source" in said


def test_plugin_embedder(environment: dict[str, str], docs: Path, tmp_path: Path) -> None:
    plugin = installed(EXAMPLES / "plugin_embedder", tmp_path / "plugins")
    chosen = {
        **environment,
        "PYTHONPATH": str(plugin),
        "SLOTH_EMBEDDER": "ngrams",
        "SLOTH_PLUGINS__NGRAMS__DIMENSIONS": "128",
    }
    sloth = Path(sys.executable).with_name("sloth")
    run(chosen, tmp_path, sloth, "ingest", docs)
    assert "ngrams/3/128" in run(chosen, tmp_path, sloth, "tenants", "show", "default")
    # A word that stands in no document: only its letters can lead there.
    assert "prices.md" in run(chosen, tmp_path, sloth, "search", "manicur-e", "-k", "1")


def test_langchain_models_and_retriever(
    environment: dict[str, str], docs: Path, tmp_path: Path
) -> None:
    pytest.importorskip("langchain_core", reason="needs the extra `langchain`")
    script = EXAMPLES / "langchain_backends.py"
    said = run(environment, tmp_path, script, docs, "How much is a manicure?")
    assert "vectors: langchain/LetterCounts/26" in said
    assert re.search(r"answer: The first passage tells it \[1\]\. — (prices|parking)\.md", said)
    assert re.search(r"retrieved: .*prices\.md", said)


def test_langchain_is_named_where_it_is_not_installed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "langchain_core.py").write_text("raise ModuleNotFoundError(name=__name__)")
    shown = subprocess.run(
        [sys.executable, EXAMPLES / "langchain_backends.py", tmp_path, "When?"],
        env={**environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 1
    assert shown.stderr == ('This example needs LangChain: pip install "sloth-agent[langchain]"\n')
