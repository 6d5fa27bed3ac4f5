"""The exit codes that scripts rely on."""

DONE = 0
FAILED = 1
WRONG_USAGE = 2  # also the parser's own
SOME_FAILED = 3
