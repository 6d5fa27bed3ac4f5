"""Periodic tasks by many processes at once, as several machines with the same crontab."""

import json
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from fakes.command import Sloth
from sloth_agent.adapters.stores.postgres.embedded import attach

PROCESSES = 12


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sloth]:
    """An install on which no task has run."""
    home = tmp_path_factory.mktemp("fresh") / "home"
    attachment = attach(home)
    yield Sloth(home, home.parent, "default")
    attachment.release()


def test_tenants_for_which_it_failed_are_named(fresh: Sloth) -> None:
    for slug in ("anna", "ben"):
        assert fresh("tenants", "create", slug).rc == 0
    address = attach(fresh.home)
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        connection.execute("update public.organizations set database = 'mars' where slug = 'ben'")
    address.release()
    due = fresh("tasks", "run", "--due", "--json")
    assert due.rc == 3
    failed = {run["task"]: [each["tenant"] for each in run["failed"]] for run in due.json["runs"]}
    assert (failed["usage-limits"], failed["trial-expirations"]) == (["ben"], [])
    for task in ("usage-limits", "clean-up"):
        told = fresh("tasks", "run", task)
        assert told.rc == 3
        assert told.error == "error: ben: There is no database 'mars'."
        assert "failed_tenants 1" in told.stdout
    ran = fresh("tasks", "run", "usage-limits", "--json")
    assert ran.rc == 3
    assert ran.json["failed"] == [{"tenant": "ben", "problem": "There is no database 'mars'."}]


@pytest.mark.slow
def test_each_due_task_is_run_by_one_of_many_processes(fresh: Sloth) -> None:
    """Without the condition in `claim` each process runs all tasks."""
    tasks = [item["name"] for item in fresh("tasks", "list", "--json").json["items"]]
    processes = [fresh.start("tasks", "run", "--due", "--json") for _ in range(PROCESSES)]
    runs = Counter[str]()
    for process in processes:
        stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (0, b"")
        runs.update(run["task"] for run in json.loads(stdout)["runs"])
    assert runs == Counter(tasks)
