"""Passwords hashed by argon2id."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
"""Each takes 19 MiB and a processor for a while; a flood of sign-ins must not take them all."""


class Argon2Hasher:
    """`PasswordHasher` with the least that OWASP recommends: 19 MiB, 2 passes, 1 lane."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        # Threads of its own: in each thread that once hashed, the allocator keeps those 19 MiB.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._nobodys = self._hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._hasher.hash, _bytes(password)
        )

    async def verify(self, password: str, password_hash: str | None) -> bool:
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, password_hash or self._nobodys, _bytes(password)
        )
        return matches and password_hash is not None

    def _matches(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
