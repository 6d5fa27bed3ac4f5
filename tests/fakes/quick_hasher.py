"""Passwords hashed without the cost, where a test is about something else."""


class QuickHasher:
    """As `PasswordHasher`."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        return password_hash == f"hash of {password}"
