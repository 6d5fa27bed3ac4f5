"""A customer who would rather talk to a person says so as people do."""

import json
from pathlib import Path

import pytest

from sloth_agent.channels.asking_for_a_person import asks_for_a_person

ASKING = [
    "Can I talk to a human?",
    "I'd like to speak with someone please",
    "talk to a real person",
    "Human please",
    "OPERATOR!",
    "connect me to the manager",
    "I need a real person",
    "Could I speak to your manager about my appointment?",
    "Хочу поговорити з людиною",
    "Можна поговорити з людиною?",
    "Зв’яжіть мене з оператором",
    "З'єднайте мене з менеджером, будь ласка",
    "оператор",
    "Покличте людину",
    "Потрібен оператор",
    "мені треба жива людина",
    "Chcę porozmawiać z człowiekiem",
    "Czy mogę rozmawiać z konsultantem?",
    "Proszę połączyć mnie z pracownikiem",
    "Połączcie mnie z konsultantem",
    "człowiek",
    "Poproszę człowieka",
    "Kann ich mit einem Menschen sprechen?",
    "Ich möchte mit einem Mitarbeiter sprechen",
    "Ich will mit jemandem reden",
    "Verbinden Sie mich bitte mit einem Mitarbeiter",
    "Mitarbeiter bitte",
    "Ich brauche einen echten Menschen",
    "Please let me chat with an agent",
]
NOT_ASKING = [
    "How much is a haircut for one person?",
    "I need a person-sized towel",
    "I don't want to talk to a human",
    "Ціна за людину?",
    "Я не хочу говорити з оператором",
    "Скільки коштує стрижка для однієї людини?",
    "Чи потрібна людина старша 18 років?",
    "Ile kosztuje strzyżenie dla jednej osoby?",
    "Nie chcę rozmawiać z konsultantem",
    "Wie viel kostet es pro Person?",
    "Ich möchte nicht mit einem Mitarbeiter sprechen",
    "Do your managers speak English?",
    "Who is the owner?",
    "Is the massage for people with back pain?",
    "What do you write to customers?",
    "Чи працює ваш менеджер у суботу?",
    "Хочу записати людину на стрижку",
    "Sind die Mitarbeiter geimpft?",
]


@pytest.mark.parametrize("text", ASKING)
def test_asking(text: str) -> None:
    assert asks_for_a_person(text)
    assert asks_for_a_person(text.upper())


@pytest.mark.parametrize("text", NOT_ASKING)
def test_not_asking(text: str) -> None:
    assert not asks_for_a_person(text)


def test_questions_about_anything_else_are_left_to_the_assistant(shared_data: Path) -> None:
    questions = [
        json.loads(line)["question"]
        for file in sorted((shared_data / "qa").glob("*.questions.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    assert len(questions) > 1_000
    assert [question for question in questions if asks_for_a_person(question)] == []
