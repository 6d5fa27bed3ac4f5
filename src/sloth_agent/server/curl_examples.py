"""Each operation as a command line that can be pasted into a shell."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from sloth_agent.server.shapes import AN_ID


def curl_of(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """With `$API` for the server's address, and `$ACCESS` for the token or the key."""
    address = re.sub(r"\{\w+\}", AN_ID, path)
    return " \\\n     ".join([f"curl -s -X {method} $API{address}", *_arguments(operation)])


def _arguments(operation: Mapping[str, Any]) -> Iterator[str]:
    if operation["security"]:
        yield '-H "Authorization: Bearer $ACCESS"'
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if media_type == "multipart/form-data":
            yield "-F file=@path/to/file"
        else:
            yield f"-H 'Content-Type: {media_type}'"
            yield f"-d {shlex.quote(json.dumps(content['example'], ensure_ascii=False))}"
    if "application/octet-stream" in operation["responses"].get("200", {}).get("content", {}):
        yield "-OJ"
