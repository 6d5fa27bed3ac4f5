"""The chat on a firm's web site in a real browser: what a visitor sees, hears and types."""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from websockets.sync.client import ClientConnection

from fakes.browser import Page, beside, browser, found, page
from fakes.command import Sloth as SlothCommand
from fakes.openai_server import OpenAIServer, saying
from fakes.payloads import PAYLOADS
from fakes.server import Server, serving
from fakes.site import Site, site
from fakes.visiting import said_by_staff
from sloth_agent import AsyncSloth, Settings, Sloth
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.texts import text
from sloth_agent.language import Language

MOST_BYTES = 15 * 1024

SALON = Path(__file__).parents[2] / "examples" / "salon"
QUESTION = "How much is a haircut?"

ROOT = "document.getElementById('sloth-widget').shadowRoot"
FOCUS = f"{ROOT}.activeElement"
ANSWERS = f"{ROOT}.querySelectorAll('.message.assistant:not([aria-busy])')"


@pytest.fixture(scope="module")
def chromium() -> Iterator[ClientConnection]:
    path = found()
    if path is None:
        pytest.skip("needs Chromium: install the package `chromium`, or put it on PATH")
    with browser(path) as connection:
        yield connection


@pytest.fixture
def tab(chromium: ClientConnection) -> Iterator[Page]:
    with page(chromium) as tab:
        yield tab


@pytest.fixture(scope="module")
def salon(server: Attachment, tmp_path_factory: pytest.TempPathFactory) -> SlothCommand:
    """The example salon, as the installed command makes it."""
    salon = firm(server.home, tmp_path_factory.mktemp("salon"), name="Salon Lavanda")
    texts = [str(path) for path in SALON.iterdir() if path.suffix in {".xlsx", ".txt", ".md"}]
    assert salon("ingest", *texts, timeout=120).rc == 0
    return salon


@pytest.fixture(scope="module")
def served(salon: SlothCommand) -> Iterator[Server]:
    with serving(salon) as server:
        yield server


@pytest.fixture(scope="module")
def salons_site() -> Iterator[Site]:
    with site() as shown:
        yield shown


@pytest.fixture
def shown(salons_site: Site, salon: SlothCommand, served: Server) -> Site:
    """The salon's page, whose policy lets in the chat and nothing else."""
    return showing(salons_site, served, connect(salon, salons_site.origin))


@pytest.fixture
def own(server: Attachment) -> Settings:
    return settings_of(server.home)


def settings_of(home: Path) -> Settings:
    return Settings(home=home, embedder="none", chat="extractive", database_url=None)


def firm(home: Path, folder: Path, *, name: str, **variables: str) -> SlothCommand:
    slug = f"t-{uuid4().hex}"
    with Sloth(settings_of(home)) as sloth:
        sloth.create_tenant(slug, name=name)
    quiet = {"SLOTH_EMBEDDER": "none", "SLOTH_CHAT": "extractive"}
    return SlothCommand(home, folder, slug, {**quiet, **variables})


def connect(sloth: SlothCommand, origin: str, *more: str) -> str:
    made = sloth("channels", "connect", "web", "--origin", origin, "--json", *more)
    key: str = made.json["id"]
    return key


def showing(shown: Site, server: Server, key: str, **attributes: str) -> Site:
    """A page with the script tag, under the strictest policy that the docs tell of."""
    host = str(server.client.base_url)
    told = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
    shown.language, shown.head = "en", ""
    shown.tag = f'<script src="{host}/widget.js" data-key="{key}"{told} async></script>'
    shown.policy = (
        f"default-src 'none'; script-src {host}; connect-src {host};"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return shown


def visit(tab: Page, shown: Site) -> None:
    """Load the page, and open the chat with the keyboard."""
    tab.open(shown.origin)
    tab.until("document.getElementById('sloth-widget')")
    tab.run("document.getElementById('before').focus()")
    tab.press("Tab")
    tab.press("Enter")
    tab.until(f"{ANSWERS}.length")


def ask(tab: Page, text: str) -> str:
    """Write and send it with the keyboard; returns the answer."""
    before = tab.run(f"{ANSWERS}.length")
    write(tab, text)
    tab.until(f"{ANSWERS}.length > {before}")
    return str(tab.run(f"[...{ANSWERS}].at(-1).querySelector('.text').innerText"))


def conversation(tab: Page) -> Sequence[Sequence[str]]:
    """Who said what, as it is shown."""
    said: Sequence[Sequence[str]] = tab.run(
        f"[...{ROOT}.querySelectorAll('.message')].map((message) =>"
        " [message.classList[1], message.querySelector('.text').innerText])"
    )
    return said


HASTE = """
  window.pauses = [];
  const later = window.setTimeout;
  window.setTimeout = (work, pause) => { pauses.push(pause); return later(work, pause / 10); };
"""
"""Time runs ten times as fast for a page; it keeps how long it has waited."""

LOOKS = "performance.getEntriesByType('resource').filter((each) => /messages/.test(each.name))"
DOT = f"!{ROOT}.querySelector('.dot').hidden"


def in_haste(tab: Page) -> None:
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=HASTE)


