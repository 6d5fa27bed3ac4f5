"""Where original files are kept."""

import os
from pathlib import Path

import anyio
import pytest

from sloth_agent.adapters.files.local import LocalFiles
from sloth_agent.errors import InvalidInput, NotFound, StorageUnavailable
from sloth_agent.knowledge.ports import FileStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return LocalFiles(tmp_path / "files", tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"x" * 3_000_000])
async def test_what_is_written_is_read(files: FileStore, content: bytes) -> None:
    await files.write("ab12", content)
    assert await files.read("ab12") == content


async def test_the_last_content_counts(files: FileStore, tmp_path: Path) -> None:
    await files.write("ab12", b"old")
    await files.write("ab12", b"new")
    assert await files.read("ab12") == b"new"
    assert names_below(tmp_path) == ["ab12"]


async def test_what_is_deleted_is_gone(files: FileStore) -> None:
    await files.write("ab12", b"old")
    await files.delete("ab12")
    await files.delete("ab12")
    with pytest.raises(NotFound):
        await files.read("ab12")


async def test_a_reader_sees_a_whole_file(files: FileStore) -> None:
    contents = [bytes([number]) * 500_000 for number in range(20)]
    await files.write("ab12", contents[0])
    written = anyio.Event()

    async def read() -> None:
        while not written.is_set():
            assert await files.read("ab12") in contents

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        for content in contents:
            await files.write("ab12", content)
        written.set()


@pytest.mark.parametrize(
    "key", ["", "..", "../x", "a/b", "/etc/passwd", "A", "a\0", "ї", "a" * 129]
)
async def test_keys_lead_nowhere_else(files: FileStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInput):
        await files.write(key, b"x")
    with pytest.raises(InvalidInput):
        await files.read(key)
    with pytest.raises(InvalidInput):
        await files.delete(key)
    assert names_below(tmp_path) == []


async def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    files = LocalFiles(tmp_path / "files", tmp_path)
    with pytest.raises(StorageUnavailable):
        await files.write("ab12", b"x")
    with pytest.raises(StorageUnavailable):
        await files.read("ab12")
    with pytest.raises(StorageUnavailable):
        await files.delete("ab12")


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
async def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    await LocalFiles(home / "files" / "t_1", home).write("ab12", b"secret")
    assert modes(home) == {"home": 0o700, "files": 0o700, "t_1": 0o700, "ab": 0o700, "ab12": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o055


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
async def test_a_home_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    await anyio.Path(tmp_path).chmod(0o755)
    await LocalFiles(tmp_path / "files", tmp_path).write("ab12", b"secret")
    found = modes(tmp_path)
    assert found.pop(tmp_path.name) == 0o755
    assert found == {"files": 0o700, "ab": 0o700, "ab12": 0o600}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")
async def test_what_root_writes_belongs_to_the_owner_of_the_home(tmp_path: Path) -> None:
    os.chown(tmp_path, 1, 1)
    await LocalFiles(tmp_path / "files", tmp_path).write("ab12", b"secret")
    assert owners(tmp_path) == {1}


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in folder.rglob("*")}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


def names_below(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]
