"""What Prometheus reads: numbers, with neither a tenant's content nor a tenant's name."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client import generate_latest as written
from prometheus_client.multiprocess import MultiProcessCollector

from sloth_agent.agent.models import Answer
from sloth_agent.app.observers import Observers
from sloth_agent.billing.costs import Spent
from sloth_agent.errors import NotSignedIn
from sloth_agent.jobs.models import Ending, JobKind, Queue
from sloth_agent.server.shared_numbers import FOLDER, alone, take_over

MEDIA_TYPE = CONTENT_TYPE_LATEST

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are counted as one: a client can make up as many as it likes."""


class Metrics:
    """Of this process, or of all that share the folder of PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "sloth_http_requests", "Requests answered.", "method", "route", "status"
        )
        self._seconds = self._histogram(
            "sloth_http_request_seconds", "From a request to the end of its answer.", "route"
        )
        self._rate_limited = self._counter(
            "sloth_rate_limited", "Requests refused because there were too many.", "rate"
        )
        self._sign_ins = self._counter("sloth_sign_ins", "Passwords tried.", "result")
        self._answers = self._counter(
            "sloth_answers", "Answers given: from the documents, or a refusal.", "result"
        )
        self._retrieval = self._histogram(
            "sloth_retrieval_seconds", "Finding the passages of an answer."
        )
        self._tokens = self._counter(
            "sloth_model_tokens", "Tokens of models.", "kind", "model", "direction"
        )
        self._cost = self._counter(
            "sloth_model_cost", "Cost of models, as far as prices are known.", "kind", "currency"
        )
        self._jobs = self._counter(
            "sloth_jobs", "Tries of background jobs that ended in the server.", "kind", "ending"
        )

    @property
    def observers(self) -> Observers:
        """Through whom the library tells what it does."""
        return Observers(on_answer=self.answered, on_call=self.called, on_end=self.ended)

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def rate_limited(self, rate: str) -> None:
        self._rate_limited.labels(rate).inc()

    @contextmanager
    def sign_in(self) -> Iterator[None]:
        """Count whether somebody got in."""
        try:
            yield
        except NotSignedIn:
            self._sign_ins.labels("failed").inc()
            raise
        self._sign_ins.labels("ok").inc()

    def answered(self, answer: Answer) -> None:
        self._answers.labels("grounded" if answer.grounded else "refused").inc()
        self._retrieval.observe(answer.timings_ms["retrieve"] / 1000)

    def called(self, spent: Spent, currency: str) -> None:
        kind = spent.kind.value
        self._tokens.labels(kind, spent.model, "input").inc(spent.input_tokens)
        self._tokens.labels(kind, spent.model, "output").inc(spent.output_tokens)
        if not spent.unpriced_calls:
            self._cost.labels(kind, currency).inc(float(spent.cost))

    def ended(self, kind: JobKind, ending: Ending) -> None:
        self._jobs.labels(kind.value, ending.value).inc()

    def text(self, waiting: Mapping[Queue, int] | None) -> bytes:
        """In Prometheus's exposition format, with the jobs that wait at the moment.

        It reads files where several processes count; None: nobody knows what waits.
        """
        return self._counted() + _waiting(waiting)

    def _counted(self) -> bytes:
        if self._folder is None:
            return written(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]
        with alone(self._folder):
            take_over(self._folder)
            return written(together)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=BUCKETS, registry=self._registry)


def _waiting(counts: Mapping[Queue, int] | None) -> bytes:
    """Counted in the database, and so the same in every process: nothing to be added up."""
    if counts is None:
        return b""
    lines = [
        "# HELP sloth_jobs_waiting Background jobs that could be begun now.",
        "# TYPE sloth_jobs_waiting gauge",
        *(f'sloth_jobs_waiting{{queue="{queue}"}} {counts.get(queue, 0)}' for queue in Queue),
    ]
    return ("\n".join(lines) + "\n").encode()
