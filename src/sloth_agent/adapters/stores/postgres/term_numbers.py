"""Terms as the numbers that stand for them in the database."""

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from struct import pack
from zlib import crc32

TERM_NUMBERS = 1 << 29
"""A sparse vector has no room for many more; of 100,000 terms some ten share their number."""

MOST_IN_A_VECTOR = 16_000
"""Only a table row of novel length holds more; what is beyond it is found, but ranked without."""

_INTEGER = 23  # PostgreSQL's number of the type
_ELEMENT = 4 << 32  # before each element of an array stands its length in bytes


def term_number(term: str) -> int:
    return _numbers([term])[term]


def numbers_of_each(texts: Sequence[Set[str]]) -> list[list[int]]:
    """The numbers of each text's terms, each once, lowest first."""
    numbers = _numbers(set().union(*texts))
    each = [sorted(map(numbers.__getitem__, terms)) for terms in texts]
    if len(set(numbers.values())) < len(numbers):  # two terms share one
        return [sorted(set(one)) for one in each]
    return each


def _numbers(terms: Collection[str]) -> dict[str, int]:
    """Encoded together, which takes half the time; a term holds no line's end."""
    encoded = "\n".join(terms).encode(errors="surrogatepass").split(b"\n")
    checksums = map(crc32, encoded)  # one too many where there are no terms
    return {term: sum % TERM_NUMBERS for term, sum in zip(terms, checksums, strict=False)}


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
    return f"{{{str(list(numbers))[1:-1]}}}"  # several times as fast as to join them


def vector_literal(weights: Mapping[str, float]) -> str:
    """A vector of terms' weights; terms of one number count together."""
    summed: dict[int, float] = {}
    for term, weight in weights.items():
        number = term_number(term)
        summed[number] = summed.get(number, 0) + weight
    positions = ",".join(f"{number + 1}:{weight:.6f}" for number, weight in summed.items())
    return f"{{{positions}}}/{TERM_NUMBERS}"
