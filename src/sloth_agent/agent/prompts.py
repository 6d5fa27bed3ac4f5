"""How an assistant speaks: its prompt, version by version."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sloth_agent.agent.models import Prompt
from sloth_agent.agent.ports import PromptStore
from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput, NotFound

MOST_CHARACTERS = 8_000
"""Of role, instructions and context each: the prompt shares the model's attention with passages."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompt of one tenant; every change is a new version, and none is lost."""

    store: PromptStore
    clock: Clock

    async def show(self) -> Prompt:
        """The active prompt; version 0 is the one that every tenant starts with."""
        return await self.store.active() or self._first()

    async def history(self) -> Sequence[Prompt]:
        """All versions, newest first."""
        return await self.store.all()

    async def set(
        self,
        *,
        role: str | None = None,
        instructions: str | None = None,
        context: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Prompt:
        """Make a new version; what is not given stays as it is.

        Raises:
            InvalidInput: a text too long, a temperature outside 0 to 2, fewer than 1 token.
        """
        prompt = await self.drafted(
            role=role,
            instructions=instructions,
            context=context,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        return await self.store.add(replace(prompt, created_at=self.clock(), active=True))

    async def drafted(
        self,
        *,
        role: str | None = None,
        instructions: str | None = None,
        context: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Prompt:
        """The active prompt with some of it changed, to be tried out; nothing is stored.

        Raises:
            InvalidInput: as `set`.
        """
        given = {
            "role": role,
            "instructions": instructions,
            "context": context,
            "temperature": temperature,
            "max_tokens": max_tokens,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        prompt = replace(await self.show(), **changes)  # type: ignore[arg-type]  # fields by name
        _check(prompt)
        return prompt

    async def rollback(self, version: int) -> Prompt:
        """Make an earlier version the newest again.

        Raises:
            NotFound: no such version.
        """
        versions = {prompt.version: prompt for prompt in await self.history()}
        versions[0] = self._first()
        if version not in versions:
            raise NotFound(
                f"The prompt has no version {version}.", hint="See `sloth prompt history`."
            )
        return await self.store.add(
            replace(versions[version], created_at=self.clock(), active=True)
        )

    def _first(self) -> Prompt:
        return Prompt(
            version=0,
            role="You are a friendly and precise assistant.",
            instructions="Answer briefly, and only from the documents.",
            context="",
            temperature=0.7,
            max_tokens=500,
            active=True,
            created_at=self.clock(),
        )


def _check(prompt: Prompt) -> None:
    for name in ("role", "instructions", "context"):
        if len(getattr(prompt, name)) > MOST_CHARACTERS:
            raise InvalidInput(
                f"The {name} is longer than {MOST_CHARACTERS:,} characters.",
                hint="Put long texts into documents.",
                field=name,
            )
    if not 0 <= prompt.temperature <= 2:
        raise InvalidInput("The temperature is from 0 to 2.", field="temperature")
    if not 1 <= prompt.max_tokens <= 100_000:
        raise InvalidInput("max_tokens is from 1 to 100,000.", field="max_tokens")
