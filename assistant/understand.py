"""A question and what was said before -> which counties, which articles, and what about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from opencc import OpenCC

from assistant.places import Places, find_places, short_name
from assistant.references import Named, Reference, find_references
from assistant.roles import roles_of
from assistant.talk import asks_again, is_talk, quoted_first, step
from index.named import named_in, rename, without_names
from index.words import normalise
from ingest.law import Regulation

Turn = Mapping[str, str]
"""One message of the history: ``role`` (user or assistant) and ``content``."""


class About(StrEnum):
    """A question about the document itself, answered from the notice it came with."""

    NUMBER = "文号"
    ISSUED = "印发"
    ADOPTED = "通过"


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question asks.

    Attributes:
        topic: the question made whole and without county names: what is searched for.
        focus: the words of this very question, which weigh most when sentences are chosen.
        counties: asked of these; empty where none is named or chosen.
        missing: asked of these too, but their rules are not here.
        references: articles named outright.
        lookup: the named article itself is asked for, not something in it.
        about: the question is about the document.
        completed: the question was made whole from the history.
        roles: who asks or is asked about, as far as the question or an earlier one says.
        shown: the place that its answer quoted first, once there is an answer.

    """

    topic: str
    focus: str
    counties: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    lookup: bool = False
    about: About | None = None
    completed: bool = False
    roles: frozenset[str] = frozenset()
    shown: Reference | None = None


Follows = Callable[[Understood, Understood, Understood], bool]
"""Tells whether a question goes on with the one before it, from that one, and the question alone and made whole."""

