"""Quality of search and of quoted answers, by the scripts under `quality/`."""

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.material import LANGUAGES, Material

_QUALITY = Path(__file__).parent / "quality"
_WANTED_MRR = {"en": "aim .965", "de": "aim .955", "pl": "aim .945", "uk": "aim .79"}
_WANTED_QUOTED = {"en": ">= .70", "de": ">= .65", "pl": ">= .65", "uk": ">= .50"}


async def measure(material: Material) -> AsyncIterator[Figure]:
    if not (material.data / "qa").is_dir():
        note = f"skipped: no question sets at {material.data / 'qa'}"
        yield Figure(part="quality", name="search and answers", value=None, note=note)
        return
    searched = _run("retrieval.py", material.data / "qa")["quality"]
    for language in LANGUAGES:
        of = {line["ranking"]: line for line in searched if line["haystack"] == language}
        rivals = [line for name, line in of.items() if name.startswith("BM25")]
        for figure, wanted in (("mrr@10", _WANTED_MRR[language]), ("r@5", ">= baseline")):
            best = max(rivals, key=lambda line: line[figure])
            yield Figure(
                part="quality",
                name=f"search without a model, {language}, {figure}",
                value=of["lexical"][figure],
                wanted=wanted,
                baseline=best[figure],
                baseline_name=best["ranking"],
            )
    for group in _run("answers.py", material.data)["groups"]:
        language = str(group["group"]).split()[-1]
        if group["quoted"] is not None:
            yield Figure(
                part="quality",
                name=f"quotes hold the answer, {group['group']}",
                value=group["quoted"],
                wanted=_WANTED_QUOTED.get(language, ""),
            )
        if group["auc"] is not None:
            yield Figure(
                part="quality",
                name=f"refusals, area under the curve, {group['group']}",
                value=group["auc"],
                wanted="aim .75",
            )


def _run(script: str, data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, str(_QUALITY / script), "--data", str(data), "--json", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