def wait(tab: Page, seconds: float) -> None:
    """As the page in haste counts them."""
    tab.run(f"new Promise((done) => later(done, {seconds * 100}))")


def staff_say(words: str, salon: SlothCommand, own: Settings, state: ChatState) -> None:
    """In the chat of that state that was heard of last."""

    async def answer() -> None:
        async with AsyncSloth(own) as sloth:
            tenant = await sloth.tenant(salon.tenant)
            [chat] = await tenant.services.inbox_store.chats([state], limit=1)
            await said_by_staff(tenant, chat, words)

    anyio.run(answer)


FAULTS = """
  const reach = window.fetch;
  window.fault = null;
  window.fetch = async (url, how) => (await fault?.(String(url), how)) ?? reach(url, how);
  const silence = (how) => new Promise((_, lost) => how.signal?.addEventListener("abort", lost));
"""
"""What a page's `fault` gives comes in place of the server's answers; `silence` is no answer."""


def with_faults(tab: Page, fault: str = "null") -> None:
    """From the beginning, or set when it is time."""
    source = f"{FAULTS}; fault = {fault};"
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=source)


def look(tab: Page) -> None:
    """Have it ask what was said meanwhile, now."""
    tab.run("document.dispatchEvent(new Event('visibilitychange'))")


def write(tab: Page, text: str) -> None:
    """And send it, with the keyboard."""
    tab.run(f"{ROOT}.querySelector('textarea').focus()")
    tab.type(text)
    tab.press("Enter")


def without_violations(tab: Page) -> bool:
    assert tab.run("violations") == []
    assert tab.troubles == []
    return True


def test_the_script_is_small() -> None:
    script = (files("sloth_agent.server") / "widget" / "widget.js").read_bytes()
    assert len(gzip.compress(script)) <= MOST_BYTES


def test_a_visitor_needs_a_keyboard_alone(tab: Page, shown: Site) -> None:
    """And a page needs to allow nothing but the script, and where it asks."""
    tab.open(shown.origin)
    tab.until("document.getElementById('sloth-widget')")
    tab.run("document.getElementById('before').focus()")
    tab.press("Tab")
    assert tab.run(f"{FOCUS}.getAttribute('aria-label')") == "Open the chat"
    tab.press("Enter")
    tab.until(f"{ANSWERS}.length")
    assert tab.run(f"{FOCUS}.localName") == "textarea"
    assert tab.run(f"{ROOT}.querySelector('[role=dialog] h2').innerText") == "Salon Lavanda"
    assert conversation(tab) == [["assistant", "Hello! How can we help?"]]

    assert "650" in ask(tab, QUESTION)
    assert conversation(tab)[1] == ["user", QUESTION]
    assert tab.run(f"{FOCUS}.localName") == "textarea"
    assert tab.run(f"{ROOT}.querySelector('textarea').value") == ""
    for _ in range(2):
        tab.press("Tab", shift=True)
        if tab.run(f"{FOCUS}.localName") == "summary":
            break
    tab.press("Enter")
    sources = tab.run(f"{ROOT}.querySelector('details[open]').innerText")
    assert "price-list.en.xlsx" in sources
    assert "650" in sources

    tab.press("Escape")
    assert tab.run(f"{ROOT}.querySelector('.panel').hidden")
    assert tab.run(f"{FOCUS}.getAttribute('aria-label')") == "Open the chat"
    assert without_violations(tab)


def test_who_does_not_see_it_hears_it(tab: Page, shown: Site) -> None:
    """By what the browser tells a screen reader."""
    visit(tab, shown)
    answer = ask(tab, QUESTION)
    nodes: list[dict[str, Any]] = tab.call("Accessibility.getFullAXTree")["nodes"]
    told = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    }
    assert {
        ("dialog", "Salon Lavanda"),
        ("log", "Conversation"),
        ("textbox", "Write a message"),
        ("button", "Send"),
        ("button", "Close the chat"),
    } <= told
    assert all(name for role, name in told if role in {"button", "textbox", "link", "dialog"})
    announced = tab.run(f"{ROOT}.querySelector('[aria-live=polite]').innerText")
    assert answer.split("\n")[0] in announced