_FILLER = re.compile(
    r"[\s，。？！、：；,.?!:;~…“”\"'（）()]|这边|那边|那么?|呢|吗|啊|呀|吧|哦|噢|嘛|请问|麻烦|问一下|想问|帮我|看看|查一?下|我想知道|的话|又|也|同样|一样|"
    r"怎么说|怎么规定|怎么讲|怎么样|咋样|咋说|是什么情况|情况|如何|怎么|换成|换作|的|和|跟|与|是|人民政府|政府|规则|工作规则|里"
)
_THE_SAME = re.compile(
    r"(?:有没有|有无|有啥|有何|有什么|有|对此|对|在|咋|什么|啥)?(?:这个|这种|这事|这件事|这上头|这上面|这方面|这块|此)?"
    r"(?:有没有|有无|有啥|有何|有什么|有|咋|什么|啥)?(?:这样|规定|说法|讲究|要求|规矩|安排|做法|写|讲|说|办|话|头)?"
    r"(?:这个|这种|这条|这事|这件事|过|没有|没)*"
)
"""What is left of a question that asks another county the same, ``_FILLER`` aside."""
_LOOK = re.compile(r"^(?:那|再|你|您|给我|帮我|我想)*(?:看|查|说|讲)(?:一下|下|看|说|讲)?")
"""Begins a wish to see the same of another county: 你看看昌乐的."""
_LEADS_ON = re.compile(
    r"^(?:那|也|如果|要是|假如|若是|若|换成|换作|万一|再|还有|另外|其中|这|它|他|她|该|上述|然后|接着|之后|谁|找谁|向谁|由谁|"
    r"提前|多久|几天|多长|什么时候|何时|哪些|哪几|为什么|为啥|可以吗|行吗|能不能|需要|要不要|是不是|具体|时间|地点|人数|紧急|特殊|"
    r"最多|最少|第[一二三四五六七八九十\d]+[款项])|(?:呢|的呢)[？?]?$"
)
_ASKS_FIRST = re.compile(r"谁|哪些|哪几|什么时候|为什么|为啥|能不能|需要|要不要|是不是|最多|最少|具体")
"""Words that lead on (谁主持) or begin a question of its own (谁管督查, 哪些东西要向社会公布)."""
_POINTS_BACK = re.compile(
    r"这个|那个|这种|那种|这些|那些|该会|此会|上面|上述|刚才|前面|它|他们|她|这事|那事|这样|这类|那类|这时|"
    r"这[一几两三四五六]?(?:样|条|项|套|步|点|类)|那[几两]?样|(?:同样|一样|类似|相同|同类)的|这么(?:规定|要求|办|讲|说|做|写|弄)|"
    r"^(?:反过来|反之|倒过来)|^[^长任记员人门导部志位谁其]*他(?!人|乡|处|方|日|县)"
)
_COURTESY = re.compile(
    r"^\s*(?:判断(?:题|一下|正误)?[:,]|请问一?下?|您好|你好|麻烦(?:问一?下?|您|你)?|想请教一?下?|想问一?下?|咨询一?下?)[,: ]*|"
    r"[,，。;；]?(?:能不能|能否|能|可以|请|麻烦)?(?:您|你)?(?:帮我|给我|替我)?(?:逐项|逐条|逐个|挨个|一条条|一项项|分别)?(?:给我)?"
    r"(?:列一?下|列出来|列个表|列全|列给我|排个表|做个表|说说|讲讲|说一下|讲一下|比一比|比一下|对照一下|对比一下|介绍一下|告诉我)(?:看看|听听)?[吗吧呢]?[?。!]*\s*$|"
    r"[,，](?:对吗|对不对|是吗|是不是|是否正确|对还是错|正确吗)[?。]*\s*$"
)
"""Politeness and requests for a form, which say nothing of the matter."""
_COMPARED = re.compile(
    r"(?:这件事|这事|这一条|这方面|这块)?[,，: ]*(?:[跟和与同比]\s*)?(?:的?(?:安排|规定|做法|要求|说法|规矩))?\s*(?:之间)?"
    r"(?:有啥|有什么|有何|有没有|有无|哪里|哪儿|啥地方|什么地方|都?是否|是不是|一样不一样|一不一样)?\s*"
    r"(?:不一样|不同|区别|差别|差异|异同|出入|一样不一样|一不一样)(?:的地方|之处|的)?[吗呢没有]*[?？。]*\s*$|^各县(?:对照|比较|对比)[,，:： ]*"
)
"""Words that ask for a comparison and say nothing of its matter."""
_LEFT_OVER = re.compile(
    r"^(?:[\s、,，和与跟及同的里]|[两三四五几](?:个县|家)|都|规则|比一比|对比|对照|比较|[:：])+|"
    r"(?<=[\s、,，:：])[\s、和与跟及]+(?=[\s、,，:：和与跟]|$)|(?<![\u4e00-\u9fff])各(?=[\u4e00-\u9fff])|各(?=隔|要|由|有|得|是|找|能|该|允许|怎么|咋)|(?<=[,，、。])\s*(?:里|的)(?=[,，])"
)
"""What the names of several counties leave behind: 、 、 四家比一比： , 各."""
_SHORTHAND = re.compile(r"(常务|专题|全体|办公|碰头|党组)会(?!议)")
_NEW_TOPIC = re.compile(
    r"^\s*(?:换一?个话题|换一?[个件]事|另外问一?下?|另问|再?问一?[个件]别的|题外话|还有个问题|说一?点别的|说个别的|"
    r"先?不[说谈聊问管]这[个事]了?|还有一?[个件]别的事?)[，,。、：: ]*"
)
_BY_THE_WAY = re.compile(r"^\s*(?:对了|顺便问一?下?|哦对|还有一?件事|再问一[句下])[，,。、：: ]*")
"""May lead on or away: what it finds tells."""
_CORRECTED = re.compile(
    r"^\s*(?:(?:不对|不是|错了|不)[,，。 !]+)?(?:我?(?:刚才)?(?:问|说|指)的是|我是(?:说|问)|我想问的是)[,， ]*|[,，]\s*(?:而?不是|而非|并非)[^,，。]{1,10}$"
)
"""Says that the last question was misunderstood; what was meant stands beside it."""
_SHORT = 12
"""Follow-ups that need their context are short; a whole question is longer."""
_LOOKUP = re.compile(
    r"从?哪一?条到哪一?条|几条|讲了?|说了?|规定|内容|什么|怎么|啥|是|的|了|哪些|哪几|原文|全文|查|看|一下|规则|工作规则|工作|写|呢|吗|原话|条文|条款|"
    r"给我|帮我|请|列出|引用|有|关于|里|中|和|与|分别|各|意思|念|背|贴|发|政府|人民|县|事|主要|具体|都|我|想|问|要求|着|句"
)
_THE_RULE = r"(?:规则|规矩|这份文件|该文件|本文件)"
_NUMBER = re.compile(rf"{_THE_RULE}.{{0,10}}(?:文号|发文字号|几号文|多少号)|^\s*的?(?:发文|发)?(?:文号|字号).{{0,12}}$")
_REPEALED = re.compile(r"废|旧|老的|老版|原《|原来的|原先|以前的|上一版|前一版|取代|替")
_ISSUED = re.compile(
    rf"{_THE_RULE}.{{0,10}}(?:印发|发布|出台|下发|印出来|发出来)|(?:印发|发布|出台).{{0,6}}{_THE_RULE}"
)
_WHEN = re.compile(r"哪年|哪天|何时|什么时候|什么时间|日期|几月|几号|时间|啥时候|多会儿")
_ADOPTED = re.compile(
    rf"{_THE_RULE}.{{0,20}}(?:审议|讨论|研究)?通过|(?:哪|什么|第几)(?:次|个)?.{{0,6}}会.{{0,6}}(?:审议|讨论|研究)?通过.{{0,6}}{_THE_RULE}"
)


