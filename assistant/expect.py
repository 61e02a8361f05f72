"""What kind of answer a question expects: a number of something, a deadline, how often, how much.

An article can be about the matter and still be silent on the point. Where a question asks for a
quantity (几辆车, 保存多少年, 多少钱), words that hold no such quantity do not answer it.
"""

from __future__ import annotations

import re
from enum import Enum

_N = r"(?:[0-9０-９]+(?:[.．][0-9]+)?|[一二两三四五六七八九十百千万半]+)"
_TIME_UNITS = r"(?:个?工作日|个?小时|个?月|个?季度|天|日|周|年|星期|分钟)"
_COUNTED = "辆|台|部|人|名|位|篇|件(?!事)|份|字|页|次|回|趟|场|遍|倍"


class Quantity(Enum):
    """A kind of answer, with the words that can be one."""

    MONEY = re.compile(rf"{_N}\s*(?:多|余)?(?:万|亿)?元|费用标准|限额为")
    PHONE = re.compile(r"\d{5,}")
    SHARE = re.compile(rf"{_N}分之{_N}|半数|过半|全体成员|\d+\s*[%％]")
    YEARS = re.compile(r"(?<!\d)\d{1,2}\s*年|[一二两三四五六七八九十]+年|永久|长期|终身|定期")
    OFTEN = re.compile(
        rf"每(?:个)?\s*(?:{_N})?\s*(?:{_TIME_UNITS}|半年|半月|年度)|定期|随时|适时|常态|经常|年度|"
        rf"{_N}\s*(?:[-—～至]\s*{_N})?\s*次|需要.{{0,6}}召开"
    )
    TIME = re.compile(
        rf"{_N}\s*(?:[-—～至]\s*{_N})?\s*{_TIME_UNITS}|半天|半年|当日|当天|即时|即到即办|及时|立即|限时|随时|定期|事前|事先|会前|提前|终身|长期|永久|日期|"
        rf"\d{{4}}\s*年|每(?:个)?(?:{_TIME_UNITS})|时限"
    )
    NUMBER = re.compile(_N)


_ASKS = (
    (
        Quantity.PHONE,
        re.compile(r"电话(?:号码)?(?:是|多少|几)|(?:拨|打).{0,4}(?:哪个|什么|多少)(?:号|电话)|号码是多少"),
    ),
    (
        Quantity.MONEY,
        re.compile(
            r"多少钱|多少元|(?:开支|花费|支出|花|报销?)多少|(?<![管分])几块(?!儿)|几万|多少万|多少经费|(?:金额|费用|补助|补贴|工资|价格|额度).{0,6}(?:多少|上限|标准是)"
        ),
    ),
    (
        Quantity.SHARE,
        re.compile(
            r"几成|几分之|百分之几|多大比例|(?:来|到|出席|凑).{0,4}(?:多少|几).{0,3}(?:人(?!陪|跟)|成)|(?:多少|几个?)人才?(?:够|算数)|(?:够|达到|超过)多少.{0,2}(?:人|才)|够多少|(?:多少|几个?|几成)(?:人|成员|委员).{0,2}(?:到|来|出席|参会)"
        ),
    ),
    (Quantity.YEARS, re.compile(r"(?<!每)年限|多少年|几年(?!前|来|.{0,5}[一1][次回趟])|保存期")),
    (
        Quantity.TIME,
        re.compile(
            r"提前(?:多|几)|提早(?:多|几)|(?:几|多少)(?:个)?(?:工作)?(?:天|日|小时)(?:之|以)?[内前]|最晚|最迟|期限|时限"
        ),
    ),
    (
        Quantity.OFTEN,
        re.compile(
            r"(?:多久|多长时间|几天|几周|几个?月|多少天).{0,4}(?:开|碰|召开|举办|办|聚|学|搞|来)上?[一1](?:次|回|个|趟)|隔多久|隔几|隔多长|"
            r"(?:多久|几天|几周)(?:要|得|会|就)?(?:开|碰|召开|聚)|会议?的?\s*(?:频率|频次)|(?:几|多少)(?:次|回|趟)|星期几|周几|(?:多久|几天|几周)一(?:次|回)|几年.{0,5}[一1][次回趟]"
        ),
    ),
    (
        Quantity.TIME,
        re.compile(
            r"几天|多少天|多久|多长时间|几个?工作日|多少个?工作日|几个?小时|几个?月(?!度)|多少时间|哪(?:一)?[年天]|几号"
        ),
    ),
)
_COUNT = re.compile(rf"(?<![十好])(?:几|多少)\s*个?\s*(?P<unit>{_COUNTED})")
_HOW_MUCH = re.compile(
    r"(?:是|为|各|要|有|得|不超过|至少|最多)多少(?![\u4e00-\u9fff]{0,1}(?:人|个|次))|上限.{0,4}多少|标准.{0,4}多少"
)
_ENUMERATES = re.compile(
    r"哪几|几个(?:方面|步骤|环节|部分|程序|阶段)|几(?:项|条|类|种)(?:内容|任务|要求|情形|职责|准则)|有几(?:项|条|种|类)|这几|那几|好几|只有几|[多少].{0,4}几[场趟次个位]|(几.{1,2})(?:就)?.{0,2}\1|过几[天日]|几个人(?:一起|一块|临时|一同)|过几个人|跟.{0,3}几个|几个(?:县|部门|单位|局|字)|"
    r"(?<!提)前几|十几|^几[位个]|(?:能不能|可不可以|能否).*(?:几|多少)|(?:几|多少).*(?:要不要|还是)"
)
_SAME_UNIT = {
    "人": "人|名|位",
    "名": "人|名|位",
    "位": "人|名|位",
    "辆": "辆|台",
    "台": "辆|台",
    "部": "辆|台|部",
    "回": "次|回",
    "趟": "次|回|趟",
    "次": "次|回",
    "场": "次|场",
    "遍": "次|遍",
    "件": "件|份|项",
    "份": "件|份|篇|种",
    "篇": "篇|份|次",
}


