"""The example firm, asked sixty questions: what may change its quality has to pass here."""

from pathlib import Path

import pytest

from sloth_agent.agent.evaluation import Evaluation, read_questions
from sloth_agent.app.sloth import AsyncTenant

pytestmark = pytest.mark.anyio

SALON = Path(__file__).parents[2] / "examples" / "salon"


@pytest.fixture
async def evaluation(tenant: AsyncTenant) -> Evaluation:
    await tenant.ingest(SALON)
    questions = read_questions((SALON / "questions.jsonl").read_text("utf-8").splitlines())
    return await tenant.evaluate(questions)


async def test_the_salon_is_answered_and_refused_as_it_should_be(evaluation: Evaluation) -> None:
    answerable = [v for v in evaluation.verdicts if v.question.answers]
    unanswerable = [v for v in evaluation.verdicts if not v.question.answers]

    assert sum(verdict.right for verdict in answerable) >= 38, evaluation.overall
    assert sum(verdict.refused for verdict in answerable) <= 3, evaluation.overall
    assert sum(verdict.refused for verdict in unanswerable) >= 12, evaluation.overall
    assert (evaluation.overall.recall_at_k or 0) >= 0.9, evaluation.overall
