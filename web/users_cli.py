"""Command line: ``python -m web users list | add | password | disable | enable | role | token``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from assistant.settings import Settings
from index.settings import read_settings
from index.terminal import say
from web.user import Role, UserError, generated_password
from web.users import Users, open_users

users = typer.Typer(no_args_is_help=True, help="网页登录的用户。")
console = Console(soft_wrap=True)
Name = Annotated[str, typer.Argument(help="用户名", show_default=False)]
Generate = Annotated[bool, typer.Option("--generate", help="生成一个密码，只显示这一次")]
RoleName = Annotated[str, typer.Option("--role", help="工作人员（official）或管理员（administrator）")]


@users.command("list", help="列出用户")
def list_command() -> None:
    """List the users."""
    table = Table("用户名", "身份", "状态")
    for user in _open().all():
        table.add_row(user.name, user.role.label, "已停用" if user.disabled else "可登录")
    console.print(table)


@users.command("add", help="添加一个用户")
def add_command(name: Name, role: RoleName = "工作人员", generate: Generate = False) -> None:
    """Make a user."""
    store, kind = _open(), find_role(role)
    password = _password(generate)
    user = store.add(name, password, kind)
    _show_generated(generate, password)
    say(f"已添加{user.role.label}“{user.name}”")


@users.command("password", help="改一个用户的密码；此人的登录和接口令牌都会失效")
def password_command(name: Name, generate: Generate = False) -> None:
    """Change a password."""
    store = _open()
    store.get(name)
    password = _password(generate)
    store.set_password(name, password)
    _show_generated(generate, password)
    say(f"已改“{name}”的密码，原来的登录和令牌已失效")


@users.command("disable", help="停用一个用户，马上生效")
def disable_command(name: Name) -> None:
    """Keep a user out."""
    _open().set_disabled(name, True)
    say(f"已停用“{name}”，其登录和令牌已失效")


@users.command("enable", help="重新启用一个用户")
def enable_command(name: Name) -> None:
    """Let a user in again."""
    _open().set_disabled(name, False)
    say(f"已启用“{name}”")


@users.command("role", help="改一个用户的身份，马上生效")
def role_command(
    name: Name, role: Annotated[str, typer.Argument(help="工作人员（official）或管理员（administrator）")]
) -> None:
    """Change what a user may do."""
    kind = find_role(role)
    _open().set_role(name, kind)
    say(f"“{name}”现在是{kind.label}")


@users.command("token", help="给一个用户发接口令牌，只显示这一次；用它可以提问，不能改动服务器")
def token_command(
    name: Name, revoke: Annotated[bool, typer.Option("--revoke", help="让此人的令牌都失效")] = False
) -> None:
    """Make or end API tokens."""
    store = _open()
    if revoke:
        say(f"已让“{name}”的 {store.end_tokens(name)} 个令牌失效")
        return
    console.print(store.make_token(name), highlight=False, markup=False)
    say("这个令牌只显示这一次，请妥善保管。调用时带上：Authorization: Bearer 令牌")


def find_role(name: str) -> Role:
    """Return the role of a Chinese or English name.

    Raises:
        UserError: there is none.

    """
    for role in Role:
        if name in (role.value, role.label):
            return role
    raise UserError(f"没有“{name}”这种身份，可用：{'、'.join(role.label for role in Role)}")


def _open() -> Users:
    settings: Settings = read_settings(Settings)
    return open_users(settings)


def _password(generate: bool) -> str:
    if generate:
        return generated_password()
    return str(typer.prompt("密码（输入时不显示）", hide_input=True, confirmation_prompt="再输一次"))


def _show_generated(generate: bool, password: str) -> None:
    if generate:
        console.print(password, highlight=False, markup=False)
        say("这个密码只显示这一次，请转告本人，登录后尽快修改")
