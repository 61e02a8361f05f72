"""Questions to begin with, by situation; each is answered by the bundled rules."""

from __future__ import annotations

from typing import NamedTuple


class Situation(NamedTuple):
    """A situation of everyday work, its name in both languages, and questions about it."""

    zh: str
    en: str
    questions: tuple[str, ...]


SITUATIONS = (
    Situation(
        "请假外出",
        "Leave and travel",
        ("局长外出要跟谁请假？", "副县长外出要跟谁请假？", "常务会议不能参加，要向谁请假？"),
    ),
    Situation("开会", "Meetings", ("政府常务会议多久开一次？", "常务会议的议题谁来定？", "全体会议有哪些人参加？")),
    Situation(
        "发文",
        "Documents",
        ("以县政府名义发的文件由谁签发？", "请示能不能直接报给领导个人？", "请示涉及别的部门，要怎么办？"),
    ),
    Situation(
        "督查", "Supervision", ("县政府的决策部署怎么督促落实？", "哪些事项要督查？", "工作没有落实要怎么追责？")
    ),
    Situation(
        "接待",
        "Visits and receptions",
        ("公务接待有什么规定？", "领导下基层调研有什么要求？", "领导能不能出席剪彩、庆典？"),
    ),
    Situation(
        "信息公开", "Disclosure", ("哪些政府信息要公开？", "政务公开有什么要求？", "重大决策要不要听取公众意见？")
    ),
)
