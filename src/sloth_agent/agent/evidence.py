"""Whether a text holds the kind of thing that a question asks for."""

import re
from typing import Final

from sloth_agent.agent.matching import sound
from sloth_agent.agent.questions import Asked, Question
from sloth_agent.agent.vocabulary import CURRENCY
from sloth_agent.knowledge.lexical import words

_NUMBER: Final = (
    r"(?:\d[\d.,\u00a0\u202f ]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|twenty|thirty|forty|fifty|hundreds?|thousands?|millions?|billions?|half|dozen"
    r"|один|одна|одне|одну|два|дві|двох|три|трьох|чотири|п'ять|шість|сім|вісім|дев'ять|десять"
    r"|дванадцять|двадцять|тридцять|сто|тисяч\w*|мільйон\w*|мільярд\w*|пів|половин\w*"
    r"|jeden|jedna|jedno|dwa|dwie|dwóch|trzy|trzech|cztery|czterech|pięć|pięciu|sześć|siedem|osiem"
    r"|dziewięć|dziesięć|dwanaście|dwadzieścia|tysiąc\w*|tysięcy|milion\w*|miliard\w*|pół"
    r"|ein|eins|eine|einen|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig"
    r"|hundert|tausend|million\w*|milliarden?|halb\w*)\b)"
)
_TIME_UNIT: Final = (
    r"(?:s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|weeks?|months?|years?|decades?|centur\w+"
    r"|хв|хвилин\w*|год|годин\w*|секунд\w*|день|дні|днів|дня|тиж\w+|місяц\w+|рок\w*|рік|років"
    r"|minut\w*|godz\w*|sekund\w*|dni|dzień|dnia|tygod\w+|tydzień|miesi\w+|lat|lata|rok|roku"
    r"|std|stunden?|minuten?|sekunden?|tage?n?|wochen?|monate?n?|jahre?n?)\b"
)
_MONTH: Final = (
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|січ[еня]\w+|лют(?:ий|ого|ому)|берез\w+|квіт\w+|трав(?:ень|ня|ні)|черв(?:ень|ня|ні)"
    r"|лип(?:ень|ня|ні)|серп\w+|верес\w+|жовт(?:ень|ня|ні)|листопад\w*|груд(?:ень|ня|ні)"
    r"|stycz\w+|lut(?:y|ego|ym)|marzec|marca|marcu|kwie\w+|maj|maja|maju|czerw(?:iec|ca|cu)"
    r"|lip(?:iec|ca|cu)|sierp\w+|wrze[śs]\w+|październik\w*|listopad\w*|grud\w+"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember)\b"
)
_WEEKDAY: Final = (
    r"\b(?:mon|tue|wed|thu|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"|понеділ\w+|вівтор\w+|серед[ауи]|четвер\w*|п'ятниц\w+|субот\w+|неділ\w+|пн|вт|ср|чт|пт|сб|нд"
    r"|poniedział\w+|wtor\w+|środ\w+|czwart\w+|piąt\w+|sobot\w*|niedziel\w+"
    r"|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?)\b"
)

_CLOCK: Final = r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2}\s*(?:[ap]\.?m\b|uhr\b|o'clock)"
_PART_OF_DAY: Final = (
    r"\b(?:morning|noon|afternoon|evening|night|вранці|зранку|ранку|вдень|(?:у|в)вечері|вечора"
    r"|(?:у|в)ночі|rano|rana|południ\w+|wieczor\w+|wieczór|nocy|morgens?|mittags?|vormittags?"
    r"|nachmittags?|abends?|nachts?)\b"
)

_HOLDING: Final = {
    asked: re.compile(pattern, re.IGNORECASE)
    for asked, pattern in {
        Asked.PRICE: rf"{_NUMBER}\s*{CURRENCY}|\d\s*%"
        r"|(?:[€$£₴]|\b(?:uah|eur|usd|pln))\s*\d[\d.,]*",
        Asked.DURATION: rf"(?:{_NUMBER}[-\s]*(?:\w+\s)?|\b(?:an?|około|близько)\s+){_TIME_UNIT}",
        Asked.AGE: rf"{_NUMBER}[-\s]*(?:\w+\s)?{_TIME_UNIT}|\d(?:st|nd|rd|th)?\s+birthday"
        r"|rok\w* życia|рок\w* життя|lebens(?:jahr|monat|woche)\w*|geburtstag|urodzin|\d-річ"
        r"|\b(?:under|over|unter|über|до|від|od|do|poniżej|powyżej) (?:1?\d)\b",
        Asked.CLOCK: _CLOCK,
        Asked.TIME: rf"{_CLOCK}|{_PART_OF_DAY}|\b1\d{{3}}\b|\b20\d\d\b|{_MONTH}|{_WEEKDAY}"
        rf"|centur|столітт|wieku|jahrhundert|{_NUMBER}[-\s]*{_TIME_UNIT}|\buhr\b",
        Asked.PERCENT: r"\d\s*%|percent|per cent|відсот|procent|prozent",
        Asked.CONTACT: r"\+?\d[\d\s()-]{6,}\d|\S+@\S+",
        Asked.COUNT: _NUMBER,
        Asked.REASON: r"\b(?:because|since|due to|so that|in order to|тому що|оскільки|через|бо|щоб"
        r"|завдяки|ponieważ|gdyż|z powodu|bo|dlatego|aby|żeby|weil|da|wegen|damit|deshalb|aufgrund"
        r"|denn)\b",
    }.items()
}
_HEADED: Final = {  # the unit may stand in the header of a column whose cells are bare numbers
    Asked.PRICE: re.compile(CURRENCY, re.IGNORECASE),
    Asked.DURATION: re.compile(rf"\b{_TIME_UNIT}", re.IGNORECASE),
    Asked.PERCENT: re.compile("%"),
}
_GROUPING = re.compile(r"(?<=\d)[\s()/-]+(?=\d)")
_CAPITAL = re.compile(r"(?<=[^.!?\s:])\s+[\"'„“«(]*([^\W\d_][^\W_]+)")


def holds(question: Question, text: str, header: str = "") -> bool | None:
    """Whether the text has such a thing, other than what the question itself says.

    None where the form of the question does not tell what is asked for.
    """
    if question.asked is None:
        return None
    if question.asked in (Asked.PERSON, Asked.PLACE):
        return any(
            match.group(1)[0].isupper() and sound(match.group(1).lower()) not in question.sounds
            for match in _CAPITAL.finditer(text)
        )
    headed = _HEADED.get(question.asked)
    if header and headed and headed.search(header):
        return any(sign.isdigit() for sign in text)
    return any(
        any(sound(word) not in question.sounds for word in words(match.group()))
        for match in _HOLDING[question.asked].finditer(text)
    )


def names_contact(text: str) -> bool:
    """Whether there is a telephone number or an address for mail in it."""
    return _HOLDING[Asked.CONTACT].search(text) is not None


def prices(text: str) -> list[str]:
    """The amounts of money in a text."""
    return [match.group() for match in _HOLDING[Asked.PRICE].finditer(text)]


def ungrouped(text: str) -> str:
    """The text with its groups of digits put together."""
    return _GROUPING.sub("", text)