def test_a_page_that_is_loaded_again_goes_on(tab: Page, shown: Site) -> None:
    visit(tab, shown)
    ask(tab, QUESTION)
    before = conversation(tab)
    tab.reload()
    tab.until(f"{ANSWERS}.length > 1")
    assert conversation(tab) == before
    assert tab.run("document.activeElement === document.body"), "nobody asked to write"
    assert tab.run(f"{ROOT}.querySelectorAll('.sources').length") == 1
    ask(tab, "And for men?")
    assert len(conversation(tab)) == 5


@pytest.mark.parametrize(
    ("attributes", "language", "label"),
    [
        ({}, "en", "Open the chat"),
        ({}, "uk-UA", "Відкрити чат"),
        ({}, "fr", "Open the chat"),
        ({"language": "de"}, "uk", "Chat öffnen"),
        ({"language": "pl"}, "", "Otwórz czat"),
    ],
)
def test_it_speaks_the_pages_language(
    tab: Page, shown: Site, attributes: dict[str, str], language: str, label: str
) -> None:
    shown.tag = shown.tag.replace(
        " async", "".join(f' data-{name}="{value}"' for name, value in attributes.items())
    )
    shown.language = language
    visit(tab, shown)
    assert tab.run(f"{ROOT}.querySelector('.panel .close').ariaLabel")
    tab.press("Escape")
    assert tab.run(f"{ROOT}.querySelector('.launcher').ariaLabel") == label
    spoken = tab.run("document.getElementById('sloth-widget').lang")
    assert spoken == attributes.get("language", language[:2].replace("fr", "en"))
    assert tab.run("document.getElementById('sloth-widget').dir") == "ltr"


def test_no_other_site_shows_it(
    tab: Page, shown: Site, salon: SlothCommand, served: Server
) -> None:
    """Fails where the server answers pages that the firm has not named."""
    other = showing(shown, served, connect(salon, "https://salon.example"))
    tab.open(other.origin)
    tab.until("document.getElementById('sloth-widget')")
    tab.run(f"{ROOT}.querySelector('.launcher').click()")
    tab.until(f"{ROOT}.querySelector('[role=alert] button')")
    assert "Please try again" in tab.run(f"{ROOT}.querySelector('[role=alert]').innerText")
    assert conversation(tab) == []


def test_a_lost_connection_loses_nothing(tab: Page, shown: Site) -> None:
    visit(tab, shown)
    tab.offline(True)
    tab.run(f"{ROOT}.querySelector('textarea').focus()")
    tab.type(QUESTION)
    tab.press("Enter")
    tab.until(f"{ROOT}.querySelector('[role=alert]')")
    assert "You are offline" in tab.run(f"{ROOT}.querySelector('[role=alert]').innerText")
    tab.offline(False)
    tab.until(f"{ANSWERS}.length > 1")
    assert [who for who, _ in conversation(tab)] == ["assistant", "user", "assistant"]
    assert not tab.run(f"{ROOT}.querySelector('[role=alert]')")


def test_looking_for_what_was_said_keeps_nobody_waiting(
    tab: Page, shown: Site, salon: SlothCommand, own: Settings
) -> None:
    """Where a look is not answered, the visitor's words go before, and another one follows."""
    in_haste(tab)
    with_faults(tab)
    visit(tab, shown)
    ask(tab, QUESTION)
    tab.run(
        "window.hung = 0, fault = (url, how) => /after=/.test(url) && (hung += 1, silence(how))"
        " || null"
    )
    look(tab)
    assert tab.run("hung") == 1
    ask(tab, "And for men?")
    look(tab)
    tab.until("hung > 1")
    tab.run("fault = null")
    staff_say("And today it is **600**.", salon, own, ChatState.ASSISTANT)
    tab.until(f"{ROOT}.querySelector('.message.staff strong')", seconds=10)


def test_what_is_sent_early_is_asked_as_soon_as_it_can_be(tab: Page, shown: Site) -> None:
    """Before the conversation is there, and while the answer before is written."""
    with_faults(
        tab,
        "(url, { method }) => method === 'GET' ? new Promise((go) => { window.go = go }) : null",
    )
    tab.open(shown.origin)
    tab.until("document.getElementById('sloth-widget')")
    tab.run(f"{ROOT}.querySelector('.launcher').click()")
    tab.until("window.go")
    write(tab, QUESTION)
    assert conversation(tab) == []
    tab.run("fault = (url) => /messages/.test(url) ? new Promise((go) => { next = go }) : null")
    tab.run("window.next = null, go()")
    tab.until("next")
    write(tab, "And for men?")
    tab.run("fault = null, next()")
    tab.until(f"{ANSWERS}.length > 2")
    users = [words for who, words in conversation(tab) if who == "user"]
    assert users == [QUESTION, "And for men?"]


