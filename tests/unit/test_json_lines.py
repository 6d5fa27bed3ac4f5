"""What a server logs."""

import io
import json
import logging

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
