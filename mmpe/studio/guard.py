"""Access control: Host, Origin and token of every request, and the security headers of every response."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse, RedirectResponse

Message = MutableMapping[str, Any]
Receive, Send = Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]

_LOOPBACK = frozenset({'localhost', '127.0.0.1', '::1'})
_HEADERS = {
    'Content-Security-Policy': (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at an address.

    >>> is_loopback('127.0.0.1'), is_loopback('localhost'), is_loopback('0.0.0.0')
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


class Guard:
    """Refuses requests that do not come from the studio's own page, and gives all answers their headers.

    The ``Host`` must be a name of this server: another page may have had its own name resolve to this address (DNS
    rebinding). The ``Origin``, and what the browser says of the page that asks, must be the server's own.

    Args:
        app: What answers.
        host: The address that the server listens at. On loopback it answers to the names of loopback alone; elsewhere
            to this name, to the machine's, and to addresses.
        token: What a browser must have shown once, as ``/?token=...``; None: nothing.
    """

    def __init__(self, app: Callable, host: str = '127.0.0.1', token: str | None = None):
        self.app, self.token = app, token
        self.names = _LOOPBACK | {host.lower()}
        self.by_address = not is_loopback(host)
        if self.by_address:
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        answer = self.app
        if refusal:
            answer = JSONResponse(dict(error=refusal), 403)
        elif self.token:
            given = QueryParams(scope['query_string']).get('token')
            if scope['path'] == '/' and given is not None and self._fits(given):
                answer = _entrance(_cookie(scope), self.token)
            elif not self._has_token(_cookie(scope), headers):
                answer = JSONResponse(dict(error='open the address with the token that the terminal shows'), 403)
        await answer(scope, receive, _with_headers(send))

    def _refusal(self, scope: Message, headers: Headers) -> str:
        host = headers.get('host', '')
        if not self._is_own(urlsplit(f'//{host}').hostname or ''):
            return f'{host!r} is not a name of this server'
        origin = headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != host:
            return f'the page at {origin} must not ask this server'
        is_page = scope['method'] == 'GET' and scope['path'] == '/'
        if not is_page and headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
            return 'a page elsewhere must not ask this server'
        return ''

    def _is_own(self, name: str) -> bool:
        if name.lower() in self.names:
            return True
        if not self.by_address:
            return False
        try:
            return bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    def _has_token(self, name: str, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get('cookie', '')).get(name)
        except CookieError:
            cookie = None
        scheme, _, bearer = headers.get('authorization', '').partition(' ')
        return self._fits(cookie.value if cookie else bearer if scheme.lower() == 'bearer' else '')

    def _fits(self, given: str) -> bool:
        return secrets.compare_digest(given.encode('utf-8', 'replace'), self.token.encode())


def _cookie(scope: Message) -> str:
    """The name of the cookie with the token. Browsers share cookies among the ports of a host."""
    return f'mmpe-studio-{scope["server"][1]}'


def _entrance(name: str, token: str) -> RedirectResponse:
    """To the page, without the token in its address."""
    answer = RedirectResponse('/', 303)
    answer.set_cookie(name, token, httponly=True, samesite='strict')
    return answer


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message['type'] == 'http.response.start':
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault('Cache-Control', 'no-cache')
        await send(message)

    return send_with_headers
