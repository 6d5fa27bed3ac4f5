"""Identifiers: unique, unguessable, ordered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

from sloth_agent.ids import new_id, new_ids


def test_ids_are_version_7_of_the_standard() -> None:
    id = new_id()
    assert id.version == 7
    assert id.variant == "specified in RFC 4122"
    made_at = datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
    assert abs((datetime.now(UTC) - made_at).total_seconds()) < 5


def test_ids_follow_each_other() -> None:
    ids = [*(new_id() for _ in range(5_000)), *new_ids(5_000)]
    assert all(before < after for before, after in pairwise(ids))
    assert all(str(before) < str(after) for before, after in pairwise(ids))


def test_ids_of_many_threads_differ() -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = [
            id
            for part in threads.map(lambda _: [new_id() for _ in range(500)], range(16))
            for id in part
        ]
    assert len(set(ids)) == len(ids)
    assert len({id.int & ((1 << 62) - 1) for id in ids}) == len(ids)
