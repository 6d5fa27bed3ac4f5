"""Lines of a page back to paragraphs."""

from sloth_agent.adapters.parsers.page_layout import Line, blocks
from sloth_agent.knowledge.models import BlockKind

FULL = "This line is as long as lines on this page usually are, it goes"


def read(*pages: list[Line]) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.text) for block in blocks(pages)]


def test_full_lines_run_on_and_a_short_end_closes_the_paragraph() -> None:
    page = [Line(FULL), Line("on here."), Line(FULL), Line("on too.")]
    assert read(page) == [
        (BlockKind.PARAGRAPH, f"{FULL} on here."),
        (BlockKind.PARAGRAPH, f"{FULL} on too."),
    ]


def test_a_word_broken_at_the_line_end_is_whole_again() -> None:
    page = [Line(FULL + " appoint-"), Line("ment and " + FULL), Line("away.")]
    assert read(page)[0][1].startswith(FULL + " appointment and")
    marked = [Line(FULL + " appoint", breaks_word=True), Line("ment.")]
    assert read(marked)[0][1].endswith("appointment.")


def test_short_lines_stay_lines() -> None:
    page = [Line(FULL), Line("Monday 9-18"), Line("Sunday closed")]
    assert read(page)[-1][1].endswith("Monday 9-18\nSunday closed")


def test_larger_type_is_a_heading_for_the_pages_after_it() -> None:
    first = [Line("Our prices", 18.0), Line(FULL, 10.0), Line("on.", 10.0)]
    second = [Line(FULL, 10.0), Line("still.", 10.0)]
    found = list(blocks([first, second]))
    assert found[0].kind is BlockKind.HEADING
    assert [block.place.headings for block in found] == [("Our prices",)] * 3
    assert [block.place.page for block in found] == [1, 1, 2]


def test_running_heads_stand_apart() -> None:
    words = ["wash", "cut", "colour", "dry"]
    pages = [
        [Line(f"Salon - {n}"), Line(f"{FULL} {w}"), Line(f"{w} on.")] for n, w in enumerate(words)
    ]
    assert [text for _, text in read(*pages)][:2] == ["Salon - 0", f"{FULL} wash wash on."]


def test_bullets_are_items() -> None:
    page = [Line(FULL), Line("• wash"), Line("• dry"), Line("2) cut")]
    assert [kind for kind, _ in read(page)][1:] == [BlockKind.ITEM] * 3


def test_headings_are_weighed_by_letters_not_by_lines() -> None:
    page = [Line("Hair", 14.0), Line(FULL, 10.0), Line("Nails", 14.0), Line(FULL, 10.0)]
    kinds = [BlockKind.HEADING, BlockKind.PARAGRAPH] * 2
    assert [kind for kind, _ in read(page)] == kinds


def test_a_poster_has_no_headings_but_its_types_stand_apart() -> None:
    page = [Line("SPRING SALE", 40.0), Line("minus 20 %", 30.0), Line("on all our cuts", 10.0)]
    assert read(page) == [(BlockKind.PARAGRAPH, line.text) for line in page]


def test_small_print_is_a_paragraph_of_its_own() -> None:
    page = [Line(FULL, 10.0), Line("Prices include VAT, if any is due at all.", 7.0)]
    assert len(read(page)) == 2


def test_a_raised_mark_does_not_part_a_sentence() -> None:
    page = [Line(FULL, 10.0), Line("2 + 1", 7.0), Line("far away.", 10.0)]
    assert [text for _, text in read(page)] == [f"{FULL} 2 + 1\nfar away."]


def test_lines_of_unknown_size_say_nothing_about_the_others() -> None:
    unknown = [Line(FULL) for _ in range(5)]
    assert BlockKind.HEADING not in [kind for kind, _ in read([*unknown, Line("Body.", 10.0)])]