def simplify(text: str, names: Iterable[str]) -> str:
    """Make traditional characters simplified, but for those of counties' names: 乾安 is not 干安."""
    kept = sorted({form for name in names for form in (name, short_name(name))}, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, kept))})", text) if kept else [text]
    return "".join(part if part in kept else _simplifier().convert(part) for part in parts)


@lru_cache(maxsize=1)
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def authorities(regulations: Iterable[Regulation]) -> str:
    """Return text that names the cities and provinces above these counties: 第一条 and the notices."""
    return "".join(r.notice + r.articles[0].text for r in regulations)


def understand(
    question: str,
    history: Sequence[Turn],
    known: Sequence[str],
    chosen: str | None = None,
    named_in_rules: str = "",
    follows: Follows = lambda before, alone, whole: leads_on(alone.topic),
) -> Understood:
    """Make a question whole from the user's earlier ones.

    Args:
        question: as asked.
        history: earlier messages, oldest first; of an answer only the place that it quotes first is read.
        known: counties whose rules are here.
        chosen: the county chosen on the page; used where neither question nor history names one.
        named_in_rules: text in which higher authorities of these counties are named (济南市): a
            place named there is no missing county.
        follows: asked of every question that says something of its own; by itself, the wording tells.

    """
    if is_talk(question):
        return Understood("", "")
    state: Understood | None = None
    for turn in history:
        said = str(turn.get("content", ""))
        if turn.get("role") != "user":
            state = state and replace(state, shown=quoted_first(said) or state.shown)
        elif not is_talk(said):
            earlier, state = state, take(said, state, known, chosen, named_in_rules, follows)
            if earlier is not None and state.lookup:  # an article looked up in between is no new matter
                state = replace(state, topic=earlier.topic, focus=earlier.focus)
    understood = take(question, state, known, chosen, named_in_rules, follows)
    if not understood.counties and not understood.missing and chosen in known:
        return replace(understood, counties=(str(chosen),))
    return understood


def take(
    question: str,
    before: Understood | None,
    known: Sequence[str],
    chosen: str | None,
    named_in_rules: str,
    follows: Follows,
) -> Understood:
    """Understand one question after the one before it."""
    said = _BY_THE_WAY.sub("", normalise(simplify(question, known)))
    if before is not None:
        said = _CORRECTED.sub("", said)
    text = _NEW_TOPIC.sub("", said)
    if text != said and before is not None:
        before = Understood("", "", before.counties)
    places = find_places(text, known)
    named = _find_references(text, places, before)
    missing = (*(name for name in places.missing if name not in named_in_rules), *places.joined)
    counties = _counties(places, before, known, chosen, missing)
    asked = _COMPARED.sub("", named.rest) if len(counties) > 1 else named.rest
    asked = _LEFT_OVER.sub(" ", asked).strip() if len(places.named) > 1 or places.everyone else asked
    topic = _SHORTHAND.sub(r"\1会议", _COURTESY.sub("", asked)).strip() or named.rest.strip()
    elsewhere = places.named or places.everyone or places.others or places.ours
    if before is not None and (
        asks_again(topic) or (elsewhere and _THE_SAME.fullmatch(_FILLER.sub("", _LOOK.sub("", topic))))
    ):
        topic = ""
    if before is not None and not named.references and _names_another(topic, before.topic):
        renamed = rename(before.topic, topic) if len(_FILLER.sub("", without_names(topic))) <= 1 else None
        if renamed is not None:
            roles = roles_of(topic) or before.roles
            focus = rename(before.focus, topic) or before.focus
            return Understood(renamed, focus, counties, missing, (), False, before.about, True, roles)
    lookup = bool(named.references) and len(_LOOKUP.sub("", _FILLER.sub("", topic))) < 3
    if not lookup:  # 第十一章关于… is said of a place to look in
        named = named._replace(references=tuple(each for each in named.references if each.chapter is None))
    roles = roles_of(topic)
    alone = Understood(topic, topic, counties, missing, named.references, lookup, _about(topic), False, roles)
    again = before is not None and before.lookup and not topic
    if before is None or named.references or not (before.topic or again) or _names_another(topic, before.topic):
        return alone
    if _FILLER.sub("", topic) == _FILLER.sub("", before.topic):  # the same once more, of other counties
        return alone
    roles = roles or before.roles
    if not length(topic):
        references = before.references if before.lookup and not (elsewhere and before.topic) else ()
        lookup = bool(references)
        return Understood(before.topic, before.focus, counties, missing, references, lookup, before.about, True, roles)
    whole = Understood(f"{before.topic} {topic}", topic, counties, missing, (), False, before.about, True, roles)
    return whole if follows(before, alone, whole) else alone


