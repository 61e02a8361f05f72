"""What is served: the Gradio page, sign-in, and the API, behind the gate."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import index  # noqa: F401  - tells Gradio to send nothing, before it is imported

# isort: split
import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import processing_utils
from starlette.routing import Mount

from assistant.ask import Assistant
from assistant.settings import Settings
from ingest.errors import SettingError
from web.downloads import downloads_router
from web.gate import Gate, Place, is_loopback
from web.identity import is_administrator, owner_of, requires_administrator
from web.login import login_router
from web.openai_api import api_router
from web.store import Store
from web.users import FIRST, Users

__all__ = ["Server", "cautions", "is_administrator", "make_app", "owner_of", "requires_administrator"]

log = logging.getLogger(__name__)

WEB = Path(__file__).parent
STYLES = ("page.css", "browse.css", "sidebar.css")
AT_ONCE = 32
"""Questions that are worked on at the same time; most of them wait for a language model, if there is one."""
_LARGEST_FILE = "64mb"
_SIGNED_OUT = """<script>
(() => {{ const send = window.fetch; window.fetch = async (...given) => {{ const answer = await send(...given);
if (answer.status === 401) location.assign("{prefix}/login?next=" + encodeURIComponent(location.pathname.slice({skip}) + location.search));
return answer; }}; }})();
</script>"""
"""Sends the page to the sign-in once the session has ended."""
_LANGUAGE = """<script>
(() => { let chosen = null; try { chosen = localStorage.getItem("xiangui.language"); } catch {}
const language = chosen === "en" ? "en" : "zh-CN";
Object.defineProperty(navigator, "language", { get: () => language });
Object.defineProperty(navigator, "languages", { get: () => [language] }); })();
</script>"""
"""Has Gradio's own texts in the language of the page, whatever the browser speaks."""


def make_app(
    ui: gr.Blocks, assistant: Assistant | None, settings: Settings, users: Users | None, store: Store | None = None
) -> FastAPI:
    """Put the page, the API and, with ``users``, the sign-in together.

    Args:
        ui: the page; it is prepared for the queue here.
        assistant: answers the API; None leaves the API out.
        settings: where the page stands, and whether MCP is on.
        users: who may sign in, or None: whoever reaches the page may use it.
        store: conversations that can be downloaded; None where none are kept.

    Raises:
        SettingError: MCP is on, and what it needs is not installed.

    """
    if settings.mcp and find_spec("mcp") is None:
        raise SettingError("XIANGUI_MCP 要用到 mcp。请运行：pip install '.[mcp]'，或不设这个变量")
    processing_utils.async_ssrf_protected_get = _fetch_nothing
    app = FastAPI(title="县规问答", docs_url=None, redoc_url=None, openapi_url=None)
    if users is not None:
        app.include_router(login_router(users, settings))
    if assistant is not None:
        app.include_router(api_router(assistant))
    if store is not None:
        app.include_router(downloads_router(store))
    prefix = Place.of(settings).prefix
    gr.mount_gradio_app(
        app,
        ui.queue(default_concurrency_limit=AT_ONCE),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        root_path=settings.root_path or None,
        show_error=False,
        max_file_size=_LARGEST_FILE,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=settings.mcp,
        theme=_theme(),
        css_paths=[WEB / name for name in STYLES],
        js=(WEB / "page.js").read_text(encoding="utf-8"),
        head=_LANGUAGE + (_SIGNED_OUT.format(prefix=prefix, skip=len(prefix)) if users is not None else ""),
    )
    ui.app = next(route.app for route in app.routes if isinstance(route, Mount))
    app.add_middleware(Gate, settings=settings, users=users)
    return app


class Server:
    """A running server; it ends with ``run`` at Ctrl+C, or by ``close``."""

    def __init__(self, app: FastAPI, host: str, port: int, *, proxied: bool = False) -> None:
        """Take the address; with port 0 a free one.

        Raises:
            SettingError: the address cannot be had.

        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=512)
        except OSError as error:
            raise SettingError(
                f"{host}:{port} 用不了（{error.strerror}）。换一个端口：XIANGUI_PORT=7861，或检查 XIANGUI_HOST"
            ) from error
        self.port = int(self._socket.getsockname()[1])
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}/"
        self._started = threading.Event()
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=proxied,
                timeout_graceful_shutdown=2,
            ),
            self._started,
            [route.app for route in app.routes if isinstance(route, Mount)],
        )
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until stopped."""
        try:
            self._uvicorn.run(sockets=[self._socket])
        except KeyboardInterrupt:
            log.info("stopped")

    def start(self) -> None:
        """Serve in a thread, from when this returns.

        Raises:
            RuntimeError: the application did not start; the log says why.

        """
        self._thread = threading.Thread(target=self._run_in_thread, daemon=True)
        self._thread.start()
        self._started.wait()
        if not self._uvicorn.started:
            raise RuntimeError("the application did not start")

    def _run_in_thread(self) -> None:
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._started.set()

    def close(self) -> None:
        """Stop; connections that are still open are broken off after two seconds."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    """Tells when it serves, and Gradio when it ends: each open page keeps a connection."""

    def __init__(self, config: uvicorn.Config, serving: threading.Event, pages: Sequence[Any]) -> None:
        super().__init__(config)
        self._serving, self._pages = serving, pages

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._serving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for page in self._pages:
            page.stop_event.set()
        await super().shutdown(sockets)


def cautions(settings: Settings) -> list[str]:
    """Say what whoever starts the server should know."""
    if is_loopback(settings.host) and not settings.root_path:
        return []
    told = []
    if not settings.sign_in:
        told.append("注意：没有启用登录，能连到这台机器的人都可以使用。要启用，设 XIANGUI_SIGN_IN=true")
    if not settings.root_path.startswith("https://"):
        told.append(
            "注意：没有加密，同一网络里的人可能看到问题和密码。要加密，用反向代理提供 https，并设 XIANGUI_ROOT_PATH"
        )
    return told


def first_password(users: Users) -> str | None:
    """Make the first administrator where there is nobody yet, and say how to sign in."""
    password = users.first_administrator()
    if password is None:
        return None
    return f"已建立管理员账号，密码只显示这一次：\n  用户名 {FIRST}\n  密码 {password}\n登录后请修改密码；添加用户：python -m web users add 用户名"


def _theme() -> gr.themes.Default:
    return gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


async def _fetch_nothing(url: str) -> None:
    """Stand in for what Gradio fetches a file with that is named by an address."""
    raise PermissionError("nothing is fetched from elsewhere")
