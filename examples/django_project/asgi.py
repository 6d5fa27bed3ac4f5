"""One ASGI program: Django, and under a prefix the API of sloth-agent.

uvicorn asgi:application
"""

from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from sloth_agent.server.asgi import app as assistants

PREFIX = "/assistants"


def home(_: HttpRequest) -> HttpResponse:
    return HttpResponse("Django is at home.")


urlpatterns = [path("", home)]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example only")  # noqa: S106
django.setup()
django_application = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Django knows no start and no stop: the API hears of them, and opens its database then."""
    path = scope.get("path", "")
    if scope["type"] == "lifespan":
        await assistants(scope, receive, send)
    elif path == PREFIX or path.startswith(PREFIX + "/"):
        root = scope.get("root_path", "") + PREFIX
        await assistants({**scope, "root_path": root}, receive, send)
    else:
        await django_application(scope, receive, send)
