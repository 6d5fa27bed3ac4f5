"""The `sloth` command in processes of their own, with nothing inherited by accident."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from fakes.incubator import SLOTH, Child, Streams, incubator, is_seen_at_the_start


@dataclass(frozen=True, slots=True)
class Outcome:
    rc: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        assert self.stdout, self.stderr
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = self.stderr.splitlines()
        assert "Traceback" not in self.stderr, self.stderr
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.stderr
        return errors[0]


@dataclass(frozen=True, slots=True)
class Sloth:
    home: Path
    folder: Path  # where commands run, and the user's home directory
    tenant: str = "default"
    variables: Mapping[str, str] = field(default_factory=dict)

    def using(self, **variables: str) -> "Sloth":
        return replace(self, variables={**self.variables, **variables})

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "SLOTH_HOME": str(self.home),
            "SLOTH_TENANT": self.tenant,
            "TELEGRAM_API_BASE": "http://127.0.0.1:9",  # nobody answers there
            "TWILIO_API_BASE": "http://127.0.0.1:9",
            **self.variables,
        }

    def start(self, *arguments: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
        """The installed command, with options of `Popen`."""
        return subprocess.Popen(
            [SLOTH, *arguments],
            cwd=self.folder,
            env=self.environment,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )

    def __call__(
        self, *arguments: str | bytes, stdin: bytes | None = None, timeout: float = 60
    ) -> Outcome:
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as told:
            given.write(stdin or b"")
            given.seek(0)
            with self.begin(*arguments, streams=(given, out, told)) as process:
                try:
                    rc = process.wait(timeout)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
            stdout, stderr = (_whole(stream) for stream in (out, told))
        return Outcome(rc, stdout, stderr)

    def anew(self, *arguments: str) -> Outcome:
        """The installed command to its end, for what is to be missing when it is loaded."""
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=60)
        return Outcome(process.returncode, stdout.decode(), stderr.decode())

    def begin(
        self, *arguments: str | bytes, streams: Streams, new_session: bool = False
    ) -> Child | subprocess.Popen[bytes]:
        """Sooner than `start`, where it makes no difference how a command is loaded."""
        if is_seen_at_the_start(self.variables):
            names = ("stdin", "stdout", "stderr")
            options = dict(zip(names, streams, strict=True))
            return self.start(*arguments, **options, start_new_session=new_session)
        return incubator().start(
            arguments,
            env=self.environment,
            cwd=self.folder,
            streams=streams,
            new_session=new_session,
        )


def _whole(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()
