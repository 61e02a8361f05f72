"""Users: hashes, sessions, tries, tokens, and the commands that manage them."""

import sqlite3
import stat
import threading

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from web.__main__ import app
from web.user import TRIES, WAIT, Role, SignInRefused, TooManyTries, UserError, generated_password
from web.users import Users

PASSWORD = "知道了就好-Abc2"
OTHER = "另一个密码-9876"


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _quick_hashes(request, monkeypatch):
    if "real_hashes" not in request.fixturenames:
        monkeypatch.setattr("web.users.PasswordHasher", lambda: PasswordHasher(time_cost=1, memory_cost=64))


@pytest.fixture
def real_hashes():
    """As costly as in use."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def users(tmp_path, clock):
    store = Users(tmp_path / "home" / "users.db", hours=2, clock=clock)
    store.add("王五", PASSWORD, Role.ADMINISTRATOR)
    store.add("li.si", PASSWORD)
    return store


def written(users):
    with sqlite3.connect(users._path) as db:
        return "\n".join(db.iterdump())


def test_nothing_secret_is_written(real_hashes, users):
    session, token = users.sign_in("王五", PASSWORD, "a"), users.make_token("王五")
    kept = written(users)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    assert not any(secret in kept for secret in (PASSWORD, session, token))
    assert stat.S_IMODE(users._path.stat().st_mode) == 0o600


def test_a_session_belongs_to_who_signed_in(users):
    user = users.of_session(users.sign_in(" 王五 ", PASSWORD, "a"))
    assert (user.name, user.role) == ("王五", Role.ADMINISTRATOR)
    assert users.of_session(users.sign_in("li.si", PASSWORD, "a")).role is Role.OFFICIAL
    assert users.of_session("no such token") is None


def test_a_session_ends_when_it_is_not_used(users, clock):
    token = users.sign_in("王五", PASSWORD, "a")
    for _ in range(3):
        clock.now += 2 * 3600 - 1
        assert users.of_session(token) is not None
    clock.now += 2 * 3600
    assert users.of_session(token) is None
    users.sign_in("王五", PASSWORD, "a")
    assert written(users).count('INSERT INTO "sessions"') == 1  # the ended one is gone


def test_sign_out_ends_one_session(users):
    one, two = (users.sign_in("王五", PASSWORD, "a") for _ in range(2))
    users.sign_out(one)
    assert users.of_session(one) is None
    assert users.of_session(two) is not None


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_a_changed_user_is_signed_out_everywhere(users, change):
    sessions = [users.sign_in("li.si", PASSWORD, "a") for _ in range(2)]
    token, others = users.make_token("li.si"), users.sign_in("王五", PASSWORD, "a")
    if change == "password":
        users.set_password("li.si", OTHER)
    else:
        users.set_disabled("li.si", True)
    assert [users.of_session(session) for session in sessions] == [None, None]
    assert users.of_token(token) is None
    assert users.of_session(others) is not None
    with pytest.raises(SignInRefused):
        users.sign_in("li.si", PASSWORD, "a")


def test_a_disabled_user_comes_in_again_only_when_enabled(users):
    users.set_disabled("li.si", True)
    with pytest.raises(SignInRefused):
        users.sign_in("li.si", PASSWORD, "a")
    with pytest.raises(UserError):
        users.make_token("li.si")
    users.set_disabled("li.si", False)
    assert users.of_session(users.sign_in("li.si", PASSWORD, "a")) is not None


def test_wrong_name_and_wrong_password_are_told_alike(users):
    told = []
    for name in ("王五", "没有这个人", "x' OR '1'='1"):
        with pytest.raises(SignInRefused) as refused:
            users.sign_in(name, "wrong password", "a")
        told.append(str(refused.value))
    assert len(set(told)) == 1


def test_unknown_name_costs_the_same_work(users, monkeypatch):
    checked = []
    verify = type(users._hasher).verify
    monkeypatch.setattr(
        type(users._hasher), "verify", lambda self, *given: checked.append(given) or verify(self, *given)
    )
    for name in ("王五", "没有这个人"):
        with pytest.raises(SignInRefused):
            users.sign_in(name, "wrong password", "a")
    assert len(checked) == 2
    assert checked[0][0].rsplit("$", 2)[0] == checked[1][0].rsplit("$", 2)[0]  # same parameters


@pytest.mark.parametrize("name", ["王五", "没有这个人"])
def test_tries_are_limited(users, clock, name):
    for _ in range(TRIES):
        with pytest.raises(SignInRefused):
            users.sign_in(name, "wrong password", "a")
    with pytest.raises(TooManyTries, match="15 分钟后再试"):
        users.sign_in(name, PASSWORD, "a")
    if name == "王五":
        assert users.sign_in(name, PASSWORD, "another address")
    clock.now += WAIT
    with pytest.raises(SignInRefused):
        users.sign_in(name, "wrong password", "a")


def test_a_right_password_sets_the_tries_back(users):
    for _ in range(2):
        for _ in range(TRIES - 1):
            with pytest.raises(SignInRefused):
                users.sign_in("王五", "wrong password", "a")
        users.sign_in("王五", PASSWORD, "a")


def test_tries_at_once_are_counted(users):
    outcomes = []

    def attempt():
        try:
            users.sign_in("王五", "wrong password", "a")
        except (SignInRefused, TooManyTries) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(SignInRefused) == TRIES
    assert outcomes.count(TooManyTries) == 12 - TRIES


def test_first_administrator_is_made_once(tmp_path):
    passwords = []
    path = tmp_path / "users.db"
    threads = [threading.Thread(target=lambda: passwords.append(Users(path).first_administrator())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (password,) = [made for made in passwords if made]
    assert len(password) == 16
    store = Users(path)
    assert store.of_session(store.sign_in("admin", password, "a")).role is Role.ADMINISTRATOR
    assert store.first_administrator() is None
    assert password not in written(store)


def test_one_administrator_stays(users):
    for change in (lambda: users.set_disabled("王五", True), lambda: users.set_role("王五", Role.OFFICIAL)):
        with pytest.raises(UserError, match="至少要留一个"):
            change()
    assert not users.get("王五").disabled
    users.set_role("li.si", Role.ADMINISTRATOR)
    users.set_disabled("王五", True)
    assert [user.disabled for user in users.all()] == [False, True]


def test_a_role_changes_at_once(users):
    token = users.sign_in("li.si", PASSWORD, "a")
    users.set_role("li.si", Role.ADMINISTRATOR)
    assert users.of_session(token).role is Role.ADMINISTRATOR


@pytest.mark.parametrize("password", ["short", "a" * 20, "x" * 201, "zhangsan.zhangsan"])
def test_weak_passwords_are_not_taken(users, password):
    with pytest.raises(UserError):
        users.add("zhangsan.zhangsan", password)


@pytest.mark.parametrize("name", ["", " ", "a b", "<b>", "x" * 33, "a/b"])
def test_odd_names_are_not_taken(users, name):
    with pytest.raises(UserError):
        users.add(name, PASSWORD)


def test_a_name_is_taken_once_however_it_is_typed(users):
    with pytest.raises(UserError, match="已有用户"):
        users.add("ｌｉ．ｓｉ", PASSWORD)


def test_a_token_never_makes_an_administrator(users):
    token = users.make_token("王五")
    assert (users.of_token(token).name, users.of_token(token).role) == ("王五", Role.OFFICIAL)
    assert users.of_session(token) is None
    assert users.end_tokens("王五") == 1
    assert users.of_token(token) is None


def test_generated_passwords_differ_and_are_strong():
    made = {generated_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) == 16 and password.isalnum() for password in made)


# commands ------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("XIANGUI_HOME", str(tmp_path))

    def command(*arguments, typed=""):
        return CliRunner().invoke(app, ["users", *arguments], input=typed)

    command.users = Users(tmp_path / "users.db")
    return command


def test_commands_manage_users(run):
    added = run("add", "赵六", "--role", "管理员", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.exit_code == 0
    assert PASSWORD not in added.output
    generated = run("add", "qian", "--generate").stdout.split()[0]
    assert run.users.sign_in("qian", generated, "a")
    assert run("role", "qian", "administrator").exit_code == 0
    assert run("disable", "赵六").exit_code == 0
    listed = run("list").stdout
    assert "赵六" in listed
    assert "已停用" in listed
    assert run("enable", "赵六").exit_code == 0
    assert run("password", "赵六", typed=f"{OTHER}\n{OTHER}\n").exit_code == 0
    assert run.users.sign_in("赵六", OTHER, "a")
    token = run("token", "赵六").stdout.split()[0]
    assert run.users.of_token(token).name == "赵六"
    assert run("token", "赵六", "--revoke").exit_code == 0
    assert run.users.of_token(token) is None


def test_commands_tell_what_is_wrong(run):
    for arguments in (["password", "nobody"], ["role", "nobody", "国王"], ["disable", "nobody"]):
        failed = run(*arguments)
        assert isinstance(failed.exception, UserError)


def test_help_of_the_commands_is_chinese(run):
    told = run("--help").stdout
    for words in ("列出用户", "添加一个用户", "停用一个用户", "令牌"):
        assert words in told
