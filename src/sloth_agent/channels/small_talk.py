"""What needs no answer from any document, so that no person is called because there was none."""

from sloth_agent.agent.vocabulary import listed
from sloth_agent.knowledge.lexical import words

_WORDS = listed(
    "hello hi hey good morning afternoon evening day thanks thank you very much bye goodbye ok okay"
    " great fine perfect yes no please"
    " привіт вітаю добрий доброго ранку день дня вечір вечора дякую дуже щиро бувайте добре гаразд"
    " так ні ок чудово до побачення"
    " cześć hej dzień dobry wieczór dziękuję bardzo dzięki tak nie proszę dobrze świetnie super do"
    " widzenia"
    " hallo guten morgen tag abend danke schön vielen dank tschüss gut ja nein bitte super prima"
    " auf wiedersehen"
)


def is_small_talk(text: str) -> bool:
    """Whether there is nothing but greetings, thanks and the like in it."""
    return all(word in _WORDS for word in words(text))
