"""The server: who gets where, what every response carries, and sign-in as a browser does it."""

import re
import shutil
import socket
from contextlib import contextmanager

import gradio as gr
import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from gradio import processing_utils
from gradio_client import Client
from playwright.sync_api import expect, sync_playwright
from starlette.routing import Mount

import app as page_app
from assistant.settings import Settings
from index.settings import read_settings
from ingest.errors import SettingError
from web.gate import SESSION, VISITOR
from web.identity import NotAdministrator, is_administrator, owner_of, requires_administrator
from web.login import inside
from web.server import Server, cautions, first_password, make_app
from web.user import Role
from web.users import open_users

PASSWORD = "知道了就好-Abc2"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def small_page():
    """A page that tells who asks, by the queue and without it."""

    def who(request: gr.Request) -> list[str]:
        return [owner_of(request), str(is_administrator(request))]

    with gr.Blocks(title="试验", analytics_enabled=False) as ui:
        told = gr.JSON(elem_id="told")
        gr.Button("谁", elem_id="who").click(who, None, told, api_name="queued")
        gr.Button("直接").click(who, None, told, api_name="direct", queue=False)
    return ui


@contextmanager
def serving(settings, users=None, assistant=None, ui=None):
    made = make_app(ui or small_page(), assistant, settings, users)
    server = Server(made, settings.host, 0, proxied=bool(settings.root_path))
    server.start()
    server.app = made
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module", autouse=True)
def _quick_hashes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("web.users.PasswordHasher", lambda: PasswordHasher(time_cost=1, memory_cost=64))
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def users(home):
    store = open_users(Settings(home=home))
    store.add("zhang", PASSWORD, Role.ADMINISTRATOR)
    store.add("王五", PASSWORD)
    return store


@pytest.fixture(scope="module")
def closed(home, users):
    """A server that asks for sign-in."""
    with serving(Settings(home=home, sign_in=True), users) as server:
        yield server


@pytest.fixture(scope="module")
def free(home):
    """A server that does not."""
    with serving(Settings(home=home)) as server:
        yield server


def visitor(server, **headers):
    return httpx.Client(base_url=server.url, headers=headers, timeout=30)


def signed_in(server, name="王五", password=PASSWORD):
    client = visitor(server)
    answer = client.post("/login", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return client


def who(client):
    """Ask the page's handler without the queue who asks."""
    answer = client.post("/gradio_api/run/direct", json={"data": []})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


# visitors ------------------------------------------------------------------------------------


def test_a_visitor_is_the_same_at_every_visit_and_nobody_else(free):
    one, two = visitor(free), visitor(free)
    for client in (one, two):
        client.get("/")
    assert who(one) == who(one)
    assert who(one)[0] != who(two)[0]
    assert re.fullmatch(r"visitor:[0-9a-f]{32}", who(one)[0])
    assert one.cookies[VISITOR] not in who(one)[0]  # who reads the data cannot become the visitor


def test_a_visitor_is_known_in_the_queue_too(free):
    client = visitor(free)
    client.get("/")
    queued = Client(free.url, verbose=False, headers={"Cookie": f"{VISITOR}={client.cookies[VISITOR]}"})
    assert queued.predict(api_name="/queued")[0] == who(client)[0]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(free):
    cookie = visitor(free).get("/").headers["set-cookie"]
    assert re.match(VISITOR + r"=[\w\-]{32};", cookie)
    for part in ("HttpOnly", "Path=/", "SameSite=lax", "Max-Age=31536000"):
        assert part in cookie
    assert "Secure" not in cookie


def test_nobody_can_say_who_they_are(free):
    client = visitor(free)
    client.get("/")
    own = who(client)[0]
    client.headers["x-xiangui-owner"] = "user:zhang"
    client.headers["X-Xiangui-Administrator"] = "1"
    assert who(client)[0] == own
    weak = visitor(free, Cookie=f"{VISITOR}=1")
    assert VISITOR in weak.get(f"/?{VISITOR}=1").cookies
    assert VISITOR not in visitor(free, Cookie=f"{VISITOR}={'a' * 32}").get("/").cookies


def test_whoever_sits_at_the_machine_administers_where_nobody_signs_in(home, free):
    assert who(visitor(free))[1] == "True"
    with serving(Settings(home=home, root_path="/xiangui")) as proxied:
        assert who(visitor(proxied))[1] == "False"


def test_only_an_administrator_changes_the_server():
    class Request:
        headers = {"x-xiangui-owner": "user:%E7%8E%8B", "x-xiangui-administrator": "0"}  # noqa: RUF012

    assert owner_of(Request()) == "user:王"
    for request in (Request(), None):
        with pytest.raises(NotAdministrator):
            requires_administrator(request)
    Request.headers = {**Request.headers, "x-xiangui-administrator": "1"}
    requires_administrator(Request())
    Request.headers = {}
    with pytest.raises(RuntimeError):
        owner_of(Request())


# what every response carries -----------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/config", "/gradio_api/info", "/nothing", "/gradio_api/proxy=http://x.hf.space/"]
)
def test_headers_of_every_response(free, path):
    headers = visitor(free).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://evil.hf.space/x",
        "/proxy=https://evil.hf.space/x",
        "/gradio_api/file=https://example.com/x.png",
        "/gradio_api/file=http://127.0.0.1:1/x",
        "/gradio_api/runs",
        "/gradio_api/deep_link",
        "/monitoring",
        "/logout",
    ],
)
def test_what_the_page_does_not_use_is_not_there(free, path):
    assert visitor(free).get(path).status_code == 404


