"""One ranking out of two opinions: the words of a text and the nearness of its vector."""

from collections.abc import Sequence
from statistics import median

_MOST_TRUST = 0.8  # of vectors against words, when the best candidate matches perfectly


def fuse(lexical: Sequence[float], similarities: Sequence[float]) -> list[float]:
    """Join two scores of the same candidates, in the order given; higher is better.

    `lexical` as `lexical.rescore` gives it, `similarities` are cosines to the question's vector.

    A model that does not know the language of a text finds everything about equally near, so the
    vectors are trusted as far as their best candidate stands out from the middle one. Standing
    out is measured in shares of what is left up to a perfect match: models differ in how near
    they hold unrelated texts.
    """
    if not similarities:
        return list(lexical)
    middle = median(similarities)
    room = 1 - middle
    if room <= 0:
        return list(lexical)
    lifts = [(similarity - middle) / room for similarity in similarities]
    trust = _MOST_TRUST * max(lifts) ** 2
    return [words + trust * lift for words, lift in zip(lexical, lifts, strict=True)]
