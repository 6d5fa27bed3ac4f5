"""Where files lie: another host than Twilio's, which asks nobody who they are.

`/leads-to?to=<address>` leads there, for whoever follows where they are led.
"""

from fakes.twilio_server.book import Book
from fakes.twilio_server.exchange import Answer, Request
from fakes.twilio_server.records import Media


class Store:
    def __init__(self, book: Book) -> None:
        self._book = book
        self.url = book.store_url
        self.requests: list[Request] = []

    @property
    def leaks(self) -> list[Request]:
        """Requests that brought credentials to where they do not belong."""
        return [each for each in self.requests if each.authorization]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.path == "/leads-to":
            return Answer(status=302, headers={"Location": request.query.get("to", [""])[0]})
        media = self._media(request.path.removeprefix("/"))
        if media is None or media.content is None:
            return Answer(status=404)
        headers = {"Content-Type": media.content_type}
        return Answer(status=200, body=media.content, headers=headers)

    def _media(self, sid: str) -> Media | None:
        for message in list(self._book.messages.values()):
            for media in message.media:
                if media.sid == sid:
                    return media
        return None
