"""Terms as the numbers that stand for them in the database."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import pack
from zlib import crc32

TERM_NUMBERS = 1 << 29
"""A sparse vector has no room for more; of 100,000 terms some ten share their number."""

MOST_IN_A_VECTOR = 16_000
"""Only a table row of novel length holds more; what is beyond it is found, but ranked without."""

_INTEGER = 23  # PostgreSQL's number of the type
_ELEMENT = 4 << 32  # before each element of an array stands its length in bytes


@lru_cache(maxsize=1 << 16)
def term_number(term: str) -> int:
    return crc32(term.encode(errors="surrogatepass")) % TERM_NUMBERS


def numbers_of_each(texts: Sequence[Iterable[str]]) -> list[list[int]]:
    """The numbers of each text's terms, each once, lowest first."""
    distinct: set[str] = set().union(*texts)
    numbers = dict(zip(distinct, map(term_number, distinct), strict=True))
    return [sorted(set(map(numbers.__getitem__, terms))) for terms in texts]


def binary_terms(numbers: Sequence[int]) -> tuple[bytes, bytes]:
    """What COPY takes for an array of these numbers, and for a vector with ones at them."""
    count = len(numbers)
    if not count:
        return pack(">iii", 0, 0, _INTEGER), pack(">iii", TERM_NUMBERS, 0, 0)
    elements = pack(f">{count}q", *[_ELEMENT + number for number in numbers])
    ones = min(count, MOST_IN_A_VECTOR)
    positions = array("I", elements)[1 : 2 * ones : 2].tobytes()  # the numbers without lengths
    return (
        pack(">iiiii", 1, 0, _INTEGER, count, 1) + elements,
        pack(">iii", TERM_NUMBERS, ones, 0) + positions + pack(">f", 1) * ones,
    )


def array_literal(numbers: Iterable[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def vector_literal(weights: Mapping[str, float]) -> str:
    """A vector of terms' weights; terms of one number count together."""
    summed: dict[int, float] = {}
    for term, weight in weights.items():
        number = term_number(term)
        summed[number] = summed.get(number, 0) + weight
    positions = ",".join(f"{number + 1}:{weight:.6f}" for number, weight in summed.items())
    return f"{{{positions}}}/{TERM_NUMBERS}"
