"""Every request passes here first: who asks, may they, and the headers that every response carries."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.settings import Settings
from web.identity import ADMINISTRATOR, OWNER, Identity
from web.user import Role
from web.users import Users

SESSION = "xiangui_session"
VISITOR = "xiangui_visitor"
_VISITOR_SECONDS = 365 * 24 * 3600
_VISITOR_KEY = re.compile(r"[\w\-]{32}", re.ASCII)
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; script-src-attr 'none'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""Gradio writes its scripts and styles into the page and compiles the page's own; all else is closed."""
_UNUSED = re.compile(
    r"/(gradio_api/)?(proxy=|file=https?:)"  # fetch from elsewhere
    r"|/gradio_api/(vibe|undo-vibe|dev/|deep_link|run-history|runs|token|profiling)|/(monitoring|logout$)"
)
"""Parts of Gradio that the page does not use."""
_OPEN = ("/login", "/favicon.ico")
"""What is shown before sign-in."""
_LARGEST = 2 * 2**20
"""Bytes of a request outside Gradio, which has its own limit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page stands for those who look at it.

    Attributes:
        prefix: path before every path, without a slash at its end; empty where there is none.
        host: name and port under which a proxy shows it, or None where that is the Host header.
        https: whether a proxy shows it encrypted.
        proxied: whether there is a proxy, whose forwarded headers then count.
        only_here: whether it may be reached by the machine's own names alone.

    """

    prefix: str
    host: str | None
    https: bool
    proxied: bool
    only_here: bool

    @classmethod
    def of(cls, settings: Settings) -> Place:
        """Read it from the settings."""
        url = urlsplit(settings.root_path)
        return cls(
            prefix=url.path,
            host=url.netloc or None,
            https=url.scheme == "https",
            proxied=bool(settings.root_path),
            only_here=is_loopback(settings.host) and not settings.root_path,
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """Middleware around everything that is served, Gradio's own routes included."""

    def __init__(self, app: ASGIApp, settings: Settings, users: Users | None) -> None:
        """Guard an application; with ``users`` None nobody signs in, and each browser is a visitor."""
        self._app = app
        self._users = users
        self._place = Place.of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing here speaks anything else
        scope = self._inside(scope)
        request = Request(scope)
        identity, cookie = await self._identify(request)
        guarded = _Guarded(send, self._visitor_cookie(request, cookie), private=self._users is not None)
        refused = self._refuse(request, identity)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        names = (OWNER.encode(), ADMINISTRATOR.encode())
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name.lower() not in names]
        scope["headers"] += identity.headers() if identity is not None else []
        await self._app(scope, receive, guarded)

    def _inside(self, scope: Scope) -> Scope:
        """Take the prefix off the path, where the proxy has left it on."""
        path, prefix = scope["path"], self._place.prefix
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            path = path[len(prefix) :] or "/"
        return {**scope, "path": path, "raw_path": quote(path).encode()}

    async def _identify(self, request: Request) -> tuple[Identity | None, str | None]:
        """Tell who asks, and the visitor's cookie if it is a new one."""
        if self._users is None:
            known = request.cookies.get(VISITOR, "")
            key = known if _VISITOR_KEY.fullmatch(known) else secrets.token_urlsafe(24)
            owner = f"visitor:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
            here = request.client is not None and is_loopback(request.client.host)
            return Identity(owner, here and not self._place.proxied), key if key != known else None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            user = await run_in_threadpool(self._users.of_token, token.strip())
            return (Identity(f"user:{user.name}", False, trusted=True) if user else None), None
        session = request.cookies.get(SESSION)
        user = await run_in_threadpool(self._users.of_session, session) if session else None
        return (Identity(f"user:{user.name}", user.role is Role.ADMINISTRATOR) if user else None), None

    def _visitor_cookie(self, request: Request, key: str | None) -> str | None:
        if key is None:
            return None
        response = Response()
        set_cookie(response, request, self._place, VISITOR, key, _VISITOR_SECONDS)
        return response.headers["set-cookie"]

    def _refuse(self, request: Request, identity: Identity | None) -> Response | None:
        """Answer what is not passed on."""
        path, method = request.url.path, request.method
        if _UNUSED.match(path) and not (path == "/logout" and method == "POST"):
            return PlainTextResponse("没有这个地址", 404)
        if self._place.only_here and not is_loopback(request.url.hostname or ""):
            return PlainTextResponse("只能用 127.0.0.1 或 localhost 打开", 421)
        if not path.startswith("/gradio_api/") and _length(request) > _LARGEST:
            return _error(path, 413, "请求太大")
        if identity is None and path not in _OPEN:
            return self._unknown(request)
        trusted = identity is not None and identity.trusted
        if method not in ("GET", "HEAD", "OPTIONS") and not trusted and not self._is_own_page(request):
            return _error(
                path,
                403,
                "这个请求来自别的网站。经反向代理访问的，让代理转发 Host，或把 XIANGUI_ROOT_PATH 写成完整网址",
            )
        return None

    def _unknown(self, request: Request) -> Response:
        """Send a page to the sign-in, and tell a program that it has to send a token."""
        path = request.url.path
        is_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
        if is_page and not path.startswith(("/gradio_api/", "/v1/", "/file")):
            wanted = path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{self._place.prefix}/login?next={quote(wanted)}", 303)
        return _error(path, 401, "没有登录，或登录已过期。程序调用请带上令牌：Authorization: Bearer …")

    def _is_own_page(self, request: Request) -> bool:
        """Tell whether a browser sent this from a page of ours; a program sends no Origin, and no cookie unasked."""
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        hosts = {request.headers.get("host"), self._place.host}
        if self._place.proxied:
            hosts.add(request.headers.get("x-forwarded-host"))
        return urlsplit(origin).netloc in hosts - {None}


def set_cookie(
    response: Response, request: Request, place: Place, name: str, value: str, seconds: int | None = None
) -> None:
    """Set a cookie out of reach of scripts and of other sites; without ``seconds`` it ends with the browser."""
    secure = place.https or request.url.scheme == "https"
    response.set_cookie(name, value, seconds, path=place.prefix or "/", secure=secure, httponly=True, samesite="lax")


def _length(request: Request) -> int:
    """Return the length of the body; one that is not told is too long."""
    if "transfer-encoding" in request.headers:
        return _LARGEST + 1
    told = request.headers.get("content-length", "0")
    return int(told) if told.isdecimal() else _LARGEST + 1


def _error(path: str, status: int, message: str) -> Response:
    """Answer a program: in OpenAI's form under /v1, else as Gradio does."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    if path.startswith("/v1/"):
        kind = "authentication_error" if status == 401 else "invalid_request_error"
        return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status, headers)
    return JSONResponse({"detail": message}, status, headers)


class _Guarded:
    """Adds the headers to a response as it is sent."""

    def __init__(self, send: Send, cookie: str | None, *, private: bool) -> None:
        self._send, self._cookie, self._private = send, cookie, private

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", _POLICY)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            if self._private and headers.get("content-type", "").startswith("text/html"):
                headers["Cache-Control"] = "no-store"
            if self._cookie is not None:
                headers.append("Set-Cookie", self._cookie)
        await self._send(message)
