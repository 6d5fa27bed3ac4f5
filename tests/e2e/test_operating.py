"""The first section of `docs/operating.md`, as a new operator types it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.command import Sloth
from sloth_agent.adapters.stores.postgres.embedded import attach

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the page is written for a POSIX shell"),
]

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def typed(section: str) -> str:
    text = PAGE.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^ {4}(.+)$", text, re.MULTILINE))


@contextmanager
def serving(home: Path) -> Iterator[None]:
    """So that thirty commands need not start and stop the server."""
    home.mkdir(parents=True)
    attachment = attach(home)
    yield
    attachment.release()


def tenants(home: Path) -> set[str]:
    items = Sloth(home, home)("tenants", "list", "--json").json["items"]
    return {item["slug"] for item in items}


def test_ten_firms_from_nothing(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "prices.md").write_text("# Prices\n\nA haircut costs 40 euro.\n")
    home = tmp_path / ".local" / "share" / "sloth-agent"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with serving(home):
        shell = subprocess.run(
            ["bash", "-euxc", typed("Ten firms, from nothing")],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8", "SLOTH_EMBEDDER": "none"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert shell.returncode == 0, shell.stderr
    assert "error:" not in shell.stderr
    assert shell.stdout.count("A haircut costs 40 euro.") == 2, "here, and on the other install"
    assert " / 0 leaks" in shell.stdout
    assert tenants(home) == {f"salon-{number}" for number in range(1, 11)} - {"salon-4"}
    assert tenants(tmp_path / "elsewhere") == {"salon-4"}
    assert len((tmp_path / "codes.csv").read_text().splitlines()) == 21
