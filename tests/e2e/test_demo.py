"""`sloth demo` and the questions of the example firm, as an installed package has them."""

import subprocess
import sys
from pathlib import Path

import pytest

from fakes.command import Sloth

SALON = Path(__file__).parents[2] / "examples" / "salon"


def test_the_demo_answers_with_sources(sloth_cli: Sloth) -> None:
    shown = sloth_cli("demo")
    assert shown.rc == 0, shown.stderr
    assert "650" in shown.stdout
    assert "price-list.en.xlsx" in shown.stdout
    assert "sloth ingest" in shown.stdout
    answers = sloth_cli("demo", "--json").json["answers"]
    assert [answer["grounded"] for answer in answers] == [True, True, False]
    assert "10:00" in answers[1]["answer"]


def test_the_demo_goes_with_the_package(tmp_path: Path) -> None:
    """The wheel holds the salon's documents, where the demo looks for them."""
    pytest.importorskip("hatchling", reason="builds the wheel")
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for document in ("price-list.en.xlsx", "faq.uk.md", "brochure.en.pdf"):
        assert f"sloth_agent/cli/salon/{document}" in names
    assert "sloth_agent/py.typed" in names
    assert "0001_organizations.sql" in names


def test_the_salon_reaches_its_floors(sloth_cli: Sloth) -> None:
    assert sloth_cli("ingest", f"{SALON}/*.??.*").rc in (0, 3)
    scores = sloth_cli(
        "eval",
        str(SALON / "questions.jsonl"),
        "--min-recall",
        "0.8",
        "--min-answer",
        "0.8",
        "--json",
    )
    assert scores.rc == 0, scores.stderr
    assert scores.json["answer_accuracy"] * 45 >= 38
    assert scores.json["refusal_recall"] * 15 >= 12
