"""Whether a process of this machine is gone."""

import subprocess
import sys

import pytest

from sloth_agent.adapters.jobs.processes import Processes

SHOWN = "from sloth_agent.adapters.jobs.processes import Processes; print(Processes().here)"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def test_this_process_is_here() -> None:
    here = Processes()
    assert not here.is_gone(here.here)


def test_a_process_that_ended_is_gone() -> None:
    name = subprocess.run(
        [sys.executable, "-c", SHOWN], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert Processes().is_gone(name)


def test_a_zombie_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SHOWN], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.read().strip()
        with open(f"/proc/{process.pid}/stat") as described:  # noqa: PTH123 - until it has ended
            while ") Z" not in described.read():
                described.seek(0)
        assert Processes().is_gone(name)


def test_another_process_with_the_same_number() -> None:
    machine, _, number = Processes().here.rpartition(":")[0].rpartition(":")
    assert Processes().is_gone(f"{machine}:{number}:1")


@pytest.mark.parametrize("name", ["elsewhere:1:2", "elsewhere:boot:1:2:3", "", "celery@host"])
def test_nothing_is_known_of_others(name: str) -> None:
    assert not Processes().is_gone(name)
