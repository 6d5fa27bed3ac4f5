"""Where things stand in a TOML file, so that a complaint can name the line."""

import tomllib

Path = tuple[str, ...]


class Lines:
    """The lines of tables and of their keys."""

    def __init__(self, text: str) -> None:
        self._found: dict[Path, int] = {}
        table: Path = ()
        for number, line in enumerate(text.splitlines(), start=1):
            path = _path(line)
            if line.lstrip().startswith("["):
                table = path
            else:
                path = (*table, *path)
            self._found.setdefault(path, number)

    def of(self, *path: str) -> int:
        """The line of a key, or else of what it stands in."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found[path] if path else 1


def _path(line: str) -> Path:
    """The names that lead to what a line sets; none where it sets nothing by itself."""
    try:
        found: object = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(found, dict) and len(found) == 1:
        [(name, found)] = found.items()
        path.append(name)
    return tuple(path)
