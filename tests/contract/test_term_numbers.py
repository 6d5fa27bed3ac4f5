"""Terms as numbers, as the server itself reads them."""

from collections.abc import Sequence

import pytest

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.term_numbers import (
    MOST_IN_A_VECTOR,
    TERM_NUMBERS,
    binary_terms,
    numbers_of_each,
    term_number,
    vector_literal,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("numbers", [[], [0], [7, 8, TERM_NUMBERS - 1]])
async def test_the_server_reads_what_we_pack(database: Database, numbers: list[int]) -> None:
    in_array, in_vector = await read_back(database, numbers)
    assert in_array == numbers
    assert in_vector == "{" + ",".join(f"{n + 1}:1" for n in numbers) + f"}}/{TERM_NUMBERS}"


async def test_a_row_of_novel_length_is_found_by_all_its_terms(database: Database) -> None:
    numbers = list(range(0, 40_000, 2))
    in_array, in_vector = await read_back(database, numbers)
    assert in_array == numbers
    assert in_vector.count(":") == MOST_IN_A_VECTOR


async def test_a_rank_is_the_sum_of_the_weights_of_the_terms_held(database: Database) -> None:
    [held] = numbers_of_each([{"color", "brush", "price"}])
    _, in_vector = await read_back(database, held)
    query = vector_literal({"color": 1.5, "price": 0.25, "absen": 8.0})
    async with database.owning() as connection:
        found = await connection.execute(
            "select -(%s::sparsevec <#> %s::sparsevec)", (in_vector, query)
        )
        assert await found.fetchone() == (1.75,)


def test_terms_of_one_number_are_one() -> None:
    one, other = "a77jahr", "w3ksfrl"
    assert term_number(one) == term_number(other)
    assert numbers_of_each([{one, other}, {one}, set()]) == [[term_number(one)]] * 2 + [[]]
    assert vector_literal({one: 1.0, other: 2.0}).startswith(f"{{{term_number(one) + 1}:3.000000}}")
    assert vector_literal({}) == f"{{}}/{TERM_NUMBERS}"


async def read_back(database: Database, numbers: Sequence[int]) -> tuple[list[int], str]:
    in_array, in_vector = binary_terms(numbers)
    async with database.owning() as connection:
        await connection.execute(
            "create temporary table packed (terms integer[], term_vector sparsevec(536870912))"
            " on commit drop"
        )
        async with (
            connection.cursor() as cursor,
            cursor.copy("copy packed from stdin (format binary)") as copy,
        ):
            copied = b"".join((len(field).to_bytes(4) + field) for field in (in_array, in_vector))
            await copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\2" + copied + b"\xff\xff")
        found = await connection.execute("select terms, term_vector::text from packed")
        row = await found.fetchone()
    assert row is not None
    return row
