"""Vectors of the question sets for `retrieval.py`, by any sentence-transformers model.

    python benchmarks/quality/embed.py --data DIR --model NAME_OR_FOLDER --output DIR

Needs `sentence-transformers`; no other part of the benchmark does.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

FIELDS = {"paragraphs": "paragraph", "questions": "question"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Embed the question sets once.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args()

    model = SentenceTransformer(chosen.model, device="cpu")
    chosen.output.mkdir(parents=True, exist_ok=True)
    for kind, name in FIELDS.items():
        for file in sorted(chosen.data.glob(f"*.{kind}.jsonl")):
            lines = file.read_text(encoding="utf-8").splitlines()
            texts = [json.loads(line)[name] for line in lines]
            vectors = model.encode(texts, normalize_embeddings=True)
            np.save(chosen.output / f"{file.stem}.npy", vectors.astype(np.float32))
            print(file.stem, len(texts))


if __name__ == "__main__":
    main()