def test_a_file_named_by_an_address_is_not_fetched(free):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        named = {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}
        visitor(free).post("/gradio_api/run/direct", json={"data": [named]})
        with pytest.raises(TimeoutError):
            listener.accept()
    with pytest.raises(PermissionError):
        processing_utils.ssrf_protected_download("http://example.com/x", "/nowhere")


def test_only_the_machine_s_own_names_lead_to_it(free):
    assert visitor(free, Host="evil.example").get("/").status_code == 421
    assert visitor(free, Host=f"localhost:{free.port}").get("/").status_code == 200


def test_other_sites_cannot_post(free, closed):
    for server in (free, closed):
        client = signed_in(server) if server is closed else visitor(server)
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.port}.evil.example"):
            answer = client.post("/gradio_api/run/direct", json={"data": []}, headers={"Origin": origin})
            assert answer.status_code == 403
        own = {"Origin": server.url.rstrip("/")}
        assert client.post("/gradio_api/run/direct", json={"data": []}, headers=own).status_code == 200
    forged = visitor(closed).post(
        "/login", data={"name": "王五", "password": PASSWORD}, headers={"Origin": "http://evil.example"}
    )
    assert forged.status_code == 403
    assert SESSION not in forged.cookies


def test_too_large_a_request_is_not_read(free):
    answer = visitor(free).post("/v1/chat/completions", content=b"x" * (2 * 2**20 + 1))
    assert answer.status_code == 413
    assert "error" in answer.json()


# sign-in -------------------------------------------------------------------------------------


