"""The official SDK's way to Telegram without a network between: many conversations a second."""

import asyncio
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from telegram.error import NetworkError
from telegram.request import BaseRequest, RequestData

from fakes.telegram_server.connection import CALL, FILE
from fakes.telegram_server.multipart import Upload
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.service import Answer, Service


class InProcess(BaseRequest):
    """What a connection would carry, as calls of the service itself.

    `Bot(token, request=InProcess(people), get_updates_request=InProcess(people))` keeps the
    usual address: only the part behind it counts.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(  # the SDK gives timeouts too: nothing here needs them
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        answer = await asyncio.to_thread(self._answer, unquote(urlsplit(url).path), request_data)
        if answer is None:
            raise NetworkError(f"{method}: the connection was reset")
        return answer.status, answer.body

    def _answer(self, path: str, data: RequestData | None) -> Answer | None:
        if file := FILE.fullmatch(path):
            return self._service.download(file[1], file[2])
        call = CALL.fullmatch(path)
        assert call, path
        return self._service.answer(call[1], call[2], _values(data))


def _read(content: bytes | IO[bytes]) -> bytes:
    return content if isinstance(content, bytes) else content.read()


def _values(data: RequestData | None) -> Values:
    if data is None:
        return Values()
    files = {
        name: Upload(name=str(given), media_type=type, data=_read(content))
        for name, (given, content, type) in (data.multipart_data or {}).items()
    }
    return Values(data.json_parameters, files)
