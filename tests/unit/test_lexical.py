"""Words, terms and the careful ranking of candidates by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.knowledge.lexical import rescore, terms, terms_of_each, words

PRICES = [
    "Haircut for women, 40 euro. Colouring from 70 euro.",
    "Manicure, 25 euro. Pedicure, 30 euro.",
    "We are open from 9 to 18, on Saturdays from 10 to 16.",
    "Gift cards are valid for one year.",
]


def best(question: str, texts: list[str]) -> str:
    scores = rescore(question, texts)
    return texts[scores.index(max(scores))]


@pytest.mark.parametrize("apostrophe", "'’ʼ‘`´")
def test_apostrophes_are_one_sign(apostrophe: str) -> None:
    assert words(f"П{apostrophe}ять") == ["п'ять"]
    assert rescore("п'ять", [f"п{apostrophe}ять", "шість"]) == rescore("п'ять", ["п'ять", "шість"])


def test_words_are_lower_case_and_in_order() -> None:
    assert words("Haircut, 40 EURO (women)") == ["haircut", "40", "euro", "women"]


def test_a_letter_and_its_mark_apart_are_the_letter() -> None:
    assert words("и\u0306ого") == words("його")


def test_a_soft_hyphen_does_not_cut_a_word() -> None:
    assert words("Zwischen\u00adzeugnis") == ["zwischenzeugnis"]


def test_terms_are_the_first_letters_once() -> None:
    assert terms("strzyżenie strzyżenia włosów") == ["strzy", "wloso"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("strzyzenie zolte", "strzyżenie żółte"),
        ("Offnungszeiten uber", "Öffnungszeiten über"),
        ("Strasse", "Straße"),
        ("GROSSE", "GROẞE"),
        ("ганок", "ґанок"),
    ],
)
def test_terms_are_the_same_without_marks(typed: str, written: str) -> None:
    assert terms(typed) == terms(written)


@given(st.lists(st.text("abΣσёß'’´\u00ad\u0301\x1e\n €_🙂\ud800", max_size=12)))
def test_terms_of_each_text_are_its_own(texts: list[str]) -> None:
    assert terms_of_each(texts) == [set(terms(text)) for text in texts]


def test_no_texts_give_no_scores() -> None:
    assert rescore("haircut", []) == []


@pytest.mark.parametrize("question", ["", "  ", "?!", "\x00"])
def test_a_question_without_words_matches_nothing(question: str) -> None:
    assert rescore(question, PRICES) == [0.0] * len(PRICES)


def test_a_question_in_foreign_words_matches_nothing() -> None:
    assert max(rescore("Скільки коштує манікюр?", PRICES)) == 0


def test_case_changes_nothing() -> None:
    assert rescore("HAIRCUT", PRICES) == rescore("haircut", PRICES)


def test_the_order_of_the_question_changes_nothing() -> None:
    assert rescore("euro haircut women", PRICES) == pytest.approx(
        rescore("women haircut euro", PRICES)
    )


def test_scores_stay_with_their_texts() -> None:
    scores = rescore("haircut in euro", PRICES)
    assert rescore("haircut in euro", PRICES[::-1]) == pytest.approx(scores[::-1])


def test_each_matched_word_adds() -> None:
    texts = ["haircut", "haircut women", "haircut women colouring", "something else"]
    one, two, three, none = rescore("haircut women colouring", texts)
    assert three > two > one > none == 0


def test_a_rare_word_outweighs_a_common_one() -> None:
    texts = ["euro salon", "euro hotel", "euro shop", "euro manicure", "manicure"]
    scores = rescore("euro manicure", texts)
    assert scores[4] > scores[0]


def test_of_equal_matches_the_shorter_text_is_better() -> None:
    short, long = rescore("haircut", ["Haircut.", "Haircut. " + "Many other things. " * 50])
    assert short > long


def test_a_word_is_no_part_of_another() -> None:
    assert best("cut", ["the shortcut is quick", "a cut is quick"]) == "a cut is quick"


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("Ile kosztuje strzyżenie?", "Cena strzyżenia: 90 zł", "Cena koloryzacji: 90 zł"),
        ("Ile za strzyzenie meskie?", "Strzyżenie męskie: 90 zł", "Strzyżenie damskie: 90 zł"),
        ("Скільки коштує фарбування?", "Ціна фарбувань від 900 грн", "Ціна зачісок від 900 грн"),
        ("Was kostet der Schnitt?", "Damenhaarschnitt 40 Euro", "Damenmaniküre 40 Euro"),
        ("When was Beyonce born?", "Beyoncé was born in Houston.", "Adele was born in London."),
        ("Wie heißt die Strasse?", "Die Straße: Lindenallee", "Die Stadt: Leipzig"),
        ("opening hours", "Opening-hours | 9–18", "Closing party | 9–18"),
    ],
)  # fmt: skip
def test_endings_compounds_and_marks_are_seen_through(
    question: str, right: str, wrong: str
) -> None:
    assert best(question, [wrong, right]) == right


def test_a_pasted_letter_costs_no_more_than_a_question() -> None:
    letter = " ".join(f"word{number}" for number in range(100_000))
    assert best(letter, ["nothing of it", "word7 and word8"]) == "word7 and word8"


@given(question=st.text(), texts=st.lists(st.text(), max_size=5))
def test_any_text_gets_a_score_between_0_and_1(question: str, texts: list[str]) -> None:
    scores = rescore(question, texts)
    assert len(scores) == len(texts)
    assert all(0 <= score <= 1 for score in scores)


def test_lone_surrogates_are_letters_like_others() -> None:
    assert max(rescore("\ud800 haircut", ["haircut \udfff", "other"])) > 0
