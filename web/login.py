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
from web.gate import SESSION, Place, cookie_options
from web.user import SHORTEST, SignInRefused, TooManyTries, User, UserError
from web.users import Users

_TEMPLATES = Environment(loader=PackageLoader("web"), autoescape=select_autoescape())
_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def login_router(users: Users, settings: Settings) -> APIRouter:
    """Make the routes; the handlers are no coroutines, since hashing a password takes its time."""
    router = APIRouter()
    place = Place.of(settings)

    def page(name: str, title: str, status: int = 200, **values: object) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        written = _TEMPLATES.get_template(name).render(
            title=title, nonce=nonce, root=place.prefix, shortest=SHORTEST, **values
        )
        headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        return HTMLResponse(written, status, headers)

    def account(user: User, status: int = 200, error: str = "", done: str = "") -> HTMLResponse:
        return page("account.html", "我的账号", status, user=user, error=error, done=done)

    def signed_in(request: Request) -> User | None:
        token = request.cookies.get(SESSION)
        return users.of_session(token) if token else None

    def with_session(request: Request, response: Response, token: str) -> Response:
        response.set_cookie(SESSION, token, **cookie_options(request, place))
        return response

    @router.get("/login")
    def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - name of the query's field
        if signed_in(request) is not None:
            return RedirectResponse(place.prefix + inside(next), 303)
        return page("login.html", "登录", name="", error="", next=inside(next))

    @router.post("/login")
    def sign_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002
    ) -> Response:
        try:
            token = users.sign_in(name, password, request.client.host if request.client else "")
        except (SignInRefused, TooManyTries) as error:
            status = 429 if isinstance(error, TooManyTries) else 401
            refused = page("login.html", "登录", status, name=name[:32], error=str(error), next=inside(next))
            if isinstance(error, TooManyTries):
                refused.headers["Retry-After"] = str(error.seconds)
            return refused
        before = request.cookies.get(SESSION)
        if before:
            users.sign_out(before)
        return with_session(request, RedirectResponse(place.prefix + inside(next), 303), token)

    @router.post("/logout")
    def sign_out(request: Request) -> Response:
        users.sign_out(request.cookies.get(SESSION, ""))
        response = RedirectResponse(f"{place.prefix}/login", 303)
        response.delete_cookie(SESSION, path=place.prefix or "/")
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    @router.get("/account")
    def show_account(request: Request) -> Response:
        user = signed_in(request)
        return account(user) if user is not None else RedirectResponse(f"{place.prefix}/login", 303)

    @router.post("/account/password")
    def change_password(
        request: Request,
        current: Annotated[str, Form()] = "",
        new: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        user = signed_in(request)
        if user is None:
            return RedirectResponse(f"{place.prefix}/login", 303)
        address = request.client.host if request.client else ""
        try:
            users.check(user.name, current, address)
            if new != again:
                raise UserError("两次输入的新密码不一样")
            users.set_password(user.name, new)
            token = users.sign_in(user.name, new, address)
        except SignInRefused:
            return account(user, 403, error="现在的密码不对")
        except XianguiError as error:
            return account(user, 429 if isinstance(error, TooManyTries) else 400, error=str(error))
        return with_session(request, account(user, done="密码已修改"), token)

    return router


def inside(address: str) -> str:
    """Return an address if it is a path of this page, else the page's beginning."""
    parts = urlsplit(address)
    strange = not address.startswith("/") or address[1:2] in ("/", "\\") or any(c < " " for c in address)
    return "/" if parts.scheme or parts.netloc or strange else address
