"""Questions that lean on the one before: "And for a cat?", "How long does it take?"."""

import re
from collections.abc import Sequence
from typing import Final

from sloth_agent.agent.questions import is_about_nothing
from sloth_agent.agent.vocabulary import FOR, PREPOSITIONS
from sloth_agent.knowledge.lexical import words
from sloth_agent.language import Language

MOST_WORDS = 6
"""Of a question that adds to another one."""

_JOINED: Final = {
    Language.ENGLISH: r"and|or|but|(?:and )?(?:what|how) about",
    Language.UKRAINIAN: r"а|і|й|та|або|чи|але|а як щодо|як щодо",
    Language.POLISH: r"a|i|oraz|albo|ale|a co z|co z",
    Language.GERMAN: r"und|oder|aber|(?:und )?(?:was ist|wie ist es|wie sieht es) mit",
}
_WHOLE: Final = {  # with one of these a question of its own begins
    Language.ENGLISH: r"is|are|do|does|did|can|could|may|must|will|would|should|have|has"
    r"|how|what|who|whom|whose|when|where|which|why",
    Language.UKRAINIAN: r"чи|є|можна|треба|скільки|коли|де|хто|що|як\w*|куди|звідки|чому|котр\w+",
    Language.POLISH: r"czy|jest|są|można|trzeba|mogę|mam|ile|ilu|kiedy|gdzie|kto|co|jak\w*"
    r"|któr\w+|dlaczego|skąd|dokąd",
    Language.GERMAN: r"ist|sind|kann|können|darf|muss|soll|gibt|habt|haben|hat|bieten|wie|was"
    r"|wer|wen|wem|wann|wo|wohin|woher|warum|welche\w*",
}
_ADDED: Final = {
    language: re.compile(rf"(?:{joined}) (?!(?:{_WHOLE[language]})\b)")
    for language, joined in _JOINED.items()
}


def leans(question: str, language: Language) -> bool:
    """Whether a question makes sense only after another one."""
    said = words(question)
    if is_about_nothing(question, language):
        return True
    if not said or len(said) > MOST_WORDS:
        return False
    joined = _ADDED[language].match(" ".join(said)) is not None
    return joined or said[0] in PREPOSITIONS[language] | FOR


def leant_on(question: str, earlier: Sequence[str], language: Language) -> str:
    """What to read before `question`: of the `earlier` questions, oldest first, the newest that
    stands for itself, and those since. Empty where the question needs none."""
    chain: list[str] = []
    while earlier and leans(question, language):
        *earlier, question = earlier
        chain.insert(0, question)
    return "\n".join(chain)
