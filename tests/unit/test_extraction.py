"""Which sentences and rows answer a question, and when to refuse."""

from collections.abc import Sequence

import pytest

from sloth_agent.adapters.chat_models.extractive import ExtractiveModel
from sloth_agent.agent.evidence import holds
from sloth_agent.agent.extraction import CONFIDENT, Extract, extract
from sloth_agent.agent.following import leans, leant_on
from sloth_agent.agent.matching import likeness, other_script, sound
from sloth_agent.agent.models import Speaker
from sloth_agent.agent.ports import ChatRequest, Completion, Delta, Turn
from sloth_agent.agent.questions import Asked, bridged_text, search_text, topics, understand
from sloth_agent.agent.sentences import PieceKind, pieces
from sloth_agent.agent.weekdays import spanned_days
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.lexical import terms
from sloth_agent.knowledge.models import Passage, Place
from sloth_agent.language import Language


def passage(text: str, *, header: str = "", headings: tuple[str, ...] = ()) -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        document="notes.md",
        text=text,
        score=1.0,
        place=Place(headings=headings),
        header=header,
    )


PRICES = passage(
    "Oil change | 60 | 30\nWheel change | 45 | 40\nFull inspection | 120 | 90",
    header="Service | Price, EUR | Duration, min",
)
HOURS = passage(
    "Opening hours\nMonday-Friday   08:00-17:00\nSaturday        09:00-13:00\nSunday  closed"
)
RULES = passage(
    "Cancel at least 24 hours ahead. Later than that we charge half of the price.\n"
    "The workshop belongs to Martha Klein. Cars are kept in the yard for 3 days."
)
FAQ = passage(
    "## Can I wait inside?\nYes, there is a room with coffee.",
    headings=("Questions", "Can I wait inside?"),
)
ALL = (PRICES, HOURS, RULES, FAQ)


def ask(question: str, passages: Sequence[Passage] = ALL) -> Extract:
    weights = dict.fromkeys(terms(question), 2.0)
    found = extract(question, passages, weights)
    assert found is not None
    return found


def test_a_row_is_shown_with_its_columns_and_quoted_word_for_word() -> None:
    found = ask("How much is an oil change?")
    assert found.text == "Oil change — Price, EUR: 60; Duration, min: 30"
    assert [quote.text for quote in found.quotes] == ["Oil change | 60 | 30"]
    assert found.confidence > CONFIDENT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Until what time are you open on Saturday?", "09:00-13:00"),
        ("Who owns the workshop?", "Martha Klein"),
        ("How many days are cars kept in the yard?", "3 days"),
        ("Can I wait inside?", "room with coffee"),
    ],
)
def test_the_piece_that_holds_what_is_asked_for_is_quoted(question: str, answer: str) -> None:
    found = ask(question)
    assert answer in found.text
    assert all(quote.text in ALL[quote.passage].text for quote in found.quotes)
    assert "?" not in found.text


@pytest.mark.parametrize(
    "question",
    [
        "Do you sell winter tyres from Finland?",
        "How much does Martha Klein earn in a year?",
        "What is the depth of the swimming pool?",
    ],
)
def test_what_the_passages_do_not_say_is_refused(question: str) -> None:
    assert ask(question).confidence < CONFIDENT


@pytest.mark.parametrize(
    ("question", "text", "header"),
    [
        ("How much is a boat service?", "Car service | 90", "Service | Price, EUR"),
        ("Ile kosztuje naprawa roweru?", "Wypożyczenie roweru kosztuje 40 zł za dobę.", ""),
        ("Is there a playground in the yard?", "Cars are washed in the yard.", ""),
        ("Wann hat Martha Klein Urlaub?", "Martha Klein leitet die Werkstatt seit 2011.", ""),
        ("Коли народилася Марта Кляйн?", "Марта Кляйн веде майстерню у Львові.", ""),
        ("Which school did Dr Klein go to?", "Dr Klein opened the yard in 1999.", ""),
    ],
)
def test_what_is_told_of_something_else_is_refused(question: str, text: str, header: str) -> None:
    assert ask(question, [passage(text, header=header), HOURS]).confidence < CONFIDENT


