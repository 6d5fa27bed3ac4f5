"""What a server logs."""

import io
import json
import logging
import subprocess
import sys

from sloth_agent.server.json_lines import formatter


def test_a_record_is_a_line_whatever_is_in_it() -> None:
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(formatter())
    log = logging.getLogger("test_json_lines")
    log.addHandler(handler)
    try:
        1 / 0  # noqa: B018 - for its traceback
    except ZeroDivisionError:
        log.exception("Line 1\nline 2: %s", "\x1b[31m", extra={"request_id": "r1"})
    log.warning("Салон")
    failed, warned = map(json.loads, told.getvalue().splitlines())
    assert failed["event"] == "Line 1\nline 2: \x1b[31m"
    assert (failed["level"], failed["request_id"]) == ("error", "r1")
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")
    assert (warned["event"], warned["level"]) == ("Салон", "warning")
    assert {"timestamp"} <= failed.keys() & warned.keys()


def test_what_other_libraries_warn_of_is_a_line_too() -> None:
    """In a process of its own: what is said of the log holds for all of one."""
    program = (
        "import logging.config; from sloth_agent.cli.serving import LOGS;"
        " logging.config.dictConfig(LOGS); logging.getLogger('elsewhere').warning('It is late.')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["level"]) == ("It is late.", "warning")
