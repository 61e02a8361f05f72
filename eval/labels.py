"""How the report calls and orders what a run holds; what is new and not named here is shown under its own name."""

from __future__ import annotations

SECTIONS: dict[str, tuple[str, ...]] = {
    "总体": ("strict",),
    "说“未规定”": ("refusal_", "cell_", "completeness"),
    "引用": ("citation_", "paragraph_", "item_", "county_", "verbatim"),
    "内容": ("facts", "ground"),
    "查找": ("hit@", "recall@", "mrr", "ndcg"),
    "篇幅和速度": ("length", "concision", "latency"),
}
"""Where a score stands in the table of figures, by how its name begins."""
OTHER = "其他"
NOTES = {
    "strict": "该引的都引了，要点齐全，没有夹带过多；或如实说没有规定",
    "hit@1": "查到的第一条就是答案所在",
    "recall@5": "答案所在的条文排进前五",
    "recall@10": "答案所在的条文排进前十",
    "mrr": "答案排第一得 1，排第二得 1/2，依此类推",
    "ndcg@10": "答案所在的条文在前十里排得多靠前",
    "citation_precision": "所引的条文里，确实回答问题的",
    "citation_recall": "回答问题的条文里，引到的",
    "paragraph_precision": "同上，细到款",
    "paragraph_recall": "同上，细到款",
    "item_precision": "同上，细到项",
    "item_recall": "同上，细到项",
    "county_right": "所引的条文是所问的县的",
    "grounded": "回答里的数字、期限、职务和“不得”“可以”之类的词，引文里都有",
    "facts": "必须答到的要点里，答到的",
    "verbatim": "引文与原文逐字一致",
    "refusal_right": "规则没有规定的问题，如实说没有",
    "refusal_wrong": "规则有规定的问题，却说没有（越低越好）",
    "cell_right": "多县比较时，每个县都答对的",
    "cell_silenced": "多县比较时，有规定的县却说没有（越低越好）",
    "cell_shown": "多县比较时，每个县都说到",
    "concision": "标准引文的字数占引文字数的几成",
    "length_ratio": "引文是标准引文的几倍长：中位 / 九成不超过",
    "latency_ms": "答一题要多少毫秒：中位 / 九成不超过",
}
GROUPS = {"type": "问题类型", "county": "县", "chapter": "章"}
JUDGED = {"judge_faithfulness": "回答忠于引文", "judge_relevancy": "回答切合问题"}
MADE_WITH = {
    "started_at": "开始时间",
    "cases": "用例文件",
    "cases_hash": "用例（哈希）",
    "county": "只评的县",
    "xiangui": "程序版本",
    "git": "程序的提交",
    "code": "程序（哈希）",
    "mode": "回答方式",
    "python": "Python",
    "cores": "处理器核数",
    "machine": "机器",
    "corpus": "规则文本（哈希）",
    "model": "向量模型（哈希）",
    "settings": "设置",
    "weights": "拟合的权重（哈希）",
    "questions": "题库（哈希）",
    "points": "已知是否写明的问题（哈希）",
    "dictionary": "词典（哈希）",
    "libraries": "程序库版本",
    "regulations": "各规则原文（哈希）",
}
MODES = {"extractive": "原文摘录（不用大模型）", "llm": "大模型转述，已核验"}


def section(name: str) -> str:
    """Return the section of the table of figures that a score stands in."""
    return next((title for title, starts in SECTIONS.items() if name.lower().startswith(starts)), OTHER)