@pytest.mark.parametrize(
    "question",
    [
        "Where can I wait?",
        "Where can I wait at the moment?",
        "Where can I wait these days?",
        "Where can I wait today?",
        "Wo kann ich zurzeit warten?",
        "Wo kann ich im Moment warten?",
        "Gdzie teraz mogę zaczekać?",
        "Gdzie mogę zaczekać w tej chwili?",
        "Де зараз можна чекати?",
    ],
)
def test_that_a_question_is_asked_now_says_nothing(question: str) -> None:
    rooms = passage("Wait / Warten / Zaczekać / Чекати: Mill Lane 5, next to the yard.")
    found = ask(question, [rooms])
    assert found.confidence > CONFIDENT


def test_a_number_is_no_amount_of_money_and_is_the_same_in_any_groups() -> None:
    rates = passage("Car under 2 t | €35\nCar over 2 t | €60", header="Car | Per night")
    assert "€60" in ask("How much is a night for a 35 t car?", [rates]).text
    assert ask("What can I have for €35 a night?", [rates]).text == "Car under 2 t — Per night: €35"
    office = passage("Office: 0341 555 27 60. Yard: 0172 555 94 03.")
    assert ask("Whose number is 0341-5552760?", [office]).text.startswith("Office")


def test_a_telephone_number_is_told_as_one_without_the_word() -> None:
    desk = passage("Front desk 71 330 12 45\nNight service 71 330 12 46")
    found = ask("What is the number of the night service?", [desk])
    assert "71 330 12 46" in found.text
    assert found.confidence > CONFIDENT


def test_a_row_with_an_empty_first_cell_keeps_its_columns() -> None:
    table = passage("| Steel rim | 4 | 95", header="Group | Part | Pieces | Price, EUR")
    found = ask("Price of a steel rim?", [table])
    assert found.text == "Part: Steel rim; Pieces: 4; Price, EUR: 95"


def test_questions_in_bold_are_parted_from_their_answers() -> None:
    text = "**Do you tow?** Yes, day and night. **Do you paint?** No, we never do."
    assert [(piece.kind, piece.asked) for piece in pieces(text)] == [
        (PieceKind.QUESTION, ""),
        (PieceKind.SENTENCE, "**Do you tow?**"),
        (PieceKind.QUESTION, "**Do you tow?**"),
        (PieceKind.SENTENCE, "**Do you paint?**"),
    ]
    assert ask("do you tow", [passage(text)]).text.startswith("Yes, day and night.")


def test_an_answer_in_two_sentences_is_no_guess_when_the_second_holds_it() -> None:
    rules = passage("The new lift stands in hall 3. One hour on it costs 20 €.")
    found = ask("How much is the lift?", [rules, HOURS])
    assert "20 €" in found.text
    assert found.confidence > CONFIDENT


def test_small_words_and_forms_are_known_without_their_marks() -> None:
    asked = understand("do ktorej moge przyjsc?", Language.POLISH, {})
    assert asked.asked is Asked.CLOCK
    assert [term.sound for term in asked.terms] == [sound("przyjsc")]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When can I fetch my car?", "Fetch it in the afternoon."),
        ("When is the yard open?", "Until 6 pm."),
        ("How long does it take?", "About an hour."),
    ],
)
def test_hours_are_told_in_many_ways(question: str, answer: str) -> None:
    assert holds(understand(question, Language.ENGLISH, {}), answer)


@pytest.mark.parametrize(
    "question",
    ["When are you open?", "Коли ви працюєте?", "Kiedy pracujecie?", "Wann habt ihr geöffnet?"],
)
def test_a_time_table_answers_as_a_whole_where_no_day_is_named(question: str) -> None:
    found = ask(question)
    lines = ["Monday-Friday 08:00-17:00", "Saturday 09:00-13:00", "Sunday closed"]
    assert found.text.splitlines() == lines
    assert [quote.text in HOURS.text for quote in found.quotes] == [True]
    assert found.confidence > CONFIDENT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Are you open on Wednesday?", "Monday-Friday 08:00-17:00"),
        ("Чи відчинено в середу?", "Monday-Friday 08:00-17:00"),
        ("Saturday?", "Saturday 09:00-13:00"),
    ],
)
def test_one_day_gets_the_line_that_covers_it(question: str, answer: str) -> None:
    assert ask(question).text == answer


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Monday to Friday", 5),
        ("пн–сб", 6),
        ("pon.-pt.", 5),
        ("Di-Do", 3),
        ("am Wochenende", 2),
        ("do to", 0),
    ],
)
def test_a_span_names_the_days_between_its_ends(text: str, days: int) -> None:
    assert len(spanned_days(text)) == days


