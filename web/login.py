"""The pages of sign-in: /login, /account, /logout."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import Response

from assistant.settings import Settings
from ingest.errors import XianguiError
from web.gate import SESSION, Place, set_cookie
from web.user import SHORTEST, SignInRefused, TooManyTries, User, UserError
from web.users import Users

_TEMPLATES = Environment(loader=PackageLoader("web"), autoescape=select_autoescape())
_POLICY = "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def login_router(users: Users, settings: Settings) -> APIRouter:
    """Make the routes."""
    pages = _Pages(users, Place.of(settings))
    router = APIRouter(default_response_class=HTMLResponse)
    router.get("/login")(pages.show_login)
    router.post("/login")(pages.sign_in)
    router.post("/logout")(pages.sign_out)
    router.get("/account")(pages.show_account)
    router.post("/account/password")(pages.change_password)
    return router


class _Pages:
    """The handlers; they are no coroutines, since hashing a password takes its time."""

    def __init__(self, users: Users, place: Place) -> None:
        self._users, self._place = users, place

    def show_login(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's field
        if self._user(request) is not None:
            return RedirectResponse(self._place.prefix + inside(next), 303)
        return self._login(next)

    def sign_in(
        self,
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002
    ) -> Response:
        try:
            token = self._users.sign_in(name, password, _address(request))
        except SignInRefused as error:
            return self._login(next, name, str(error), 401)
        except TooManyTries as error:
            refused = self._login(next, name, str(error), 429)
            refused.headers["Retry-After"] = str(error.seconds)
            return refused
        self._users.sign_out(request.cookies.get(SESSION, ""))
        return self._with_session(request, RedirectResponse(self._place.prefix + inside(next), 303), token)

    def sign_out(self, request: Request) -> Response:
        self._users.sign_out(request.cookies.get(SESSION, ""))
        response = RedirectResponse(f"{self._place.prefix}/login", 303)
        response.delete_cookie(SESSION, path=self._place.prefix or "/")
        return response

    def show_account(self, request: Request) -> Response:
        user = self._user(request)
        return self._account(user) if user is not None else RedirectResponse(f"{self._place.prefix}/login", 303)

    def change_password(
        self,
        request: Request,
        current: Annotated[str, Form()] = "",
        new: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        user = self._user(request)
        if user is None:
            return RedirectResponse(f"{self._place.prefix}/login", 303)
        try:
            self._users.check(user.name, current, _address(request))
            if new != again:
                raise UserError("两次输入的新密码不一样")
            self._users.set_password(user.name, new)
            token = self._users.sign_in(user.name, new, _address(request))
        except SignInRefused:
            return self._account(user, 403, error="现在的密码不对")
        except XianguiError as error:
            return self._account(user, 429 if isinstance(error, TooManyTries) else 400, error=str(error))
        return self._with_session(request, self._account(user, done="密码已修改"), token)

    def _user(self, request: Request) -> User | None:
        token = request.cookies.get(SESSION)
        return self._users.of_session(token) if token else None

    def _with_session(self, request: Request, response: Response, token: str) -> Response:
        set_cookie(response, request, self._place, SESSION, token)
        return response

    def _login(self, next: str, name: str = "", error: str = "", status: int = 200) -> Response:  # noqa: A002
        return self._page("login.html", status, title="登录", name=name[:32], error=error, next=inside(next))

    def _account(self, user: User, status: int = 200, error: str = "", done: str = "") -> Response:
        return self._page("account.html", status, title="我的账号", user=user, error=error, done=done)

    def _page(self, template: str, status: int, **values: object) -> Response:
        nonce = secrets.token_urlsafe(16)
        written = _TEMPLATES.get_template(template).render(
            nonce=nonce, root=self._place.prefix, shortest=SHORTEST, **values
        )
        headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        return HTMLResponse(written, status, headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def inside(address: str) -> str:
    """Return an address if it is a path of this page, else the page's beginning."""
    parts = urlsplit(address)
    strange = not address.startswith("/") or address[1:2] in ("/", "\\") or any(c < " " for c in address)
    return "/" if parts.scheme or parts.netloc or strange else address
