"""The adapters that the settings choose, beside the database."""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sloth_agent.access.ports import TokenSigner
from sloth_agent.adapters.files.local import LocalFiles, LocalFolders
from sloth_agent.adapters.jobs.processes import Processes
from sloth_agent.adapters.secrets.keys import SecretKeys
from sloth_agent.agent.ports import ChatModel
from sloth_agent.app.backends import factory
from sloth_agent.app.choices import (
    MANUAL,
    NONE,
    chat_choice,
    embedder_choice,
    jobs_choice,
    payments_choice,
)
from sloth_agent.app.observers import NOBODY, Observers
from sloth_agent.app.price_list import price_table
from sloth_agent.billing.prices import PriceTable
from sloth_agent.channels.models import IntegrationType
from sloth_agent.channels.ports import Messenger
from sloth_agent.clock import Clock, system_clock
from sloth_agent.jobs.ports import Engine
from sloth_agent.jobs.running import Running
from sloth_agent.knowledge.ports import DocumentReader, Embedder, Reranker
from sloth_agent.payments.ports import PaymentProvider
from sloth_agent.settings import Settings
from sloth_agent.tenants.account_ports import Mailer, PasswordHasher

if TYPE_CHECKING:
    from sloth_agent.adapters.secrets.aead import AeadSealer


@dataclass(frozen=True)
class Backends:
    """The chosen adapters of one process, beside the database.

    A backend is made when it is first asked for.
    """

    settings: Settings
    resources: AsyncExitStack
    clock: Clock = system_clock
    observers: Observers = NOBODY

    def files(self, schema: str) -> LocalFiles:
        """Where one tenant's original files are kept."""
        return LocalFiles(self._all_files / schema, self.settings.home)

    @property
    def folders(self) -> LocalFolders:
        """Where all tenants' original files are kept."""
        return LocalFolders(self._all_files)

    @property
    def _all_files(self) -> Path:
        return self.settings.home / "files"

    @cached_property
    def prices(self) -> PriceTable:
        return price_table(self.settings)

    @cached_property
    def reader(self) -> DocumentReader:
        from sloth_agent.adapters.parsers.sandbox import from_settings

        reader = from_settings(self.settings)
        self.resources.push_async_callback(reader.aclose)
        return reader

    @cached_property
    def embedder(self) -> Embedder | None:
        name = embedder_choice(self.settings).name
        return None if name == NONE else self._made("embedders", name)

    @cached_property
    def reranker(self) -> Reranker | None:
        name = self.settings.reranker
        return None if name == NONE else self._made("rerankers", name)

    @cached_property
    def hasher(self) -> PasswordHasher:
        from sloth_agent.adapters.passwords.argon2 import Argon2Hasher

        return Argon2Hasher()

    @cached_property
    def secret_keys(self) -> SecretKeys:
        from sloth_agent.adapters.secrets.keys import from_settings

        return from_settings(self.settings)

    @cached_property
    def token_signer(self) -> TokenSigner:
        from sloth_agent.adapters.secrets.jwt import JwtSigner

        return JwtSigner(self.secret_keys.for_purpose("access tokens"))

    def sealer(self, purpose: str) -> "AeadSealer":
        from sloth_agent.adapters.secrets.aead import AeadSealer

        return AeadSealer(self.secret_keys.for_purpose(purpose))

    @cached_property
    def credential_sealer(self) -> "AeadSealer":
        return self.sealer("credentials")

    @cached_property
    def mailer(self) -> Mailer | None:
        from sloth_agent.adapters.mail.smtp import from_settings

        return from_settings(self.settings)

    @cached_property
    def running(self) -> Running:
        return Running(
            Processes(),
            timedelta(seconds=self.settings.job_lease_seconds),
            random.random,
            self.clock,
            self.observers.on_end,
        )

    @cached_property
    def engine(self) -> Engine:
        engine: Engine = self._made("job_queues", jobs_choice(self.settings))
        return engine

    @cached_property
    def payments(self) -> PaymentProvider | None:
        """None: plans are activated by codes and operators alone."""
        name = payments_choice(self.settings)
        return None if name == MANUAL else self._made("payments", name)

    def messenger(self, type: IntegrationType) -> Messenger:
        """Raises:
        MissingExtra: its library is not installed.
        NotOffered: there is none of this kind.
        """
        if type not in self._messengers:
            self._messengers[type] = self._made("channels", type.value)
        return self._messengers[type]

    @cached_property
    def _messengers(self) -> dict[IntegrationType, Messenger]:
        return {}

    @property
    def frontend(self) -> str:
        return self.settings.frontend_url.rstrip("/")

    @cached_property
    def chat_model(self) -> ChatModel:
        model: ChatModel = self._made("chat_models", chat_choice(self.settings).name)
        return model

    def _made(self, port: str, name: str) -> Any:
        """A backend, which is closed with the library if it can be."""
        backend = factory(port, name)(self.settings)
        if hasattr(backend, "aclose"):
            self.resources.push_async_callback(backend.aclose)
        return backend
