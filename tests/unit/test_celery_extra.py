"""Without Celery the base install says what to install."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["celery"] = None
from sloth_agent.errors import MissingExtra
try:
    import {module}
except MissingExtra as error:
    print(error.hint)
"""


@pytest.mark.parametrize(
    "module", ["sloth_agent.adapters.jobs.celery", "sloth_agent.app.celery_app"]
)
def test_the_missing_extra_is_named(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(module=module)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert shown.strip() == 'pip install "sloth-agent[distributed]"'