def routes(app):
    """Walk all routes, with those of included routers and of the mounted page."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield from routes(route.app)
        elif hasattr(route, "original_router"):  # FastAPI's own, without a public name
            yield from routes(route.original_router)
        else:
            for method in route.methods:
                yield method, re.sub(r"{\w+(:path)?}", "x", route.path)


def test_no_route_answers_without_a_session(closed):
    asked = sorted(set(routes(closed.app)))
    assert {("GET", "/"), ("POST", "/gradio_api/queue/join"), ("GET", "/account")} <= set(asked)
    assert len(asked) > 60
    client = visitor(closed)
    for method, path in asked:
        if (method, path) in {("GET", "/login"), ("POST", "/login"), ("HEAD", "/login"), ("GET", "/favicon.ico")}:
            continue
        with client.stream(method, path) as answer:
            assert answer.status_code in (401, 404), (method, path)
        with client.stream(method, path, headers={"Accept": "text/html"}) as answer:
            assert answer.status_code in (401, 404) or answer.headers["location"].startswith("/login?next="), path


def test_a_page_leads_to_the_sign_in_and_back(closed):
    client = visitor(closed)
    wanted = client.get("/?county=昌乐县&article=46", headers={"Accept": "text/html"})
    assert wanted.status_code == 303
    form = client.get(wanted.headers["location"])
    back = re.search(r'name="next" value="([^"]*)"', form.text)[1].replace("&amp;", "&")
    answer = client.post("/login", data={"name": "王五", "password": PASSWORD, "next": back})
    assert answer.headers["location"] == "/?county=%E6%98%8C%E4%B9%90%E5%8E%BF&article=46"
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert client.get("/login?next=/x").headers["location"] == "/x"


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nX: y", "x", ""],
)
def test_sign_in_leads_nowhere_else(address):
    assert inside(address) == "/"


def test_handlers_know_who_signed_in(closed):
    assert who(signed_in(closed)) == ["user:王五", "False"]
    assert who(signed_in(closed, "zhang")) == ["user:zhang", "True"]


def test_the_session_cookie_ends_with_the_browser(closed):
    answer = visitor(closed).post("/login", data={"name": "王五", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age" not in cookie
    assert "expires" not in cookie.lower()


def test_wrong_passwords_are_told_alike_and_limited(closed):
    texts = set()
    for name in ("nobody-1", "nobody-2"):
        answer = visitor(closed).post("/login", data={"name": name, "password": "wrong password"})
        assert answer.status_code == 401
        texts.add(re.search(r'role="alert"[^>]*>([^<]*)', answer.text)[1])
    assert len(texts) == 1
    for _ in range(4):
        visitor(closed).post("/login", data={"name": "nobody-1", "password": "wrong password"})
    answer = visitor(closed).post("/login", data={"name": "nobody-1", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 800
    assert "分钟后再试" in answer.text


def test_what_was_typed_is_escaped(closed):
    typed = '"><script>alert(1)</script>'
    answer = visitor(closed).post("/login", data={"name": typed, "password": "x", "next": f"/{typed}"})
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_sign_out_ends_the_session_on_the_server(closed):
    client = signed_in(closed)
    stolen = client.cookies[SESSION]
    assert client.get("/logout").status_code == 404  # a link cannot sign anyone out
    assert client.post("/logout").headers["location"] == "/login"
    assert visitor(closed, Cookie=f"{SESSION}={stolen}").get("/config").status_code == 401


def test_own_password_is_changed_and_ends_other_sessions(closed, users):
    users.add("sun", PASSWORD)
    here, there = signed_in(closed, "sun"), signed_in(closed, "sun")
    change = {"current": PASSWORD, "new": "换了一个新密码-77", "again": "换了一个新密码-77"}
    assert here.post("/account/password", data={**change, "current": "wrong"}).status_code == 403
    assert here.post("/account/password", data={**change, "again": "x"}).status_code == 400
    assert here.post("/account/password", data={**change, "new": "short", "again": "short"}).status_code == 400
    assert there.get("/account").status_code == 200
    assert "密码已修改" in here.post("/account/password", data=change).text
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 401
    assert signed_in(closed, "sun", change["new"])


def test_a_disabled_user_is_out_at_once(closed, users):
    users.add("zhou", PASSWORD)
    client = signed_in(closed, "zhou")
    users.set_disabled("zhou", True)
    assert client.get("/config").status_code == 401


def test_a_token_lets_a_program_ask_but_not_change(closed, users):
    bearer = {"Authorization": f"Bearer {users.make_token('zhang')}"}
    assert Client(closed.url, verbose=False, headers=bearer).predict(api_name="/queued") == ["user:zhang", "False"]
    refused = visitor(closed, Authorization="Bearer xg-wrong").get("/v1/models")
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "authentication_error"
    assert refused.headers["www-authenticate"] == "Bearer"


def test_who_signed_in_may_upload_a_table(closed):
    files = {"files": ("a.csv", b"x")}
    assert visitor(closed).post("/gradio_api/upload", files=files).status_code == 401
    assert signed_in(closed).post("/gradio_api/upload", files=files).status_code == 200


# where it stands -----------------------------------------------------------------------------


def test_behind_a_proxy(home, users):
    settings = Settings(home=home, sign_in=True, root_path="https://office.example/xiangui")
    with serving(settings, users) as server:
        client = visitor(server, Accept="text/html")
        for path in ("/", "/xiangui/"):  # the proxy may take the path off or leave it on
            assert client.get(path).headers["location"] == "/xiangui/login?next=/"
        assert 'action="/xiangui/login"' in client.get("/login").text
        answer = client.post(
            "/xiangui/login",
            data={"name": "王五", "password": PASSWORD},
            headers={"Origin": "https://office.example"},
        )
        assert answer.headers["location"] == "/xiangui/"
        assert "Secure" in answer.headers["set-cookie"]
        assert "Path=/xiangui" in answer.headers["set-cookie"]
        session = {"Cookie": f"{SESSION}={answer.cookies[SESSION]}"}
        assert client.get("/xiangui/config", headers=session).json()["root"] == "https://office.example/xiangui"


def test_forwarded_addresses_count_only_behind_a_proxy(home, free):
    far = {"X-Forwarded-For": "192.0.2.7"}
    assert who(visitor(free, **far))[1] == "True"
    with serving(Settings(home=home, root_path="/x"), open_users(Settings(home=home))) as proxied:
        for _ in range(5):
            visitor(proxied, **far).post("/login", data={"name": "far", "password": "wrong password"})
        tries = [
            visitor(proxied, **{"X-Forwarded-For": address}).post("/login", data={"name": "far", "password": "wrong"})
            for address in ("192.0.2.7", "192.0.2.8")
        ]
        assert [answer.status_code for answer in tries] == [429, 401]


@pytest.mark.parametrize(
    ("name", "value"),
    [("root_path", "xiangui"), ("root_path", "javascript:x"), ("session_hours", "0"), ("sign_in", "perhaps")],
)
def test_settings_that_cannot_be_used(monkeypatch, name, value):
    monkeypatch.setenv(f"XIANGUI_{name.upper()}", value)
    with pytest.raises(SettingError, match=f"XIANGUI_{name.upper()}"):
        read_settings(Settings)


def test_whoever_starts_it_is_told(tmp_path):
    assert cautions(Settings()) == []
    assert len(cautions(Settings(host="0.0.0.0"))) == 2
    assert "没有启用登录" in cautions(Settings(host="0.0.0.0"))[0]
    assert cautions(Settings(host="0.0.0.0", sign_in=True, root_path="https://office.example")) == []
    store = open_users(Settings(home=tmp_path))
    assert "密码只显示这一次" in first_password(store)
    assert first_password(store) is None


def test_a_port_in_use_is_told(free):
    with pytest.raises(SettingError, match="XIANGUI_PORT"):
        Server(FastAPI(), "127.0.0.1", free.port)


def test_an_open_page_does_not_keep_it_from_ending(home, capfd):
    with serving(Settings(home=home)) as server:
        page = httpx.stream("GET", f"{server.url}gradio_api/heartbeat/abc", timeout=30)
        assert page.__enter__().status_code == 200
    assert "shutdown exceeded" not in capfd.readouterr().err
    page.__exit__(None, None, None)


# in the browser ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


def watched(browser, **options):
    page = browser.new_context(locale="zh-CN", **options).new_page()
    page.told = []
    page.on("console", lambda message: page.told.append(message.text))
    page.on("pageerror", lambda error: page.told.append(str(error)))
    return page


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_by_keyboard(browser, closed, users, width, scheme, tmp_path):
    page = watched(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(closed.url)
    expect(page).to_have_title("登录 · 县规问答")
    expect(page.get_by_label("用户名")).to_be_focused()
    page.keyboard.type("王五")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码不对")
    expect(page.get_by_label("密码")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / "login.png")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#who").click()
    expect(page.locator("#told")).to_contain_text("user:王五")
    page.goto(closed.url + "account")
    expect(page.get_by_role("heading", name="我的账号")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / "account.png")
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录县规问答")).to_be_visible()
    assert [line for line in page.told if "Security Policy" in line] == []
    page.context.close()


def test_an_ended_session_leads_to_the_sign_in(browser, closed, users):
    users.add("wu", PASSWORD)
    page = watched(browser)
    page.goto(closed.url + "login")
    page.get_by_label("用户名").fill("wu")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#who")).to_be_visible()
    users.set_password("wu", "另一个新密码-123")
    page.locator("#who").click()
    expect(page.get_by_role("heading", name="登录县规问答")).to_be_visible()
    page.context.close()


def test_the_policy_breaks_nothing_of_the_page(browser, assistant, settings):
    ui = page_app.build_ui(assistant)
    _, url, _ = page_app.serve(ui, "127.0.0.1", 0, assistant=assistant, settings=settings, prevent_thread_lock=True)
    try:
        page = watched(browser, viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.locator("#question textarea").fill("昌乐县政府常务会议多久开一次？")
        page.keyboard.press("Enter")
        expect(page.locator("#conversation")).to_contain_text("每月召开 1-2 次", timeout=15000)
        assert [line for line in page.told if "Security Policy" in line or "Error" in line] == []
        ran = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')"
        with page.expect_console_message(lambda message: "script-src-attr" in message.text):
            page.evaluate(ran)
        assert page.evaluate("window.ran") is None
        page.context.close()
    finally:
        ui.close(verbose=False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
