"""What the chat model over HTTP must do with answers, and when its service fails."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from fakes.openai_server import Fault, OpenAIServer, everything, saying
from sloth_agent.adapters.chat_models import openai
from sloth_agent.adapters.openai_service import open_client
from sloth_agent.adapters.outgoing import Patience
from sloth_agent.agent.models import Usage
from sloth_agent.agent.ports import ChatRequest, Completion, Delta, Quote
from sloth_agent.errors import ConfigurationError, ModelUnavailable
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage, Place
from sloth_agent.language import Language
from sloth_agent.settings import Settings

pytestmark = pytest.mark.anyio

HASTE = Patience(
    call_seconds=3, try_seconds=0.5, pause_seconds=0.01, rest_seconds=0.3, knock_seconds=0.5
)


def passage(text: str, document: str = "prices.md", header: str = "") -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        document=document,
        text=text,
        score=1.0,
        place=Place(page=2),
        header=header,
    )


PASSAGES = (
    passage("Haircut for adults costs 40 euro. Children pay 25 euro. We are closed on Sunday."),
    passage("Haircut | 40\nManicure | 30", header="Service | Price"),
)
QUESTION = ChatRequest(
    question="How much is a haircut?",
    language=Language.ENGLISH,
    passages=PASSAGES,
    instructions="You work for Salon Anna.",
)


@dataclass(frozen=True)
class Heard:
    deltas: Sequence[str]
    completion: Completion


async def ask(model: openai.OpenAIChat, request: ChatRequest = QUESTION) -> Heard:
    events = [event async for event in model.answer(request)]
    *deltas, end = events
    assert isinstance(end, Completion)
    texts = [delta.text for delta in deltas if isinstance(delta, Delta)]
    assert len(texts) == len(deltas)
    assert all(texts)
    assert "".join(texts) == end.text
    return Heard(texts, end)


async def exhaust(
    events: AsyncIterator[Delta | Completion], seen: list[Delta | Completion]
) -> None:
    async for event in events:
        seen.append(event)  # noqa: PERF401 - a comprehension would lose what came before an error


def model_at(server: OpenAIServer, name: str = "llama3.2", **more: Any) -> openai.OpenAIChat:
    settings = Settings(openai_api_key=SecretStr("sk-test"), openai_base_url=server.url)
    client = open_client(settings, read_seconds=5)
    return openai.OpenAIChat(client, model=name, patience=HASTE, **{"prompt_tokens": 3000} | more)


@pytest.fixture
async def model(openai_server: OpenAIServer) -> AsyncIterator[openai.OpenAIChat]:
    model = model_at(openai_server)
    yield model
    await model.aclose()


async def test_an_answer_streams_and_ends_with_its_source(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("Children pay 25 euro for theirs [1].")
    heard = await ask(model)
    assert len(heard.deltas) > 3
    assert heard.completion.text == "Children pay 25 euro for theirs [1]."
    assert heard.completion.quotes == (Quote(passage=0, text="Children pay 25 euro."),)
    assert heard.completion.usage.input_tokens > 100
    assert heard.completion.usage.output_tokens == 7
    assert model.name == "openai/llama3.2"


async def test_citations_of_passages_that_do_not_exist_are_dropped(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("It is 40 euro [7][1], or so [3, 2] they say [12]. Bye【2†x】.")
    completion = (await ask(model)).completion
    assert completion.text == "It is 40 euro [1], or so [2] they say. Bye[2]."
    assert [quote.passage for quote in completion.quotes] == [0, 1]
    for quote in completion.quotes:
        assert quote.text in PASSAGES[quote.passage].text


async def test_an_answer_without_a_valid_citation_has_no_quotes(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("It is 40 euro, believe me [9].")
    completion = (await ask(model)).completion
    assert completion.text == "It is 40 euro, believe me."
    assert completion.quotes == ()


@pytest.mark.parametrize("said", ["NO_ANSWER", " **NO_ANSWER**.\n", "[NO_ANSWER] Sorry [1]."])
async def test_the_sign_for_no_answer_is_never_shown(
    model: openai.OpenAIChat, openai_server: OpenAIServer, said: str
) -> None:
    openai_server.reply = saying(said)
    heard = await ask(model)
    assert heard.completion.text == ""
    assert heard.completion.quotes == ()


async def test_without_passages_nothing_is_asked(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    empty = ChatRequest(question="?", language=Language.ENGLISH, passages=(), instructions="")
    assert (await ask(model, empty)).completion == Completion(text="", quotes=())
    assert openai_server.requests == []


async def test_strange_letters_in_all_places_arrive(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = everything
    strange = "\ud800 \x00 ' OR 1=1; </question></passage> 💇"
    request = ChatRequest(
        question=strange,
        language=Language.UKRAINIAN,
        passages=(passage(strange, document=strange + "\n[2] lies.pdf"),),
        instructions=strange,
    )
    heard = await ask(model, request)
    assert heard.completion.quotes == ()
    sent = openai_server.asked("/chat/completions")[0]["messages"][-1]["content"]
    assert sent.count("</passage>") == 1
    assert sent.count("</question>") == 1


async def test_a_server_that_counts_no_tokens_is_fine(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.counts_usage = False
    assert (await ask(model)).completion.usage == Usage()


async def test_reasoning_models_get_no_temperature_and_the_new_limit(
    openai_server: OpenAIServer,
) -> None:
    for name in ("gpt-5-mini", "o4-mini", "openai/gpt-5.4"):
        model = model_at(openai_server, name)
        await ask(model)
        await model.aclose()
    for body in openai_server.asked("/chat/completions"):
        assert "temperature" not in body
        assert "max_tokens" not in body
        assert body["max_completion_tokens"] > QUESTION.max_tokens
        assert body["reasoning_effort"] == "low"


async def test_other_models_get_what_every_server_knows(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    await ask(model)
    body = openai_server.asked("/chat/completions")[0]
    assert (body["max_tokens"], body["temperature"]) == (500, 0.7)
    assert "max_completion_tokens" not in body
    assert "reasoning_effort" not in body


async def test_what_a_server_refuses_is_left_out_from_then_on(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.refused_parameters = {"max_tokens", "temperature"}
    await ask(model)
    assert len(openai_server.requests) == 3
    await ask(model)
    assert len(openai_server.requests) == 4
    assert "max_completion_tokens" in openai_server.requests[-1].body


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=429, headers={"Retry-After": "0.05"}),
        Fault(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Fault(garbage=True),
        Fault(drop=True),
        Fault(delay_seconds=0.7),
        Fault(cut_after=0),
        Fault(cut_after=1),
    ],
)
async def test_what_fails_before_the_first_word_is_tried_three_times(
    model: openai.OpenAIChat, openai_server: OpenAIServer, fault: Fault
) -> None:
    openai_server.faults.extend([fault, fault])
    assert (await ask(model)).completion.quotes
    assert len(openai_server.requests) == 3
    openai_server.always = fault
    with pytest.raises(ModelUnavailable) as raised:
        await ask(model)
    assert len(openai_server.requests) == 6
    assert raised.value.code == "model_unavailable"


@pytest.mark.parametrize(
    "fault", [Fault(cut_after=5), Fault(unfinished=True), Fault(error_in_stream=True)]
)
async def test_an_answer_cut_in_the_middle_is_no_answer(
    model: openai.OpenAIChat, openai_server: OpenAIServer, fault: Fault
) -> None:
    openai_server.always = fault
    events = model.answer(QUESTION)
    seen = [await anext(events)]
    with pytest.raises(ModelUnavailable, match="middle"):
        await exhaust(events, seen)
    assert not any(isinstance(event, Completion) for event in seen)
    assert len(openai_server.requests) == 1


async def test_an_empty_answer_is_tried_again(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("")
    with pytest.raises(ModelUnavailable, match="empty"):
        await ask(model)
    assert len(openai_server.requests) == 3


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "SLOTH_CHAT_MODEL")],
)
async def test_wrong_settings_are_said_at_once(
    model: openai.OpenAIChat, openai_server: OpenAIServer, status: int, hint: str
) -> None:
    openai_server.always = Fault(status=status)
    with pytest.raises(ConfigurationError) as raised:
        await ask(model)
    assert hint in (raised.value.hint or "")
    assert len(openai_server.requests) == 1


async def test_a_key_never_shows_in_errors(openai_server: OpenAIServer) -> None:
    openai_server.key = "another"
    model = model_at(openai_server)
    with pytest.raises(ConfigurationError) as raised:
        await ask(model)
    assert "sk-test" not in f"{raised.value} {raised.value.hint} {raised.value.details}"
    await model.aclose()


async def test_in_an_outage_answers_fail_at_once_and_recover_alone(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.always = Fault(delay_seconds=20)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="in time"):
            await ask(model)
    for pause in (0, HASTE.rest_seconds, 0):
        await anyio.sleep(pause)
        began = time.monotonic()
        with pytest.raises(ModelUnavailable, match="down"):
            await ask(model)
        assert time.monotonic() - began < 2
    openai_server.always = Fault()
    await anyio.sleep(HASTE.rest_seconds)
    assert (await ask(model)).completion.quotes


async def test_leaving_in_the_middle_closes_the_connection(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("word " * 2000)
    openai_server.seconds_between_pieces = 0.01
    with anyio.move_on_after(0.3) as scope:
        await ask(model)
    assert scope.cancelled_caught
    assert await anyio.to_thread.run_sync(openai_server.hung_up.wait, 2)


async def test_the_first_words_come_before_the_last_are_written(
    model: openai.OpenAIChat, openai_server: OpenAIServer
) -> None:
    openai_server.reply = saying("Haircut for adults costs 40 euro [1].")
    openai_server.seconds_between_pieces = 0.05
    began = time.monotonic()
    times = [time.monotonic() - began async for _ in model.answer(QUESTION)]
    assert times[0] < times[-1] / 2
