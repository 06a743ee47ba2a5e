"""Request bodies, read up to a limit."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 2**26  # of a picture
MOST_JSON = 2**20


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The body of a request.

    Raises:
        HTTPException: 413, if it has more bytes. No more than that are read.
    """
    too_large = HTTPException(413, f'that is larger than {most / 2**20:g} MiB: give something smaller')
    if request.headers.get('content-length', '0').isdecimal() and int(request.headers.get('content-length', 0)) > most:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b''.join(parts)


async def read_json(request: Request, most: int = MOST_JSON) -> dict[str, Any]:
    """The JSON object in the body of a request; an empty body is an empty object.

    Raises:
        HTTPException: 400, if it is not one; 413, if it is too large.
    """
    body = await read_body(request, most)
    try:
        found = json.loads(body or b'{}')
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400, 'the body of this request must be a JSON object')
    return found