def _find_references(text: str, places: Places, before: Understood | None) -> Named:
    """Find the articles that a question names, by their numbers or by the one asked for or quoted last."""
    last = None
    if before is not None:
        by_number = before.references and before.references[-1].article > 0
        last = before.references[-1] if by_number else before.shown
    named = find_references(places.rest, last)
    if len(places.named) > 1 and len(named.references) > 1:
        return Named(_by_county(text, places.named) or named.references, named.rest)
    beside = step(places.rest, last) if last is not None and not named.references else None
    return named if beside is None else Named((beside,), "")


def _by_county(text: str, counties: Sequence[str]) -> tuple[Reference, ...]:
    """Find the articles that are named for one county each (昌乐83条和沂源75条); none if they are for all."""
    spots = sorted((text.find(short_name(county)), county) for county in counties)
    ends = [start for start, _ in spots[1:]] + [len(text)]
    own = {c: find_references(text[start:end]).references for (start, c), end in zip(spots, ends, strict=True)}
    if not all(own.values()):
        return ()
    return tuple(each._replace(county=county) for county, named in own.items() for each in named)


def _names_another(topic: str, before: str) -> bool:
    """Tell a question about another meeting than the one before it; it stands by itself."""
    now, then = named_in(topic), named_in(before)
    return bool(now and then and not now & then)


def _counties(
    places: Places, before: Understood | None, known: Sequence[str], chosen: str | None, missing: tuple[str, ...]
) -> tuple[str, ...]:
    if places.others:
        spoken_of = (before.counties if before is not None else ()) or ((str(chosen),) if chosen else ())
        if places.named and not places.but and before is None:
            return tuple(known)
        return tuple(county for county in known if county not in (places.named or spoken_of))
    if places.everyone and not places.named:
        return tuple(known)
    if places.named or missing:
        ours = (str(chosen),) if places.ours and chosen in known else ()
        return tuple(dict.fromkeys((*ours, *places.named)))
    if places.ours and chosen in known:
        return (str(chosen),)
    return before.counties if before is not None else ()


def length(topic: str) -> int:
    """Return how many characters of a question say something."""
    return len(_FILLER.sub("", topic))


def leads_on(topic: str) -> bool:
    """Tell by its wording a question that goes on with another (提前几天, 这种会谁主持)."""
    said = length(topic)
    if said <= _LEADS_ONLY:
        return True
    if _ASKS_FIRST.match(topic):  # 谁管督查 names something of its own
        return False
    stripped = topic.strip(" ，。？！,.?!")
    if _LEADS_ON.search(stripped):
        return said <= _SHORT
    return bool(_POINTS_BACK.search(stripped)) and said <= 2 * _SHORT


_LEADS_ONLY = 3
"""A question of so few characters names nothing of its own."""


def _about(text: str) -> About | None:
    if _REPEALED.search(text):
        return None  # the repeal clause is an article
    if _NUMBER.search(text):
        return About.NUMBER
    if _ADOPTED.search(text):
        return About.ADOPTED
    if _ISSUED.search(text) and _WHEN.search(text):
        return About.ISSUED
    return None
