"""Who asks: told by the gate in headers that nobody outside can set, so that it also holds in Gradio's queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote

from ingest.errors import XianguiError

OWNER = "x-xiangui-owner"
ADMINISTRATOR = "x-xiangui-administrator"


class HasHeaders(Protocol):
    """A request of Starlette or of Gradio."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers."""


class NotAdministrator(XianguiError):
    """Something that changes the server was asked for by someone who may not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from.

    Attributes:
        owner: ``user:<name>`` of who signed in, else ``visitor:<key>`` of a browser.
        administrator: whether they may change the server.
        trusted: whether a secret was sent that no other site can make a browser send (an API token).

    """

    owner: str
    administrator: bool
    trusted: bool = False

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Write the identity as request headers."""
        return [
            (OWNER.encode(), quote(self.owner, safe=":").encode()),
            (ADMINISTRATOR.encode(), b"1" if self.administrator else b"0"),
        ]


def owner_of(request: HasHeaders | None) -> str:
    """Return whose request it is: ``user:<name>`` or ``visitor:<key>``.

    A call that came by no request at all, as in a test of a handler, is ``visitor:-``.

    Raises:
        RuntimeError: the request did not pass the gate.

    """
    if request is None:
        return "visitor:-"
    owner = dict(request.headers).get(OWNER)
    if owner is None:
        raise RuntimeError("the request did not pass web.gate.Gate")
    return unquote(owner)


def is_administrator(request: HasHeaders | None) -> bool:
    """Tell whether whoever asks may change the server.

    Without sign-in that is whoever sits at the machine itself.
    """
    return request is not None and dict(request.headers).get(ADMINISTRATOR) == "1"


def requires_administrator(request: HasHeaders | None) -> None:
    """Stop whoever may not change the server.

    Raises:
        NotAdministrator: the request is not an administrator's.

    """
    if not is_administrator(request):
        raise NotAdministrator("这一步要管理员来做：请用管理员账号登录，没有启用登录时请在服务器本机上打开网页")
