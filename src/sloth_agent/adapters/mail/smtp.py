"""Mail by SMTP."""

import smtplib
import ssl
from email.message import EmailMessage

import anyio.to_thread

from sloth_agent.errors import BackendUnavailable
from sloth_agent.settings import Settings

TIMEOUT_SECONDS = 15
IMPLICIT_TLS_PORT = 465


class SmtpMailer:
    """`Mailer` on one server. Encrypted where the server offers it, always where it asks a name."""

    def __init__(
        self, host: str, port: int, *, user: str | None, password: str | None, sender: str
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._sender = sender

    async def send(self, to: str, *, subject: str, text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message.set_content(text)
        try:
            await anyio.to_thread.run_sync(self._send, message)
        except (OSError, smtplib.SMTPException) as error:
            raise BackendUnavailable(
                f"The mail server {self._host} did not take the mail.",
                hint="Check EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER and EMAIL_HOST_PASSWORD.",
                backend="smtp",
            ) from error

    def _send(self, message: EmailMessage) -> None:
        with self._connected() as server:
            if self._user is not None and self._password is not None:
                server.login(self._user, self._password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._port == IMPLICIT_TLS_PORT:
            return smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_SECONDS, context=context
            )
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            self._encrypt(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _encrypt(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        elif self._user is not None:
            raise smtplib.SMTPNotSupportedError("the server offers no encryption")


def from_settings(settings: Settings) -> SmtpMailer | None:
    """None where no server is configured."""
    if settings.email_host is None:
        return None
    password = settings.email_host_password
    return SmtpMailer(
        settings.email_host,
        settings.email_port,
        user=settings.email_host_user,
        password=password.get_secret_value() if password else None,
        sender=settings.email_from or settings.email_host_user or f"sloth@{settings.email_host}",
    )
