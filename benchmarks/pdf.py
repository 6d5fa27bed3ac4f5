"""How fast a long PDF is read, beside the parser alone, and how much memory that takes."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped] # it has no types
from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material

_OURS = str(Path(__file__).with_name("pdf_memory.py"))


async def measure(material: Material) -> AsyncIterator[Figure]:
    files = sorted((material.data / "documents" / "texts").glob("long.*.pdf"))
    if not files:
        missing = f"no long PDF below {material.data}"
        yield Figure(part="pdf", name="a long PDF", value=None, note=f"skipped: {missing}")
        return
    content = files[0].read_bytes()
    pages, alone = parser_alone(content)
    async with opened() as sloth:
        reader = (await sloth.tenant()).services.backends.reader
        await reader.read(b"warm\n", name="warm.txt")
        started = time.perf_counter()
        await reader.read(content, name=files[0].name)
        seconds = time.perf_counter() - started
    yield Figure(
        part="pdf",
        name=f"{pages} pages into blocks",
        value=pages / seconds,
        unit="pages/s",
        wanted=">= 0.8x",
        baseline=pages / alone,
        baseline_name="pypdfium2 alone",
    )
    peaks = peaks_of_memory(files[0])
    for name, wanted in (("our process", "<= 300"), ("the child that reads", "<= 512")):
        yield Figure(
            part="pdf",
            name=f"peak memory of {name}, {pages} pages ingested",
            value=peaks[name],
            unit="MB",
            wanted=wanted,
        )


def peaks_of_memory(file: Path) -> dict[str, float]:
    command = [sys.executable, _OURS, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def parser_alone(content: bytes) -> tuple[int, float]:
    """Pages, and the seconds that taking their texts in turn costs."""
    started = time.perf_counter()
    document = pypdfium2.PdfDocument(content)
    pages = len(document)
    for number in range(pages):
        page = document[number]
        text_page = page.get_textpage()
        text_page.get_text_range()
        text_page.close()
        page.close()
    document.close()
    return pages, time.perf_counter() - started
