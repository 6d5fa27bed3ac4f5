"""When vectors may change what the words say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.knowledge.fusion import fuse

NO_WORDS = [0.0, 0.0, 0.0, 0.0, 0.0]


def order(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda index: -scores[index])


def test_no_candidates_need_no_scores() -> None:
    assert fuse([], []) == []


def test_one_candidate_keeps_its_score() -> None:
    assert fuse([0.4], [0.9]) == [0.4]


def test_equal_similarities_leave_the_words_alone() -> None:
    lexical = [0.1, 0.4, 0.2]
    assert fuse(lexical, [0.7, 0.7, 0.7]) == lexical


def test_perfect_matches_everywhere_leave_the_words_alone() -> None:
    assert fuse([0.1, 0.4], [1.0, 1.0]) == [0.1, 0.4]


def test_a_model_that_sees_little_difference_hardly_moves_the_words() -> None:
    lexical = [0.30, 0.25, 0.20, 0.05, 0.0]
    assert order(fuse(lexical, [0.55, 0.56, 0.53, 0.58, 0.60])) == [0, 1, 2, 3, 4]


def test_vectors_decide_where_no_word_matches() -> None:
    assert order(fuse(NO_WORDS, [0.1, 0.2, 0.6, 0.3, 0.0])) == [2, 3, 1, 0, 4]


def test_a_clear_neighbour_decides_between_near_equal_words() -> None:
    lexical = [0.31, 0.30, 0.05, 0.05, 0.05]
    assert order(fuse(lexical, [0.2, 0.7, 0.1, 0.1, 0.2]))[0] == 1


def test_a_clear_neighbour_beats_stray_words_of_another_language() -> None:
    lexical = [0.05, 0.03, 0.0, 0.0, 0.0]
    assert order(fuse(lexical, [0.1, 0.1, 0.65, 0.1, 0.2]))[0] == 2


def test_models_that_hold_all_texts_nearer_are_read_alike() -> None:
    lexical = [0.3, 0.2, 0.1]
    wide = [0.1, 0.6, 0.2]
    narrow = [0.7 + 0.3 * similarity for similarity in wide]
    assert fuse(lexical, narrow) == pytest.approx(fuse(lexical, wide))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), min_size=1, max_size=20))
def test_who_leads_in_both_leads(pairs: list[tuple[float, float]]) -> None:
    lexical = [*(words for words, _ in pairs), 1.0]
    similarities = [*(similarity for _, similarity in pairs), 1.0]
    fused = fuse(lexical, similarities)
    assert fused[-1] == pytest.approx(max(fused))
