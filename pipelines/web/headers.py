"""What every answer says to the browser, and which requests are not read at all.

No script, no style and no picture but our own; no frame; nothing kept. A body is small and says how long it is.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY: Final = 32_768
"""Bytes of a form."""

POLICY: Final = "default-src 'none'; {style}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
OWN_STYLE: Final = "style-src 'self'"
_ALWAYS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_TLS: Final = {"strict-transport-security": "max-age=31536000"}


class SafeAnswers:
    """Wraps an application: refuses bodies that are too large, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, *, behind_tls: bool) -> None:
        self._app = app
        self._headers = _ALWAYS | (_TLS if behind_tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", POLICY.format(style=OWN_STYLE))
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        if _too_large(scope):
            await PlainTextResponse("The request is too large.", 413)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


def _too_large(scope: Scope) -> bool:
    """Say whether a body is longer than a form of ours, or does not say how long it is."""
    headers = Headers(scope=scope)
    if "transfer-encoding" in headers:
        return True
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > LARGEST_BODY
