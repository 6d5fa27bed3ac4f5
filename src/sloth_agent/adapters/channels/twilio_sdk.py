"""Twilio's own library, or the way to it."""

from sloth_agent.errors import MissingExtra

try:
    from requests import RequestException
    from twilio.http.http_client import TwilioHttpClient
    from twilio.http.response import Response
    from twilio.request_validator import RequestValidator, add_port, remove_port
    from twilio.rest import Client
except ModuleNotFoundError as error:
    raise MissingExtra.named("whatsapp", needed_for="WhatsApp through Twilio") from error

__all__ = [
    "Client",
    "RequestException",
    "RequestValidator",
    "Response",
    "TwilioHttpClient",
    "add_port",
    "remove_port",
]
