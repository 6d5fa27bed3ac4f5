"""`sloth demo`: the bundled example firm, ingested and asked."""

from pathlib import Path

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened

TENANT = "demo"
QUESTIONS = (
    "How much is a women's haircut?",
    "О котрій ви працюєте в суботу?",
    "Do you repair bicycles?",
)


def demo(as_json: Json = False) -> None:
    """Ingest the example salon "Lavanda", ask it three questions, show answers and sources."""
    from sloth_agent.app.bodies.answers import answer_body
    from sloth_agent.cli.chat import show_sources
    from sloth_agent.knowledge.intake import Outcome

    with opened() as sloth:
        salon = sloth.tenant(TENANT, create=True)
        note('The salon "Lavanda" keeps price lists, rules and brochures in four languages.')
        report = salon.ingest(*_documents())
        known = report.count(Outcome.COMPLETED) + report.count(Outcome.SKIPPED)
        note(f"Read {known} files in {report.seconds:.1f} s.")
        answers = [salon.chat(question) for question in QUESTIONS]
        advice = salon.advice()
    if as_json:
        bodies = [answer_body(answer) for answer in answers]
        show_json(
            {
                "answers": [
                    {"question": question, **body}
                    for question, body in zip(QUESTIONS, bodies, strict=True)
                ]
            }
        )
    else:
        for question, answer in zip(QUESTIONS, answers, strict=True):
            say(f"\n> {question}\n{answer.text}")
            show_sources(answer.citations)
        say(
            '\nAsk it more: sloth chat --tenant demo "..."'
            '\nNow your own: sloth ingest YOUR_FOLDER && sloth chat "..."'
        )
    for line in advice:
        note(line)


def _documents() -> list[Path]:
    """The files that speak for the salon; beside them lie questions, pictures and a script."""
    from importlib.resources import files

    packaged = Path(str(files("sloth_agent.cli"))) / "salon"
    # A checkout keeps the salon among the examples, where people look for it.
    checkout = Path(__file__).parents[3] / "examples" / "salon"
    folder = packaged if packaged.is_dir() else checkout
    kinds = (".docx", ".md", ".pdf", ".txt", ".xlsx")
    return sorted(path for path in folder.glob("*.??.*") if path.suffix in kinds)