def test_tabs_of_one_browser_are_one_visitor(tab: Page, shown: Site) -> None:
    """Though each of them was opened before there was a visit."""
    tab.open(shown.origin)
    tab.until("document.getElementById('sloth-widget')")
    second = beside(tab)
    visit(second, shown)
    ask(second, QUESTION)
    tab.run(f"{ROOT}.querySelector('.launcher').click()")
    tab.until(f"{ANSWERS}.length > 1")
    assert conversation(tab) == conversation(second)


NEW_VISIT = """
  (async () => {
    const asked = performance.getEntriesByType("resource");
    const { name: url } = asked.find((each) => /visitors/.test(each.name));
    const how = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
    const made = await (await reach(url, how)).json();
    const name = Object.keys(localStorage).find((each) => each.endsWith(":visit"));
    window.before = JSON.parse(localStorage[name]).token;
    window.stored = () => JSON.parse(localStorage[name]).token;
    localStorage[name] = JSON.stringify(made);
    return made.token;
  })()
"""
"""Begun by another tab: this one is not told."""


def test_a_visit_that_another_tab_began_is_taken_over(tab: Page, shown: Site) -> None:
    """Where the older one is refused, and where somebody goes back to a page."""
    with_faults(tab)
    visit(tab, shown)
    token = tab.run(NEW_VISIT)
    tab.run(
        "fault = (url, { headers }) => headers.Authorization === `Bearer ${before}`"
        " ? new Response('{}', { status: 401 }) : null"
    )
    ask(tab, QUESTION)
    assert tab.run("stored()") == token
    tab.run(NEW_VISIT)
    tab.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    tab.until(f"{ROOT}.querySelectorAll('.message').length === 1")

    asking = "(url, { method }) => method === 'POST' ? new Promise((go) => { next = go }) : null"
    tab.run(f"window.next = null, fault = {asking}")
    write(tab, QUESTION)
    tab.until("next")
    tab.run(NEW_VISIT)
    tab.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert len(conversation(tab)) == 3, "what is being asked is asked to its end"
    tab.run("fault = null, next()")
    tab.until(f"{ROOT}.querySelectorAll('.message').length === 1")


ANSWER_LOST = """
  fault = async (url, how) => {
    if (how.method !== "POST") return null;
    await (await reach(url, how)).text();
    throw new TypeError("the connection is lost");
  }
"""
"""Questions come through, and answers do not."""


def test_a_question_whose_answer_was_lost_is_shown_once(tab: Page, shown: Site) -> None:
    """Whether a look finds both, or the visitor asks again while it looks."""
    with_faults(tab)
    visit(tab, shown)
    ask(tab, QUESTION)
    for words in ("And for men?", QUESTION):
        tab.run(ANSWER_LOST)
        write(tab, words)
        tab.until(f"{ROOT}.querySelector('.trouble')")
        before = len(conversation(tab))
        tab.run("fault = null")
        look(tab)
        tab.until(f"!{ROOT}.querySelector('.trouble')")
        assert [who for who, _ in conversation(tab)[before - 1 :]] == ["user", "assistant"]

    tab.run(ANSWER_LOST)
    write(tab, "And for children?")
    tab.until(f"{ROOT}.querySelector('.trouble')")
    before = len(conversation(tab))
    tab.run("fault = null")
    look(tab)
    tab.run(f"{ROOT}.querySelector('.trouble button').click()")
    tab.until(f"{ANSWERS}.length > 4")
    look(tab)
    tab.run("new Promise((done) => setTimeout(done, 300))")
    assert [who for who, _ in conversation(tab)[before - 1 :]] == ["user", "assistant"]

    tab.run(ANSWER_LOST)
    write(tab, "How much is a manicure?")
    tab.until(f"{ROOT}.querySelector('.trouble')")
    tab.run("fault = null")
    ask(tab, "How much is a manicure?")
    look(tab)
    tab.until(f"!{ROOT}.querySelector('.trouble')")
    speakers = [who for who, _ in conversation(tab)]
    assert speakers.count("user") == 6
    assert speakers.count("assistant") == 7


