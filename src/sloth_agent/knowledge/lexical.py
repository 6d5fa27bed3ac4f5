"""Words as the lexical search sees them, in any language and without a dictionary.

A search finds candidates by `terms`, inside the database; `rescore` then reads their texts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import log
from operator import itemgetter
from unicodedata import normalize

PREFIX_LETTERS = 5
"""Words that share this many letters are one term: inflection mostly changes what follows."""

_first_letters = itemgetter(slice(PREFIX_LETTERS))
_WORD = re.compile(r"[^\W_]+(?:['][^\W_]+)*")

_QUESTION_WORDS = 48  # a pasted letter costs no more than a question
_STEM_LETTERS = 4  # bolder than a term: these texts are candidates already
_GRAM_LETTERS = 4
_GRAM_STEP = 2  # every second one tells as much as all of them
_SATURATION = 1.2  # BM25's k1
_LENGTH_SHARE = 0.65  # BM25's b
_USUAL_LENGTH = 1000  # characters; a fixed one, so that no candidate changes another's score by it
_RARITY_POWER = 1.3  # rare parts count for more than BM25 lets them

_APOSTROPHES = "’ʼ‘´"
_TEXT_END = "\x1e"  # between texts that are looked at together; in a text it is one more gap
_ASCII_GAPS = bytes(
    code
    if code > 127 or chr(code).isalnum() or chr(code) == _TEXT_END
    else ord("'")
    if chr(code) in "'`"
    else 32
    for code in range(256)
)
_ASCII_WORDS = bytes(
    code if code > 127 or chr(code).isalnum() or chr(code) == _TEXT_END else 32
    for code in range(256)
)
_ASCII_APOSTROPHES = b"'`"
_INSIDE_WORDS = "’ʼ‘´\u00ad\u0301"  # apostrophes, soft hyphen, stress mark
_BETWEEN_WORDS = "–—„“”‚«»…·•−‑§№\u00a0\u202f\u2009"
_PLAIN_LETTERS = tuple(zip("ąćęłńóśźżäöüéèáíçñґ", "acelnoszzaoueeaicnг", strict=True))


def words(text: str) -> list[str]:
    """Lower-case words in order of appearance; apostrophe variants are one sign."""
    return _split(_gapped(text))


def terms(text: str) -> list[str]:
    """The index terms of a text: each word's first letters, each once, in order of appearance.

    Letters go without the marks that people leave out when they type.
    """
    [beginnings] = _beginnings([text])
    return list(dict.fromkeys(beginnings))


def terms_of_each(texts: Sequence[str]) -> list[set[str]]:
    """The `terms` of many texts, in no order."""
    return list(map(set, _beginnings(texts))) if texts else []


def _beginnings(texts: Sequence[str]) -> Iterator[Iterator[str]]:
    """Of each text's words; letters of all are made plain together, which takes less time."""
    for gapped in plain(_gapped(_together(texts))).split(_TEXT_END):
        yield map(_first_letters, _split(gapped))


def _together(texts: Sequence[str]) -> str:
    return _TEXT_END.join([text.replace(_TEXT_END, " ") for text in texts])


def _gapped(text: str) -> str:
    """Lower-case, with one sign for apostrophes, and spaces for other ASCII signs.

    Single replacements and a table of bytes: a regular expression or `str.translate` on the whole
    text takes several times as long, and ingestion does this to every chunk.
    """
    if not text.isascii():
        text = normalize("NFC", text)
    text = text.lower()
    if not text.isascii():
        for sign in _APOSTROPHES:
            text = text.replace(sign, "'")
        text = text.replace("\u00ad", "")
        for sign in _BETWEEN_WORDS:
            text = text.replace(sign, " ")
    return text.encode(errors="surrogatepass").translate(_ASCII_GAPS).decode(errors="surrogatepass")


def _split(gapped: str) -> list[str]:
    letters = gapped.replace(" ", "")
    if "'" in letters:
        # It's is one word; 'quoted' is, without its quotes.
        gapped = f" {gapped} ".replace("''", " ").replace(" '", " ").replace("' ", " ")
        letters = letters.replace("'", "")
    if letters.isalnum():
        return gapped.split()
    return [word for part in gapped.split() for word in _WORD.findall(part)]


