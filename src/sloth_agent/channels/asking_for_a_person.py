"""Whether somebody asks for a person in their own words, in one of our four languages.

Only what can hardly mean anything else: whoever is not understood has `/human` and a button, and
gets a person after two questions without an answer.
"""

import re

_ENGLISH = r"""
    (talk|speak|chat)\ (to|with)\ (an?\ |the\ |some\ |your\ )?(real\ |live\ |actual\ |human\ )?
        (human|person|someone|somebody|operator|agent|manager|consultant|administrator|receptionist
        |employee|owner|staff|member\ of\ staff)
    | (connect|transfer|switch|put)\ me\ (to|with|through\ to)\ (an?\ |the\ |your\ )?
        (real\ |live\ |human\ )?
        (human|person|someone|somebody|operator|agent|manager|consultant|staff)
    | (need|want|get\ me|give\ me|call)\ (an?\ |the\ )?(real\ |live\ |actual\ )
        (human|person|operator|agent)
    | (need|want|get\ me|give\ me|call)\ (an?\ |the\ )(human|operator|manager|human\ agent)
"""
_UKRAINIAN = r"""
    (поговорити|говорити|поспілкуватис[яь]|спілкуватис[яь]|зв'язатис[яь]|зв'яжіть|з'єднайте|з'єднати)
        \ (мене\ )?(з|із|зі)\ (живою\ |реальною\ |справжньою\ )?
        (людиною|кимось|оператор\w*|менеджер\w*|адміністратор\w*|консультант\w*|працівни\w*|співробітни\w*)
    | (переключіть|переведіть|перемкніть)\ (мене\ )?на\ (живу\ )?(людину|оператор\w*|менеджер\w*)
    | (покличте|позвіть|дайте|хочу|потрібн\w+|потрібен|треба)\ (мені\ )?
        (жив\w+\ |реальн\w+\ )?(людин[ау]|оператор\w*|менеджер\w*)(?=\W*(\Z|[.,!]))
    | (відповість|відповіла)\ (жива\ )?людина
"""
_POLISH = r"""
    (porozmawiać|rozmawiać|pogadać|pomówić|skontaktować\ się|połącz\w*(\ mnie)?|połączyć)
        \ z[e]?\ (żyw\w+\ |prawdziw\w+\ )?
        (człowiekiem|kimś|osobą|konsultant\w*|pracowni\w*|obsługą|operator\w*|menedżer\w*|kierowni\w*
        |recepcj\w*|właściciel\w*)
    | przełącz\w*(\ mnie)?\ (na|do)\ (człowieka|konsultant\w*|operator\w*)
    | (chcę|potrzebuję|poproszę|proszę\ o)\ (żyw\w+\ |prawdziw\w+\ )?
        (człowieka|konsultant\w*|operator\w*|kontakt\ z\ (człowiekiem|konsultant\w*))
"""
_GERMAN = r"""
    mit\ (jemandem|(einem|einer|dem|der|ihrem|ihrer)\ (echten\ |richtigen\ )?
        (menschen|mensch|person|mitarbeiter\w*|berater\w*|ansprechpartner\w*|chef\w*|manager\w*))
        \ (\w+\ )?(sprechen|reden|chatten|schreiben|verbinden|verbunden)
    | (verbinden|verbinde)\ sie\ mich\ (bitte\ )?mit
        \ (jemandem|(einem|einer)\ (echten\ |richtigen\ )?(menschen|person|mitarbeiter\w*))
    | (brauche|will|möchte|hätte\ gern\w*)\ (bitte\ )?(einen|eine)
        \ (echten|echte|richtigen|richtige)\ (menschen|person|mitarbeiter\w*)
    | (sprechen|reden)\ mit\ (einem|einer)\ (echten\ |richtigen\ )?(menschen|mitarbeiter\w*|person)
"""
_BY_ITSELF = r"""
    (real\ |live\ )?(human|person|operator|agent|manager|consultant)
    | (жива\ |живу\ )?(людин[ау]|оператор\w{0,2}|менеджер\w{0,2})
    | (żywy\ |żywego\ )?(człowiek|człowieka|konsultant\w{0,2}|operator\w{0,2})
    | (echter\ |echten\ )?(mensch|menschen|mitarbeiter\w{0,3})
"""
"""With a word of courtesy, and nothing else."""

_COURTESY = r"(please|pls|будь\ ласка|proszę|bitte)"

_ASKING = re.compile(
    rf"\b({_ENGLISH}|{_UKRAINIAN}|{_POLISH}|{_GERMAN})\b"
    rf"|\A({_COURTESY}\W*)?({_BY_ITSELF})(\W*{_COURTESY})?\W*\Z",
    re.VERBOSE,
)
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "`": "'"})
_REFUSED = re.compile(r"\b(don't|do not|not|не|nie|nicht|kein\w*)\b")


def asks_for_a_person(text: str) -> bool:
    said = " ".join(text.casefold().translate(_APOSTROPHES).split())
    found = _ASKING.search(said)
    return found is not None and not _REFUSED.search(said[: found.start()].rpartition(".")[2])