def test_what_was_asked_without_a_connection_is_asked_one_after_the_other(
    tab: Page, shown: Site
) -> None:
    with_faults(tab)
    visit(tab, shown)
    tab.offline(True)
    for number, words in enumerate((QUESTION, "And for men?"), start=1):
        write(tab, words)
        tab.until(f"{ROOT}.querySelectorAll('.trouble').length === {number}")
    tab.run(
        "window.running = window.most = 0, fault = async (url, how) => {"
        " most = Math.max(most, (running += how.method === 'POST'));"
        " try { const got = await reach(url, how), text = await got.text();"
        " return new Response(text, got); } finally { running -= how.method === 'POST'; } }"
    )
    tab.offline(False)
    tab.until(f"{ANSWERS}.length > 2")
    assert tab.run("most") == 1


def test_a_question_that_is_being_answered_is_waited_for(tab: Page, shown: Site) -> None:
    """Such as one whose page was left: it is asked again under its id, and seen to be answered."""
    with_faults(tab)
    visit(tab, shown)
    tab.run(
        "window.ids = [], fault = (url, { method, headers }) => method === 'POST'"
        " && ids.push(headers['Idempotency-Key']) < 3"
        " ? new Response(JSON.stringify({ code: 'in_progress', detail: '?' }), { status: 409 })"
        " : null"
    )
    write(tab, QUESTION)
    tab.until("ids.length > 1")
    assert tab.run(f"{ROOT}.querySelector('.dots').ariaLabel") == "The assistant is writing"
    tab.until(f"{ANSWERS}.length > 1")
    assert len(set(tab.run("ids"))) == 1
    assert not tab.run(f"{ROOT}.querySelector('[role=alert]')")


def test_a_site_that_swaps_its_pages_has_one_chat(tab: Page, shown: Site) -> None:
    """The one of the page before asks nothing more, and what a site kept of it is replaced."""
    in_haste(tab)
    shown.policy = ""  # the test begins a script by a script
    visit(tab, shown)
    ask(tab, QUESTION)
    tab.run(
        "window.old = document.getElementById('sloth-widget'), old.remove(),"
        " document.body.append(old.cloneNode(true))"
    )
    wait(tab, 10)  # what was on its way
    tab.run("performance.clearResourceTimings()")
    wait(tab, 30)
    look(tab)
    wait(tab, 1)
    assert tab.run(f"{LOOKS}.length") == 0

    again = "Object.assign(document.createElement('script'), { src: first.src })"
    tab.run(
        "window.first = document.querySelector('script'), window.next = "
        f"{again}, next.dataset.key = first.dataset.key, document.body.append(next)"
    )
    tab.until(f"{ANSWERS}.length > 1")
    assert tab.run("document.querySelectorAll('#sloth-widget').length") == 1
    look(tab)
    wait(tab, 10)
    assert tab.run(f"{LOOKS}.length") == 2, "it was looked at once more, by one of them"


def test_two_tags_are_one_chat(tab: Page, shown: Site) -> None:
    """Though both of them stand before there is a body."""
    shown.head, shown.tag = shown.tag.replace(" async", "") * 2, ""
    tab.open(shown.origin)
    tab.until("document.getElementById('sloth-widget')")
    assert tab.run("document.querySelectorAll('#sloth-widget').length") == 1


def test_an_old_question_is_not_asked_by_itself(tab: Page, shown: Site) -> None:
    """It stands in the field again; one that was refused has been answered by that."""
    with_faults(tab)
    visit(tab, shown)
    tab.run("fault = () => { throw new TypeError('the connection is lost'); }")
    write(tab, QUESTION)
    tab.until(f"{ROOT}.querySelector('.trouble')")
    tab.run(
        "(() => { const name = Object.keys(localStorage).find((each) => /waiting/.test(each));"
        " const waiting = JSON.parse(localStorage[name]); waiting.at -= 301_000;"
        " localStorage[name] = JSON.stringify(waiting); })()"
    )
    tab.reload()
    tab.until(f"{ROOT}.querySelector('textarea').value")
    assert tab.run(f"{ROOT}.querySelector('textarea').value") == QUESTION
    assert [who for who, _ in conversation(tab)] == ["assistant"]

    tab.run("fault = () => new Response('{}', { status: 429 })")
    write(tab, "")
    tab.until(f"{ROOT}.querySelector('.trouble')")
    assert not tab.run("Object.keys(localStorage).some((each) => /waiting/.test(each))")


def test_the_pages_shortcuts_leave_it_alone(tab: Page, shown: Site) -> None:
    visit(tab, shown)
    tab.run(
        "window.heard = [], ['keydown', 'keypress', 'keyup'].forEach((each) =>"
        " document.addEventListener(each, (event) => heard.push(each + event.key)))"
    )
    for key in (" ", "Tab", "Tab"):
        tab.press(key)
    write(tab, QUESTION)
    tab.until(f"{ANSWERS}.length > 1")
    tab.press("Escape")
    assert tab.run("heard") == []
    tab.run("document.getElementById('before').focus()")
    tab.press(" ")
    assert len(tab.run("heard")) == 3


