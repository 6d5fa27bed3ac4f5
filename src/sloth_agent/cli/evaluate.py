"""`sloth eval`: quality on your own questions."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sloth_agent.cli.exits import FAILED
from sloth_agent.cli.input import read_text
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, show_json, show_table
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.agent.evaluation import Evaluation, Scores, Verdict


LATENCY = "latency_ms"
"""With which the names of figures begin that are milliseconds, and not shares of one."""


def evaluate(
    questions: Annotated[str, typer.Argument(metavar="QUESTIONS.jsonl", help="- for stdin.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How far recall looks.")] = 5,
    min_recall: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail below this recall@k.")
    ] = None,
    min_answer: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail below this answer accuracy.")
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="Name each question that went wrong.")
    ] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Measure search and answers on questions whose answers are known."""
    from sloth_agent.agent.evaluation import read_questions

    asked = read_questions(read_text(questions).splitlines())
    with opened() as sloth:
        evaluation = sloth.tenant(tenant).evaluate(
            asked, k=k, on_verdict=_tell if failures else lambda _: None
        )
    if as_json:
        show_json(_body(evaluation))
    else:
        _show(evaluation)
    _hold(evaluation.overall.recall_at_k, min_recall, f"recall@{k}")
    _hold(evaluation.overall.answer_accuracy, min_answer, "answer accuracy")


def _tell(verdict: "Verdict") -> None:
    if not verdict.right:
        wanted = " | ".join(verdict.question.answers) or "a refusal"
        note(f"{verdict.question.question}\n  wanted {wanted}\n  got {verdict.reply.text!r}")


def _body(evaluation: "Evaluation") -> dict[str, Any]:
    return {
        "k": evaluation.k,
        **_scores(evaluation.overall),
        "languages": {name: _scores(scores) for name, scores in evaluation.by_language.items()},
    }


def _scores(scores: "Scores") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        name: round(value, 1) if name.startswith(LATENCY) else value
        for name, value in asdict(scores).items()
    }


def _show(evaluation: "Evaluation") -> None:
    everything = {**evaluation.by_language, "all": evaluation.overall}
    columns = {name: _scores(scores) for name, scores in everything.items()}
    rows = [
        [
            name.replace("at_k", f"at_{evaluation.k}"),
            *(
                _figure(scores[name], 1 if name.startswith(LATENCY) else 3)
                for scores in columns.values()
            ),
        ]
        for name in columns["all"]
    ]
    show_table(("", *columns), rows)


def _figure(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "—"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def _hold(value: float | None, floor: float | None, name: str) -> None:
    if floor is not None and (value is None or value < floor):
        note(f"error: {name} is {_figure(value)}, below {floor:g}")
        raise typer.Exit(FAILED)
