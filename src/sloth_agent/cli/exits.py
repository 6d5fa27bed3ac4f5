"""The exit codes that scripts rely on; 2, wrong usage, is the parser's own."""

DONE = 0
FAILED = 1
SOME_FAILED = 3
