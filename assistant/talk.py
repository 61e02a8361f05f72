"""Messages of a conversation that ask nothing of the rules: courtesy, the same once more, the article next to the one quoted."""

from __future__ import annotations

import re

from assistant.references import Reference, find_references
from ingest.numerals import NUMERAL

_PUNCTUATION = re.compile(r"[\s，。？！、：；,.?!:;~…“”\"'（）()]+")
_COURTESY = re.compile(
    r"今?天?(?:天气)?(?:真|好)(?:热|冷)|(?:非常|太|很|十分)?(?:谢谢|多谢|感谢|谢|辛苦|麻烦|打扰|不好意思|抱歉)(?:你|您|啦|了|大家)*|"
    r"(?:好|行|嗯+|哦+|噢|喔|啊|哈+|呵+|对|是|中|成)(?:的|吧|了|啦|呀|啊|嘞|滴)*|可以了|ok|okay|"
    r"(?:我|那我)?(?:明白|知道|懂|清楚|了解|收到|记住|学习)(?:了|啦)?|(?:没|没有)(?:别的|其他|什么)*(?:问题|事|事情)?(?:了|啦)|"
    r"就这样|就这些|先这样|再见|拜拜|回头见|回见|下次再问|有帮助|厉害|不错|挺好|太好|真好|"
    r"你好|您好|早上好|上午好|中午好|下午好|晚上好|早|嗨|hi|hello|在吗|在不在|有人吗"
)
_ABOUT_ITSELF = re.compile(
    r"(?:那|请问)?(?:你|您|这个?(?:系统|助手|网页|页面|程序))(?:是谁|是什么|是干什么的|是做什么的|叫什么|叫什么名字|怎么用|能答什么|能回答什么|能干什么|能做什么|"
    r"会什么|会干什么|能帮我什么|能帮我做什么|都?(?:有|收了|收录了|知道)(?:哪些|哪几个|几个|什么)(?:县|规则)(?:的?(?:规则|工作规则|文件)|的)?)|"
    r"(?:你|您)?(?:说的|的回答|这里的)?(?:能|可以)(?:当|作为)?(?:正式)?(?:的?依据)(?:用|使用)?|"
    r"(?:这里|这儿)?都?(?:有|收了|收录了)(?:哪些|哪几个|几个)县的?(?:规则|工作规则)?|怎么(?:用|使用)|使用说明|帮助|help"
)
_ONE_BY_ONE = re.compile(rf"(?>{_COURTESY.pattern}|{_ABOUT_ITSELF.pattern}|吗|呢|吧|呀|啊)++", re.IGNORECASE)
"""Nothing is tried twice: 啊啊啊啊啊啊啊啊 could be read in very many ways."""
_AGAIN = re.compile(
    r"(?:那|这|这个|那个|上面|刚才|你?说的)*(?:是|在)?"
    r"(?:哪一?条|哪个条款|哪一?款|第几条|出处|依据|原文|原话|原句|条文)(?:是|在)?(?:里|中)?(?:的?(?:哪里|哪儿|什么|多少))?"
    r"(?:怎么)?(?:写|规定|说|讲|来)?(?:的|呢|吗)?(?:给我|让我|我)?(?:看看|看一下|看下|瞧瞧)?|"
    r"(?:真的|真是|确定|当真)(?:吗|假的|是这样吗|么)?|(?:是|对)(?:吗|么|不是|不对)|不会吧|有依据吗|有根据吗|"
    r"(?:你|您)?(?:再|重新)(?:仔细)?(?:找找|找一下|查查|查一下|看看|看一下|确认一下|说一遍|说一下|讲一遍|想想)"
)
_NEXT = re.compile(r"(?:接下来|后面|往后|下面|再下|下)(?:的|那|这)?一?条(?!件)")
_BEFORE = re.compile(r"(?:前面|往前|上|前)(?:的|那|这)?一条(?!件)")
_SHOWN = re.compile(rf"^\[1\] .*?(?P<place>第{NUMERAL}条.*)$", re.MULTILINE)


def is_talk(text: str) -> bool:
    """Tell courtesy, and questions about the assistant itself, from questions of the rules."""
    said = _PUNCTUATION.sub("", text)
    return bool(_ONE_BY_ONE.fullmatch(said))


def asks_again(text: str) -> bool:
    """Tell a wish to see the last answer again, or its source: 原文是什么, 哪一条写的, 真的吗."""
    return bool(_AGAIN.fullmatch(_PUNCTUATION.sub("", text)))


def quoted_first(answer: str) -> Reference | None:
    """Return the place that an answer quotes first."""
    shown = _SHOWN.search(answer)
    named = find_references(shown["place"] if shown else answer).references
    return named[0] if named else None


def step(text: str, last: Reference) -> Reference | None:
    """Return the article after or before the last one, if that is asked for: 下一条, 上一条."""
    if _NEXT.search(text):
        return Reference(last.article + 1)
    if _BEFORE.search(text):
        return Reference(last.article - 1)
    return None