def test_name_and_greeting_are_those_of_the_page(tab: Page, shown: Site) -> None:
    """Where the server tells them with the messages; not those of the day when the visit began."""
    visit(tab, shown)
    told = {"name": "Салон", "greeting": "Вітаємо!", "state": "assistant", "items": []}
    with_faults(
        tab, f"(url, {{ method }}) => method === 'GET' ? new Response('{json.dumps(told)}') : null"
    )
    tab.reload()
    tab.until(f"{ANSWERS}.length")
    assert conversation(tab) == [["assistant", "Вітаємо!"]]
    assert tab.run(f"{ROOT}.querySelector('h2').innerText") == "Салон"


def test_the_keyboard_is_never_lost(tab: Page, shown: Site) -> None:
    """Not even with a button that can be pressed no more."""
    visit(tab, shown)
    tab.type(QUESTION)
    tab.press("Tab")
    assert tab.run(f"{FOCUS}.className") == "send"
    tab.press("Enter")
    assert tab.run(f"{FOCUS}.localName") == "textarea"
    tab.until(f"{ANSWERS}.length > 1")


def test_it_is_seen_in_colours_of_the_readers_own(tab: Page, shown: Site) -> None:
    with_faults(tab)
    visit(tab, shown)
    tab.run("fault = (url, how) => silence(how)")
    write(tab, QUESTION)
    tab.until(f"{ROOT}.querySelector('.dots')")
    forced = [{"name": "forced-colors", "value": "active"}]
    tab.call("Emulation.setEmulatedMedia", features=forced)
    drawn, ground = (
        tab.run(f"getComputedStyle({ROOT}.querySelector('{each}')).backgroundColor")
        for each in (".dots i", "[aria-busy] .text")
    )
    assert drawn != ground
    assert tab.run(f"getComputedStyle({ROOT}.querySelector('form')).outlineStyle") == "solid"


def test_a_closed_firm_says_so_and_takes_no_messages(
    tab: Page, salons_site: Site, served: Server, server: Attachment, tmp_path: Path
) -> None:
    closed = firm(server.home, tmp_path, name="Salon Zamknięty")
    shown = showing(salons_site, served, connect(closed, salons_site.origin), language="pl")
    assert closed("tenants", "deactivate", closed.tenant).rc == 0
    visit(tab, shown)
    assert conversation(tab) == [["assistant", text("web_closed", Language.POLISH)]]
    assert tab.run(f"{ROOT}.querySelector('form').hidden")
    assert tab.run(f"{FOCUS}.className") == "close"


def test_it_fills_a_small_screen_and_keeps_the_keyboard_there(tab: Page, shown: Site) -> None:
    tab.looks(width=390, height=780, mobile=True)
    visit(tab, shown)
    place = tab.run(f"{ROOT}.querySelector('.panel').getBoundingClientRect().toJSON()")
    assert (place["x"], place["y"], place["width"], place["height"]) == (0, 0, 390, 780)
    assert tab.run(f"{ROOT}.querySelector('[role=dialog]').ariaModal") == "true"
    assert tab.run(f"!!{ROOT}.querySelector('[role=dialog] [aria-live=polite]')"), "else unheard"
    stops = []
    for _ in range(10):
        tab.press("Tab")
        stops.append(tab.run(f"{FOCUS} && {FOCUS}.localName"))
    assert None not in stops
    assert stops.count("textarea") >= 2
    tab.looks()
    tab.until(f"{ROOT}.querySelector('[role=dialog]').ariaModal === 'false'")


def test_the_firms_colour_keeps_letters_readable(tab: Page, shown: Site) -> None:
    rings = {}
    for colour, letters in (("#ffd400", "rgb(11, 20, 19)"), ("#123456", "rgb(255, 255, 255)")):
        shown.tag = shown.tag.replace(" async", f' data-color="{colour}" async', 1)
        tab.open(shown.origin)
        tab.until("document.getElementById('sloth-widget')")
        style = f"getComputedStyle({ROOT}.querySelector('.launcher'))"
        assert tab.run(f"{style}.color") == letters
        tab.run("document.getElementById('before').focus()")
        tab.press("Tab")
        rings[colour] = tab.run(f"{style}.outlineColor")
        shown.tag = shown.tag.replace(f' data-color="{colour}"', "")
    assert rings == {"#ffd400": "rgb(27, 36, 35)", "#123456": "rgb(18, 52, 86)"}