def test_a_second_row_is_quoted_only_where_it_tells_as_much() -> None:
    cuts = passage(
        "Women's cut | 40\nMen's cut | 25\nWomen's cut and colour | 95\nShave | 15",
        header="Service | Price, EUR",
    )
    assert ask("How much is a women's cut?", [cuts]).text == "Women's cut — Price, EUR: 40"
    assert "Men's cut" in ask("Price of a cut?", [cuts]).text


def test_a_translation_is_no_second_answer() -> None:
    english = passage("The yard is closed on 24 August.")
    ukrainian = passage("Двір зачинений 24 серпня.")
    found = ask("Is the yard closed on 24 August?", [english, ukrainian])
    assert found.text == "The yard is closed on 24 August."


def test_where_the_firm_is_needs_no_other_word() -> None:
    place = passage("You find us at 14 Harbour Street.")
    assert ask("Where are you?", [RULES, place]).text.startswith("You find us")


def test_days_are_not_cut_from_their_hours() -> None:
    office = "Office: Mon. 9:00-13:00, Sat. 10:00-12:00."
    assert [piece.text for piece in pieces(office)] == [office]


def test_a_sentence_that_leans_on_another_comes_with_it_in_reading_order() -> None:
    found = ask("What do you charge if I cancel later than 24 hours ahead?")
    assert found.text == (
        "Cancel at least 24 hours ahead.\nLater than that we charge half of the price."
    )


@pytest.mark.parametrize(
    ("question", "text", "header"),
    [
        ("Хто власник?", "Martha Klein    owner", ""),
        ("Ile kosztuje японський манікюр?", "Японський манікюр | 480", "Послуга | Ціна, грн"),
        ("Was kostet ein Gutschein?", "Voucher | 20 EUR", "What | Price"),
    ],
)
def test_everyday_words_and_names_meet_across_languages(
    question: str, text: str, header: str
) -> None:
    found = ask(question, [passage(text, header=header)])
    assert found.quotes[0].text == text
    assert found.confidence > CONFIDENT


def test_nothing_to_go_by_gives_nothing() -> None:
    assert extract("How much?", [], {}) is None
    assert extract("", ALL, {}) is None
    assert extract("?! \x00 \ud800", ALL, {}) is None
    assert extract("What is it?", [passage("")], {}) is None


def test_a_term_without_weight_counts_like_the_rarest() -> None:
    question = understand("oil pumpkin", Language.ENGLISH, {"oil": 3.0})
    assert [term.weight for term in question.terms] == [3.0, 3.0]


def test_sentences_are_not_cut_at_abbreviations_and_initials() -> None:
    text = "Dr. J. Weber works at ul. Długa 5 on the 3. Mai. He knows Mr. Smith. Call nr. 12 now!"
    assert [piece.text for piece in pieces(text)] == [
        "Dr. J. Weber works at ul. Długa 5 on the 3. Mai.",
        "He knows Mr. Smith.",
        "Call nr. 12 now!",
    ]


def test_wrapped_lines_are_one_sentence_and_columns_are_lines() -> None:
    text = (
        "It was opened on the first day of spring with two\nchairs.\nMonday   9:00\nFriday   8:00"
    )
    assert [(piece.kind, piece.text) for piece in pieces(text)] == [
        (PieceKind.SENTENCE, "It was opened on the first day of spring with two\nchairs."),
        (PieceKind.LINE, "Monday   9:00"),
        (PieceKind.LINE, "Friday   8:00"),
    ]