def plain(text: str) -> str:
    """Lower-case text without the marks that people leave out: Öl, Ol; żółty, zolty."""
    if not text.isascii():
        for marked, letter in _PLAIN_LETTERS:
            text = text.replace(marked, letter)
        text = text.replace("ß", "ss")
    return text


def rescore(question: str, texts: Sequence[str]) -> list[float]:
    """How much of a question each text holds, between 0 and 1, in the order given.

    Looks for the question's words, for their beginnings and for groups of letters within them:
    the words tell exact names, the beginnings see through endings, the groups through compounds
    and spellings. What few of these texts hold counts most, what none holds lowers all scores, so
    a question in another language scores near 0 everywhere. BM25 otherwise.
    """
    flat = _flat_each(texts)
    damping = [
        _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * len(text) / _USUAL_LENGTH)
        for text in flat
    ]
    scores = [0.0] * len(flat)
    attainable = 0.0
    for weight, counts in _counted(_parts(question), flat):
        value = weight * _rarity(len(counts) - counts.count(0), among=len(counts))
        attainable += value
        for index, count in enumerate(counts):
            if count:
                scores[index] += value * count / (count + damping[index])
    return [score / attainable for score in scores] if attainable else scores


def _counted(
    parts: Mapping[str, float], flat: Sequence[str]
) -> Iterator[tuple[float, Sequence[int]]]:
    """Each part's weight and how often each text holds it.

    Counting is most of a search's work here, so a longer part is only looked for where its own
    first letters have been found.
    """
    found: dict[str, list[int]] = {}
    for part in sorted(parts, key=len):
        shorter = found.get(part[: _STEM_LETTERS + 1]) or found.get(part[:_GRAM_LETTERS])
        if shorter:
            counts = [text.count(part) if n else 0 for text, n in zip(flat, shorter, strict=True)]
        else:
            counts = [text.count(part) for text in flat]
        found[part] = counts
        yield parts[part], counts


def _rarity(holding: int, *, among: int) -> float:
    """Never 0: among a handful of texts, what all of them hold still tells them from no match."""
    return float(log(1 + (among - holding + 0.5) / (holding + 0.5)) ** _RARITY_POWER)


def _parts(question: str) -> dict[str, float]:
    """What to look for in a flat text, with weights; a space stands for a word's edge."""
    weights: dict[str, float] = {}
    for word in islice(dict.fromkeys(_flat(question).split()), _QUESTION_WORDS):
        whole = f" {word} "
        beginning = whole[: _STEM_LETTERS + 1] if len(word) >= _STEM_LETTERS else whole
        for part in (whole, beginning):
            weights[part] = weights.get(part, 0) + 1
        for start in range(0, max(len(whole) - _GRAM_LETTERS, 0) + 1, _GRAM_STEP):
            weights.setdefault(whole[start : start + _GRAM_LETTERS], 1)
    return weights


def _flat(text: str) -> str:
    [flat] = _flat_each([text])
    return flat


def _flat_each(texts: Sequence[str]) -> list[str]:
    """Lower-case words between spaces, without apostrophes and marks that people leave out.

    Replaces signs one by one and the ASCII ones as bytes, in all texts at once: several times
    faster than a regular expression or `str.translate`, and a search does this to every candidate.
    """
    if not texts:
        return []
    together = _together(texts).lower()
    if not together.isascii():
        together = normalize("NFC", together)
        for sign in _INSIDE_WORDS:
            together = together.replace(sign, "")
        for sign in _BETWEEN_WORDS:
            together = together.replace(sign, " ")
        together = plain(together)
    ascii_flat = together.encode(errors="surrogatepass").translate(_ASCII_WORDS, _ASCII_APOSTROPHES)
    flat = ascii_flat.decode(errors="surrogatepass")
    return [f" {text} " for text in flat.split(_TEXT_END)]
