"""What is logged, a line of JSON each."""

import structlog
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter


def formatter() -> ProcessorFormatter:
    """For the standard library's handlers: with what was given as `extra`, and with tracebacks."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            TimeStamper(fmt="iso", utc=True),
            ExtraAdder(),
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            format_exc_info,
            JSONRenderer(ensure_ascii=False),
        ],
    )