_CLAUSE = re.compile(r"[，,。；;]")
_ASKS_ELSE = re.compile(r"(\w)不\1|怎么|咋|什么|啥|谁|哪|吗|么|不[？?]?$|是否|行|合适|对不对|算|要不要|能不能|可不可以")


def asked_quantity(question: str) -> re.Pattern[str] | None:
    """Return what must stand in an answer to the question, or None if it asks for no quantity.

    In a question of several parts a quantity is not all that is asked; and 几 before a further
    question is often no question itself (请了几位专家，够不够).
    """
    *earlier, question = [clause for clause in _CLAUSE.split(question) if clause.strip()] or [question]
    if earlier and not _quantity(question):
        return None if _ASKS_ELSE.search(question) else _quantity("，".join(earlier))
    return _quantity(question)


def _quantity(question: str) -> re.Pattern[str] | None:
    if _ENUMERATES.search(question):
        return None
    for quantity, asks in _ASKS:
        if asks.search(question):
            return quantity.value
    count = _COUNT.search(question)
    if count is not None:
        unit = _SAME_UNIT.get(count["unit"], count["unit"])
        return re.compile(rf"{_N}\s*个?\s*(?:以上|多)?(?:{unit})")
    if _HOW_MUCH.search(question):
        return Quantity.NUMBER.value
    return None


_OF_COUNTIES = "县|没|压根|写了|提了|提到|把|(?:在)?规则"
"""After 哪些, asks which counties, not for a list."""


class Kind(Enum):
    """What a question may ask for besides a quantity; each has words that ask and words that answer."""

    WHO = (
        r"谁|哪(?:个|些|家|几家|一级)?(?:部门|单位|领导|科室|机构|局|人|家|位|方)|归哪|找哪|报哪|送哪|由哪|哪里(?:审|批|报|管)|向哪|给哪|何人|啥人|什么人|牵头的?是",
        r"县长|主任|负责人|负责同志|领导|办公室|部门|单位|机关|局|委|办|组|司|党组|成员|人员|秘书|顾问|机构|政府|人大|政协",
    )
    WHETHER = (
        r"能不能|可不可以|可以.{0,12}吗|能.{0,14}吗|能否|可否|是否可以|行不行|行吗|行不|许不许|允许|允不允许|让不让|准不准|合适|合规|算不算|犯不犯|成不成|中不中|得不得|使得|没事吧|违规|好使|可行|妥不妥|应该吗",
        r"不得|不准|不能|不许|不宜|严禁|禁止|可以|可\w|方可|必须|须|应当?|不应|原则上|一般不|除外|未经|允许|不再|不\w",
    )
    NEEDED = (
        r"要不要|需不需要|用不用|必须.{0,8}吗|须不须|需要.{0,10}吗|非得|得.{0,8}吗|要.{1,14}吗|该不该|有没有必要|用得着",
        r"须|应当?|必须|需|要|不得|可以?|由|报|经|一律|方可",
    )
    HOW = (
        r"怎么|咋|如何|怎样|手续|流程|程序|步骤|哪几步|哪一步|几道|过哪|走哪|什么程序|啥程序|办法",
        r"报|经|审|批|由|送|提出|提请|同意|程序|签|负责|应|按|提交|协调|汇总",
    )
    WHEN = (
        r"什么时候|啥时候|何时|哪天|几点|多会儿|什么时间|啥时间|早晚|早点|先后|之前还是之后",
        r"前|后|时|日|天|周|月|季|年|期|及时|立即|定期|随时",
    )
    LIST = (
        rf"哪些(?!{_OF_COUNTIES})|哪几(?!个?县)|包括|包含|有什么|什么内容|(?:任务|职责|重点|内容)(?!里|内|中|之一)|情形|情况下|主要(?:干|做|管|讨论|议)|几种|几类|几项|几条|几件|列出|清单|"
        r"都有啥|都管|都干|干啥|干什么|做什么|议什么|议啥|讨论什么|讨论啥|分别是|方面|范围(?!里|内|中)|几个(?:方面|步骤|环节)|什么事|"
        r"些什么|些啥|有啥|哪样|哪几样|逐[项条一]|一[条项]一[条项]|一条条|一项项",
        r"、|；|;|：|:",
    )

    def __init__(self, asks: str, holds: str) -> None:
        self.asks = re.compile(asks)
        self.holds = re.compile(holds)


ASKS = (Kind.WHO, Kind.WHETHER, Kind.NEEDED, Kind.HOW, Kind.WHEN)
"""Kinds that a clause either holds or does not; a list is told by its shape."""