def test_the_page_to_try_it_on_is_as_strict(tab: Page, salon: SlothCommand, served: Server) -> None:
    key = connect(salon, "https://salon.example")
    tab.open(f"{served.client.base_url}/widget/demo/?key={key}&language=uk")
    tab.until("document.getElementById('sloth-widget')")
    tab.run(f"{ROOT}.querySelector('.launcher').click()")
    tab.until(f"{ANSWERS}.length")
    assert "650" in ask(tab, "Скільки коштує жіноча стрижка?")
    assert without_violations(tab)


def test_a_person_comes_into_the_chat(
    tab: Page, shown: Site, salon: SlothCommand, own: Settings
) -> None:
    visit(tab, shown)
    tab.run(f"{ROOT}.querySelector('.human').focus()")
    tab.press("Enter")
    tab.until(f"{ANSWERS}.length > 1")
    assert "I have asked a person of Salon Lavanda" in conversation(tab)[-1][1]
    assert tab.run(f"{ROOT}.querySelector('.who').innerText").endswith("A person will answer here")
    assert tab.run(f"{ROOT}.querySelector('.human').hidden")
    tab.run(f"{ROOT}.querySelector('textarea').focus()")
    tab.type("Is Oksana there?")
    tab.press("Enter")
    tab.until(f"{ROOT}.querySelectorAll('.message.user').length")

    staff_say("Yes, until **six**.", salon, own, ChatState.WAITING)
    tab.until(f"{ROOT}.querySelector('.message.staff strong')")
    assert tab.run(f"{ROOT}.querySelector('.message.staff').innerText").startswith("Our team:")
    assert tab.run(f"{ROOT}.querySelector('.who').innerText").endswith("A person is answering")
    before = conversation(tab)
    tab.reload()
    tab.until(f"{ROOT}.querySelector('.message.staff')")
    assert conversation(tab) == before


def test_staff_come_into_a_chat_that_the_assistant_answers(
    tab: Page, shown: Site, salon: SlothCommand, own: Settings
) -> None:
    """The visitor sees it without doing anything."""
    in_haste(tab)
    visit(tab, shown)
    ask(tab, QUESTION)
    staff_say("And today it is **600**.", salon, own, ChatState.ASSISTANT)
    tab.until(f"{ROOT}.querySelector('.message.staff strong')", seconds=10)
    assert tab.run(f"{ROOT}.querySelector('.who').innerText").endswith("A person is answering")
    assert without_violations(tab)


def test_who_has_gone_on_to_another_page_sees_that_somebody_has_answered(
    tab: Page, shown: Site, salon: SlothCommand, own: Settings
) -> None:
    """By a dot on the button: while they are there, and on every page until they look."""
    in_haste(tab)
    visit(tab, shown)
    tab.run(f"{ROOT}.querySelector('.human').click()")
    tab.until(f"{ANSWERS}.length > 1")
    tab.press("Escape")
    tab.reload()
    tab.until(f"{ANSWERS}.length > 1")
    assert not tab.run(DOT), "what was said before was seen"
    staff_say("Here I am.", salon, own, ChatState.WAITING)
    tab.until(DOT, seconds=10)
    assert tab.run(f"{ROOT}.querySelector('.launcher').ariaLabel") == "Open the chat: new message"
    tab.reload()
    tab.until(DOT)
    tab.run(f"{ROOT}.querySelector('.launcher').click()")
    assert not tab.run(DOT)
    assert tab.run(f"{ROOT}.querySelector('.launcher').ariaLabel") == "Close the chat"
    assert conversation(tab)[-1] == ["staff", "Here I am."]
    tab.press("Escape")
    tab.reload()
    tab.until(f"{ROOT}.querySelector('.message.staff')")
    assert not tab.run(DOT)


def test_pages_that_wait_cost_little(
    tab: Page, shown: Site, salon: SlothCommand, own: Settings
) -> None:
    """Nothing without a conversation or while nobody sees them, and else the less the longer."""
    in_haste(tab)
    visit(tab, shown)
    wait(tab, 30)
    assert tab.run(f"{LOOKS}.length") == 1, "it was looked at as it was opened"
    ask(tab, QUESTION)
    assert tab.run("pauses.at(-1)") == 20_000
    tab.run("Date.now = ((now) => () => now() + 11 * 60_000)(Date.now)")
    tab.until("pauses.at(-1) === 60_000")

    tab.run("Object.defineProperty(document, 'hidden', { configurable: true, value: true })")
    tab.run("document.dispatchEvent(new Event('visibilitychange'))")
    before = tab.run(f"{LOOKS}.length")
    staff_say("Are you there?", salon, own, ChatState.ASSISTANT)
    wait(tab, 90)
    assert tab.run(f"{LOOKS}.length") == before
    tab.run("delete document.hidden, document.dispatchEvent(new Event('visibilitychange'))")
    tab.until(f"{ROOT}.querySelector('.message.staff')", seconds=5)


