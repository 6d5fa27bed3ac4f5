"""Where a server listens: an address and a port, or a local socket."""

import errno
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sloth_agent.errors import ConfigurationError

WAITING_CONNECTIONS = 2048

ANYBODY = 0o666
"""A proxy is another user; who may reach the socket is for its folder to say."""

_WHAT_TO_DO = {
    errno.EADDRINUSE: "Stop what listens there, or choose another with --port.",
    errno.EACCES: "Ports below 1024 are for root: choose another with --port.",
    errno.EADDRNOTAVAIL: "Choose an address of this machine with --host.",
}


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that takes connections already; port 0 is any that is free.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    listener = socket.socket(_family(host, port))
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(WAITING_CONNECTIONS)
        except OSError as error:
            raise ConfigurationError(
                f"Nobody can listen at {host}, port {port}: {error.strerror}.",
                hint=_WHAT_TO_DO.get(error.errno or 0),
            ) from error
        yield listener


def address_of(listener: socket.socket) -> str:
    """For a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def listening_locally(path: Path) -> Iterator[socket.socket]:
    """A local socket; one that a server left behind is replaced, and the own one taken away.

    Raises:
        ConfigurationError: something else is there, or nothing can be.
    """
    _make_room(path)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(path))
            path.chmod(ANYBODY)
            listener.listen(WAITING_CONNECTIONS)
        except OSError as error:
            raise ConfigurationError(
                f"There can be no socket at {path}: {error.strerror or error}.",
                hint="Choose a short path in a folder that you can write to.",
            ) from error
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _family(host: str, port: int) -> socket.AddressFamily:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"There is no host {host}.", hint="Choose an address of this machine with --host."
        ) from error
    families = [each[0] for each in found]
    return socket.AF_INET if socket.AF_INET in families else families[0]


def _make_room(path: Path) -> None:
    with suppress(OSError):
        if not path.exists():
            return
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise ConfigurationError(
                f"{path} is there already, and no socket.", hint="Choose another path for --uds."
            )
        if _is_served(path):
            raise ConfigurationError(
                f"A server listens at {path} already.", hint="Stop it, or choose another path."
            )
        path.unlink()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True
