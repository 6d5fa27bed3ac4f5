"""A server on loopback that speaks OpenAI's protocol, remembers requests, and fails on cue.

`OpenAIServer()` starts it, `url` is what `OPENAI_BASE_URL` takes. Faults are used up one a request
in the order given; `always` is the fault of every request that has none of its own.
"""

import base64
import json
import math
import re
import socket
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

from fakes.contracts import RequestContract

Json = dict[str, Any]
Reply = Callable[[Json], str]

DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072}
OTHER_DIMENSIONS = 96
LETTERS_A_PIECE = 4
FAULTY_PATHS = ("/v1/embeddings", "/v1/chat/completions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request; several at once where that makes sense."""

    delay_seconds: float = 0  # before anything is answered
    status: int | None = None  # answered instead of a result
    error: Json = field(default_factory=dict)  # beside `message` in the error's body
    headers: dict[str, str] = field(default_factory=dict)
    garbage: bool = False  # 200, but no JSON
    drop: bool = False  # the work is done, the connection is closed without an answer
    cut_after: int | None = None  # pieces of a stream, then the connection is reset
    unfinished: bool = False  # a stream that ends in good order, but before its end
    error_in_stream: bool = False  # after the first piece
    vectors: str = ""  # "missing", "doubled", "short", "nan", "zero", "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    path: str
    body: Json
    authorization: str


def best_passage(body: Json) -> str:
    """Like an obedient model: the line that shares most words with the question, cited."""
    passages, _, question = str(body["messages"][-1]["content"]).partition("<question>")
    wanted = set(re.findall(r"\w{3,}", question.lower()))
    best, most = "NO_ANSWER", 0
    number = None
    for line in passages.splitlines():
        if heading := re.match(r"\[(\d+)\] ", line):
            number = heading[1]
            continue
        shared = len(wanted & set(re.findall(r"\w{3,}", line.lower())))
        if number and shared > most:
            best, most = f"{line} [{number}]", shared
    return best


def everything(body: Json) -> str:
    """Like a model that anybody can talk into anything."""
    return "\n".join(str(message["content"]) for message in body["messages"])


def saying(text: str) -> Reply:
    return lambda _: text


class OpenAIServer:
    """Use it with `with`; after that its port is closed and its threads have ended."""

    def __init__(self, contracts: Path | None = None, *, key: str | None = None) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.always = Fault()
        self.reply: Reply = best_passage
        self.refused_parameters: set[str] = set()  # answered with 400, as models do
        self.counts_usage = True
        self.seconds_between_pieces = 0.0
        self.violations: list[str] = []  # of OpenAI's own description of requests
        self.hung_up = threading.Event()  # somebody left in the middle of a stream
        self.stopping = threading.Event()
        self.key = key
        self.contract = RequestContract(contracts / "openai.openapi.json") if contracts else None
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.openai = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def asked(self, path: str) -> list[Json]:
        """Bodies of the requests to a path such as `/embeddings`."""
        return [request.body for request in self.requests if request.path == f"/v1{path}"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    openai: OpenAIServer
    daemon_threads = True
    # A client's idle connection would keep its thread, and so the end of the test, waiting.
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that went away is what the tests provoke, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms between its head and its body
    timeout = 30

    @property
    def fake(self) -> OpenAIServer:
        return cast("_Http", self.server).openai

    def log_message(self, *_: object) -> None:
        """Silent: the tests look at `requests`."""

    def do_GET(self) -> None:
        self._remember({})
        if self.fake.always.status or self.fake.always.delay_seconds:
            self._wait(self.fake.always.delay_seconds)
            self._json(self.fake.always.status or 200, {"object": "list", "data": []})
        elif self.path == "/v1/models":
            self._json(200, {"object": "list", "data": []})
        else:
            self._error(404, "Unknown address")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._remember(body)
        if self.path not in FAULTY_PATHS:
            self._error(404, f"Unknown address {self.path}")
            return
        fault = self.fake.faults.popleft() if self.fake.faults else self.fake.always
        self._wait(fault.delay_seconds)
        if fault.status is not None:
            self._error(fault.status, "scripted", fault.headers, fault.error)
        elif fault.drop:
            self._reset()
        elif not self._refused(body):
            self._answer(body, fault)

    def _remember(self, body: Json) -> None:
        header = self.headers.get("Authorization", "")
        self.fake.requests.append(Request(path=self.path, body=body, authorization=header))

    def _refused(self, body: Json) -> bool:
        if self.fake.key is not None and self.headers["Authorization"] != f"Bearer {self.fake.key}":
            self._error(401, f"Incorrect API key provided: {self.headers['Authorization']}")
            return True
        for name in sorted(self.fake.refused_parameters & body.keys()):
            detail = {"code": "unsupported_parameter", "param": name}
            self._error(400, f"Unsupported parameter: '{name}'", error=detail)
            return True
        problems = self.fake.contract.problems(self.path, body) if self.fake.contract else []
        if problems:
            self.fake.violations += problems
            self._error(400, problems[0])
        return bool(problems)

    def _answer(self, body: Json, fault: Fault) -> None:
        if fault.garbage and not body.get("stream"):
            self._send(200, b'{"data": [{"embedd')
        elif self.path == "/v1/embeddings":
            self._json(200, _embeddings(body, fault.vectors))
        elif body.get("stream"):
            self._stream(body, fault)
        else:
            self._json(200, _completion(body, self.fake.reply(body)))

    def _stream(self, body: Json, fault: Fault) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number, event in enumerate(self._events(body, fault)):
                if number == fault.cut_after:
                    self._reset()
                    return
                self.fake.stopping.wait(self.fake.seconds_between_pieces)
                self._chunk(f"data: {event}\n\n")
            self._chunk("")
        except OSError:
            self.fake.hung_up.set()
            self.close_connection = True

    def _events(self, body: Json, fault: Fault) -> Iterator[str]:
        text = self.fake.reply(body)
        if fault.garbage:
            yield '{"choices": [{"delta'
        yield _piece(body, {"role": "assistant", "content": ""})
        for start in range(0, len(text), LETTERS_A_PIECE):
            yield _piece(body, {"content": text[start : start + LETTERS_A_PIECE]})
            if fault.error_in_stream:
                yield json.dumps({"error": {"message": "overloaded", "type": "server_error"}})
        if fault.unfinished:
            return
        yield _piece(body, {}, finish="stop")
        options = body.get("stream_options") or {}
        if options.get("include_usage") and self.fake.counts_usage:
            last = json.loads(_piece(body, {}))
            yield json.dumps(last | {"choices": [], "usage": _usage(body, text)})
        yield "[DONE]"

    def _wait(self, seconds: float) -> None:
        if seconds:
            self.fake.stopping.wait(seconds)

    def _reset(self) -> None:
        """Close as a crashed server does: without the goodbye that a whole answer has."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _error(
        self,
        status: int,
        message: str,
        headers: dict[str, str] | None = None,
        error: Json | None = None,
    ) -> None:
        detail = {"message": message, "type": "error", "param": None, "code": None}
        self._json(status, {"error": detail | (error or {})}, headers)

    def _json(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers)

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.fake.hung_up.set()
            self.close_connection = True


def embedding(text: str, dimensions: int) -> list[float]:
    """Texts that share words, or the beginnings of words, are near each other."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or ["-"]:
        vector[zlib.crc32(word[:5].encode()) % dimensions] += 1.0
    length = math.hypot(*vector)
    return [number / length for number in vector]


def _embeddings(body: Json, fault: str) -> Json:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    size = body.get("dimensions") or DIMENSIONS.get(body["model"], OTHER_DIMENSIONS)
    vectors: list[Any] = [embedding(text, size) for text in texts]
    if fault == "short":
        vectors[-1] = vectors[-1][:-1]
    elif fault == "nan":
        vectors[-1][0] = math.nan
    elif fault == "zero":
        vectors[-1] = [0.0] * size
    elif fault == "words":
        vectors[-1] = ["one"] * size
    indices = list(range(len(vectors)))
    if fault == "missing":
        vectors, indices = vectors[:-1], indices[:-1]
    elif fault == "doubled":
        indices[-1] = 0 if len(indices) > 1 else 1
    if body.get("encoding_format") == "base64":
        vectors = [
            base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            for vector in vectors
        ]
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in zip(indices, vectors, strict=True)
    ]
    tokens = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        # Order is by `index`, not by place; a client that trusts the place is wrong.
        "data": data[::-1],
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _usage(body: Json, text: str) -> Json:
    asked = sum(len(str(message["content"]).split()) for message in body["messages"])
    said = len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _head(body: Json, kind: str) -> Json:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_790_000_000, "model": body["model"]}


def _piece(body: Json, delta: Json, *, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return json.dumps(_head(body, "chat.completion.chunk") | {"choices": [choice]})


def _completion(body: Json, text: str) -> Json:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    head = _head(body, "chat.completion")
    return head | {"choices": [choice], "usage": _usage(body, text)}