@pytest.fixture
def with_model(openai_server: OpenAIServer, server: Attachment, tmp_path: Path) -> SlothCommand:
    """A firm whose model says what a test has it say."""
    return firm(
        server.home,
        tmp_path,
        name="Salon",
        SLOTH_CHAT="openai",
        SLOTH_CHAT_MODEL="gpt-5-mini",
        OPENAI_BASE_URL=openai_server.url,
        OPENAI_API_KEY="sk-test",
    )


def test_an_answer_is_seen_while_it_is_written(
    tab: Page, salons_site: Site, with_model: SlothCommand, openai_server: OpenAIServer
) -> None:
    """Left in the midst of it, the page asks again; and it is answered once."""
    openai_server.reply = saying("one two three four five six seven eight nine ten")
    openai_server.seconds_between_pieces = 0.2
    (with_model.folder / "notes.txt").write_text("Count from one to ten.")
    assert with_model("ingest", "notes.txt").rc == 0
    with serving(with_model) as server:
        visit(tab, showing(salons_site, server, connect(with_model, salons_site.origin)))
        tab.run(f"{ROOT}.querySelector('textarea').focus()")
        tab.type("Count to ten.")
        tab.press("Enter")
        tab.until(f"{ROOT}.querySelector('[aria-busy] .text').innerText.includes('two')")
        half = tab.run(f"{ROOT}.querySelector('[aria-busy] .text').innerText")
        assert "ten" not in half
        tab.reload()
        tab.until(f"{ANSWERS}.length > 1")
        expected = ["assistant", "user", "assistant"]
        assert [who for who, _ in conversation(tab)] == expected
        assert conversation(tab)[-1][1].endswith("nine ten")
        tab.reload()
        tab.until(f"{ANSWERS}.length > 1")
        assert [who for who, _ in conversation(tab)] == expected


def test_the_payloads_are_alive(tab: Page, salons_site: Site) -> None:
    """Where a page takes them for markup they run: what follows would see it."""
    salons_site.tag = salons_site.policy = ""
    tab.open(salons_site.origin)
    run = 0
    for payload in PAYLOADS:
        tab.run(f"window.hits = 0, document.body.innerHTML = {json.dumps(payload)}")
        tab.run("new Promise((done) => setTimeout(done, 50))")
        run += bool(tab.run("hits"))
    assert run >= 20


def test_nothing_that_anybody_writes_runs(
    tab: Page, salons_site: Site, with_model: SlothCommand, openai_server: OpenAIServer
) -> None:
    """Messages, answers, sources, names and greetings, on a page that would let anything run."""
    assert len(PAYLOADS) == 40
    hostile = "<img src=x onerror=hit()>"
    with (with_model.folder / f"{hostile}.csv").open("w", newline="") as prices:
        csv.writer(prices).writerows(
            [("service", "price"), *((f"Massage {n}", p) for n, p in enumerate(PAYLOADS))]
        )
    assert with_model("ingest", f"{hostile}.csv").rc == 0
    assert with_model("tenants", "update", with_model.tenant, "--name", hostile).rc == 0
    key = connect(with_model, salons_site.origin, "--greeting", f"{hostile} [x](javascript:hit())")
    tens = [PAYLOADS[start : start + 10] for start in range(0, 40, 10)]
    answers = ["\n".join(payloads) + " [1]" for payloads in tens]
    with serving(with_model) as server:
        shown = showing(salons_site, server, key)
        shown.policy = ""
        visit(tab, shown)
        for answer in answers:
            openai_server.reply = saying(answer)
            ask(tab, f"Massage? {answer}")
            tab.run(f"{ROOT}.querySelectorAll('details').forEach((each) => each.open = true)")
        tab.reload()
        tab.until(f"{ANSWERS}.length > {len(answers)}")
        tab.run("new Promise((done) => setTimeout(done, 300))")
        assert tab.run("hits") == 0
        seen = tab.run(f"{ROOT}.querySelector('.log').textContent")
        assert seen.count("onerror=hit()") >= 2 * 15, "it is there, as text"
        assert tab.run(f"{ROOT}.querySelectorAll('script, img, iframe, object, style').length") == 0
        links = tab.run(f"[...{ROOT}.querySelectorAll('a')].map((link) => link.protocol)")
        assert set(links) <= {"https:", "http:"}
        listening = tab.run(
            f"[...{ROOT}.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())"
            ".filter((name) => name.startsWith('on') || name === 'style')"
        )
        assert listening == []
