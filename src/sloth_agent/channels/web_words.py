"""What a web chat says by itself."""

from typing import Final

from sloth_agent.language import Language

GREETINGS: Final = {
    Language.ENGLISH: "Hello! How can we help?",
    Language.UKRAINIAN: "Вітаємо! Чим можемо допомогти?",
    Language.POLISH: "Dzień dobry! W czym możemy pomóc?",
    Language.GERMAN: "Guten Tag! Wie können wir helfen?",
}

CLOSED: Final = {
    Language.ENGLISH: "The chat is closed at the moment. Please contact us another way.",
    Language.UKRAINIAN: "Чат зараз не працює. Зв’яжіться з нами, будь ласка, в інший спосіб.",
    Language.POLISH: "Czat jest teraz nieczynny. Prosimy o kontakt w inny sposób.",
    Language.GERMAN: "Der Chat ist zurzeit geschlossen. Bitte melden Sie sich auf anderem Weg.",
}

TOO_OFTEN: Final = {
    Language.ENGLISH: "That was a lot at once. Please wait a moment.",
    Language.UKRAINIAN: "Забагато повідомлень одразу. Зачекайте, будь ласка, трохи.",
    Language.POLISH: "Za dużo wiadomości naraz. Proszę chwilę poczekać.",
    Language.GERMAN: "Das war viel auf einmal. Bitte warten Sie einen Moment.",
}