def test_items_of_a_list_are_pieces_of_their_own() -> None:
    text = "• Oil is checked in each season for free\n• Old tyres are kept here until the spring"
    assert [piece.kind for piece in pieces(text)] == [PieceKind.LINE] * 2
    assert pieces("• We keep old tyres. Ask us.")[0].kind is PieceKind.SENTENCE


def test_pieces_hold_every_letter_once() -> None:
    text = "# Title\n\nOne. Two?\nThree | 3\n- item\n\nLast words"
    cut = pieces(text)
    assert all(text[piece.start : piece.end] == piece.text for piece in cut)
    assert "".join("".join(piece.text.split()) for piece in cut) == "".join(text.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [("стрижка", "стрижки"), ("marczuk", "марчук"), ("hund", "hunde"), ("manicure", "манікюр")],
)
def test_inflection_script_and_spelling_do_not_part_words(one: str, other: str) -> None:
    assert likeness(sound(one), sound(other)) >= 0.9


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bring", "bride"),
        ("2016", "2017"),
        ("cat", "car"),
        ("cars", "card"),
        ("wolf", "zwölf"),
    ],
)
def test_different_words_are_not_alike(one: str, other: str) -> None:
    assert likeness(sound(one), sound(other)) == 0.0


@pytest.mark.parametrize(
    ("question", "language", "asked"),
    [
        ("Was kostet das?", Language.GERMAN, Asked.PRICE),
        ("Скільки триває сеанс?", Language.UKRAINIAN, Asked.DURATION),
        ("O której godzinie otwieracie?", Language.POLISH, Asked.CLOCK),
        ("Who is she?", Language.ENGLISH, Asked.PERSON),
        ("How old must a driver be?", Language.ENGLISH, Asked.AGE),
        ("Od ilu lat można jeździć?", Language.POLISH, Asked.AGE),
        ("З якого віку можна?", Language.UKRAINIAN, Asked.AGE),
        ("What do I pay if I am late?", Language.ENGLISH, Asked.PRICE),
        ("Is it warm?", Language.ENGLISH, None),
    ],
)
def test_the_form_of_a_question_tells_what_is_asked(
    question: str, language: Language, asked: Asked | None
) -> None:
    assert understand(question, language, {}).asked is asked


def test_a_search_gets_the_telling_words_and_a_bridge_to_other_languages() -> None:
    question = "Kto jest właścicielką salonu?"
    assert search_text(question, Language.POLISH) == "właścicielką salonu"
    assert {"owner", "salonu"} <= set(bridged_text(question, Language.POLISH).split())
    assert other_script("manikiur") == "манікюр"


@pytest.mark.parametrize(
    ("question", "language", "verb"),
    [
        ("Do you sell bicycles?", Language.ENGLISH, "sell"),
        ("verkauft ihr fahrräder", Language.GERMAN, "verkauft"),
        ("Verkaufen Sie Fahrräder?", Language.GERMAN, "verkaufen"),
        ("Чи продаєте велосипеди?", Language.UKRAINIAN, "продаєте"),
        ("Czy sprzedajecie rowery?", Language.POLISH, "sprzedajecie"),
    ],
)
def test_the_thing_weighs_more_than_the_verb_that_asks_for_it(
    question: str, language: Language, verb: str
) -> None:
    asked, thing = sorted(understand(question, language, {}).terms, key=lambda term: term.weight)
    assert asked.sound == sound(verb)
    assert asked.weight < thing.weight


@pytest.mark.parametrize(
    ("question", "language", "subject"),
    [
        ("Is there a playground in the yard?", Language.ENGLISH, "playground"),
        ("Czy w poczekalni jest kawa?", Language.POLISH, "kawa"),
        ("Do you sell winter tyres?", Language.ENGLISH, "winter"),
        ("Скільки коштує курс водіння?", Language.UKRAINIAN, "курс"),
        ("Wo parke ich?", Language.GERMAN, None),
    ],
)
def test_a_question_is_about_the_first_thing_that_is_no_verb_and_no_place(
    question: str, language: Language, subject: str | None
) -> None:
    asked = understand(question, language, {})
    found = None if asked.subject is None else asked.terms[asked.subject].sound
    assert found == (None if subject is None else sound(subject))


