"""What of an error goes out over HTTP."""

import json
from datetime import UTC, datetime

from sloth_agent.errors import Conflict, SubscriptionExpired
from sloth_agent.server.problems import Problem, problem_response

ENDED = datetime(2026, 11, 1, tzinfo=UTC)


def test_details_of_an_error_take_no_place_of_the_answers_own() -> None:
    error = SubscriptionExpired("It has ended.", status="canceled", ended_at=ENDED)
    body = json.loads(bytes(problem_response(error, request_id="1").body))
    assert (body["status"], body["code"]) == (402, "subscription_expired")
    assert Problem.model_validate(body).ended_at == ENDED


def test_a_hint_for_operators_stays_inside() -> None:
    error = Conflict("It is there.", hint="Run `sloth db upgrade`.", password="secret")
    told = bytes(problem_response(error, request_id="1").body).decode()
    assert "sloth db" not in told
    assert "secret" not in told
