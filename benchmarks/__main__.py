"""All benchmarks, or the parts that are named: `python -m benchmarks [PART...] [--json FILE]`."""

import argparse
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import anyio
from benchmarks import (
    asked,
    backups,
    channels,
    cli,
    embedding,
    flood,
    ingest,
    jobs,
    many_tenants,
    moving,
    pdf,
    question_sets,
    search,
    server,
    tenants,
    walls,
    webhooks,
)
from benchmarks.figures import Figure, table
from benchmarks.machine import Machine, this_machine
from benchmarks.material import Material, load

Part = Callable[[Material], AsyncIterator[Figure]]

PARTS: dict[str, Part] = {
    "ingest": ingest.measure,
    "embedding": embedding.measure,
    "pdf": pdf.measure,
    "search": search.measure,
    "tenants": tenants.measure,
    "walls": walls.measure,
    "jobs": jobs.measure,
    "server": server.measure,
    "flood": flood.measure,
    "webhooks": webhooks.measure,
    "channels": channels.measure,
    "moving": moving.measure,
    "many": many_tenants.measure,
    "backups": backups.measure,
    "cli": cli.measure,
    "quality": question_sets.measure,
    "asked": asked.measure,
}
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Figures, never asserted.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or all")
    parser.add_argument("--data", type=Path, default=SHARED_DATA, help="question sets, documents")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    machine, figures = anyio.run(_measured, chosen.parts or list(PARTS), chosen.data)
    print(f"\n{machine}\n\n{table(figures)}")
    if chosen.json:
        report = {"machine": asdict(machine), "figures": [asdict(figure) for figure in figures]}
        chosen.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


async def _measured(parts: Sequence[str], data: Path) -> tuple[Machine, list[Figure]]:
    machine = await this_machine()
    material = load(data)
    figures: list[Figure] = []
    for part in parts:
        print(f"{part} ...", flush=True)
        figures += [figure async for figure in PARTS[part](material)]
    return machine, figures


if __name__ == "__main__":
    main()