def test_a_bus_is_no_car_and_a_pet_is_any_animal() -> None:
    assert topics(sound("autobus")).isdisjoint(topics(sound("auto")))
    assert topics(sound("pet")) >= topics(sound("cat")) | topics(sound("dog"))
    assert topics(sound("cat")).isdisjoint(topics(sound("dog")))


@pytest.mark.anyio
async def test_the_model_yields_the_text_once_and_then_its_sources() -> None:
    question = "How much is an oil change?"
    request = ChatRequest(
        question=question,
        language=Language.ENGLISH,
        passages=ALL,
        instructions="",
        term_weights=dict.fromkeys(terms(question), 2.0),
    )
    delta, completion = [part async for part in ExtractiveModel().answer(request)]
    assert isinstance(delta, Delta)
    assert isinstance(completion, Completion)
    assert delta.text == completion.text
    assert completion.quotes[0].passage == 0


@pytest.mark.anyio
async def test_the_model_has_no_words_of_its_own_for_a_refusal() -> None:
    request = ChatRequest(
        question="What is the depth of the swimming pool?",
        language=Language.ENGLISH,
        passages=ALL,
        instructions="",
    )
    parts = [part async for part in ExtractiveModel().answer(request)]
    assert parts == [Completion(text="", quotes=())]


@pytest.mark.parametrize(
    ("question", "language", "leaning"),
    [
        ("And for a van?", Language.ENGLISH, True),
        ("How long does it take?", Language.ENGLISH, True),
        ("What about vans?", Language.ENGLISH, True),
        ("А для фургона?", Language.UKRAINIAN, True),
        ("A w sobotę?", Language.POLISH, True),
        ("Und ein Ölwechsel?", Language.GERMAN, True),
        ("And can I wait inside?", Language.ENGLISH, False),
        ("A ile kosztuje mycie?", Language.POLISH, False),
        ("Can I wait inside?", Language.ENGLISH, False),
        ("Opening hours?", Language.ENGLISH, False),
    ],
)
def test_a_question_that_only_adds_leans_on_the_one_before(
    question: str, language: Language, leaning: bool
) -> None:
    assert leans(question, language) is leaning


def test_a_question_leans_on_the_newest_that_stands_for_itself_and_on_those_since() -> None:
    earlier = ["Can I pay by card?", "How much is an oil change?", "And a wheel change?"]
    assert leant_on("How long does it take?", earlier, Language.ENGLISH) == (
        "How much is an oil change?\nAnd a wheel change?"
    )
    assert leant_on("Where can I wait?", earlier, Language.ENGLISH) == ""
    assert leant_on("And for vans?", [], Language.ENGLISH) == ""


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("before", "question", "answer"),
    [
        ("How much is an oil change?", "And a wheel change?", "Wheel change — Price, EUR: 45"),
        ("How much is an oil change?", "How long does it take?", "Duration, min: 30"),
        ("Are you open on Saturday?", "And on Wednesday?", "Monday-Friday 08:00-17:00"),
        ("How much is an oil change?", "And a haircut?", ""),
        ("How much is a room with coffee?", "And a day in the yard?", ""),
    ],
)
async def test_the_model_reads_a_question_with_the_one_before(
    before: str, question: str, answer: str
) -> None:
    request = ChatRequest(
        question=question,
        language=Language.ENGLISH,
        passages=ALL,
        instructions="",
        history=[
            Turn(speaker=Speaker.USER, text=before),
            Turn(speaker=Speaker.ASSISTANT, text="…"),
        ],
    )
    *_, completion = [part async for part in ExtractiveModel().answer(request)]
    assert isinstance(completion, Completion)
    assert answer in completion.text
    assert bool(answer) == bool(completion.text)


def test_no_picture_is_shown_from_elsewhere() -> None:
    """Marks that are taken away must not leave one behind."""
    found = ask(
        "When is the workshop closed?",
        [passage("The workshop is closed in August !**[x](http://127.0.0.1/?q=secret).")],
    )
    assert "closed in August" in found.text
    assert "![" not in found.text
