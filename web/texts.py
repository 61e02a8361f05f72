"""Every text of the interface, in Chinese and in English; the rules and what quotes them are not translated.

The page is written in Chinese. An element with ``data-t`` names its text here; ``page.js`` puts the
English in its place when the reader switches.
"""

from __future__ import annotations

import json
from typing import NamedTuple


class Text(NamedTuple):
    """One text in both languages; ``{…}`` is filled in."""

    zh: str
    en: str


TEXTS: dict[str, Text] = {
    # the head
    "name": Text("县规问答", "County Rules"),
    "tagline": Text(
        "用平常的话问县政府怎么办事，用工作规则的原文回答，条、款、项可核对。",
        "Ask how the county government works; answers quote its work rules, to paragraph and item.",
    ),
    "skip": Text("跳到提问框", "Skip to the question"),
    "tools": Text("页面设置", "Page settings"),
    "language": Text("EN", "中"),
    "language_name": Text("Switch to English", "切换到中文"),
    "dark": Text("深色", "Dark"),
    "light": Text("浅色", "Light"),
    "about": Text("说明", "About"),
    "more_tabs": Text("更多栏目", "More tabs"),
    "tab_chat": Text("问答", "Ask"),
    "tab_browse": Text("查阅", "Browse"),
    "tab_compare": Text("对照", "Compare"),
    "tab_batch": Text("批量", "Batch"),
    "account": Text("账号", "Account"),
    # the kept conversations
    "sidebar": Text("打开或收起对话记录", "Show or hide conversations"),
    "history": Text("记录", "History"),
    "failed": Text("没有成功", "Not done"),
    "kept": Text("对话记录", "Conversations"),
    "kept_search": Text("在对话记录中查找", "Search conversations"),
    "kept_none": Text(
        "还没有保存的对话。问过的问题会列在这里，只有你看得到。",
        "None yet. What you ask is listed here, for you alone.",
    ),
    "kept_none_found": Text("没有找到。", "Nothing found."),
    "kept_rename": Text("改名", "Rename"),
    "kept_rename_name": Text("给“{title}”改名", "Rename {title}"),
    "kept_title_field": Text("对话的名称，回车保存", "Title, Enter saves"),
    "kept_export_name": Text("导出“{title}”为 {kind}", "Export {title} as {kind}"),
    "kept_delete": Text("删除", "Delete"),
    "kept_delete_name": Text("删除“{title}”", "Delete {title}"),
    "kept_deleted": Text("已删除。", "Deleted."),
    "kept_restore": Text("撤销", "Undo"),
    "kept_clear": Text("全部删除", "Delete all"),
    "kept_clear_sure": Text("删除全部对话记录？删除后不能恢复。", "Delete all conversations? This cannot be undone."),
    # the first visit
    "note_title": Text("能答什么，不能答什么", "What it can and cannot answer"),
    "note_can": Text(
        "能答：县政府怎么开会、发文、请假、督查、接待、公开信息等，凡收入的工作规则写明的事；可以问一个县，也可以几个县对照。",
        "It answers what the work rules collected here settle: meetings, documents, leave, supervision, reception, disclosure; for one county or several side by side.",
    ),
    "note_cannot": Text(
        "不能答：规则没有写明的事、其他法律和政策、具体个案。规则没写的，会说“未规定”，并列出最接近的条文。",
        "It does not answer what the rules leave open, other laws and policies, or single cases; then it says 未规定 and names the nearest articles.",
    ),
    "note_check": Text(
        "引文与原文逐字一致，很长的句子只引问到的部分，点编号看全条；办理公务请以正式印发的文件为准。",
        "Quotes are verbatim, of long sentences only the part asked about; a citation opens the article. For official business the issued document prevails.",
    ),
    "note_close": Text("知道了", "Got it"),
    # the empty conversation
    "welcome": Text("想问什么？", "What would you like to know?"),
    "welcome_hint": Text(
        "直接写下问题，或点一个例子。没有选“本县”时，各县的规定并列对照。",
        "Type a question or pick an example. Without a county, all counties are compared.",
    ),
    "examples": Text("按场景举例", "Examples by situation"),
    # asking
    "question": Text("问题", "Question"),
    "placeholder": Text("例如：副县长外出要跟谁请假？", "Ask in Chinese, e.g. 副县长外出要跟谁请假？"),
    "county": Text("本县", "County"),
    "role": Text("身份", "Role"),
    "any": Text("不指定", "Not set"),
    "send": Text("提问", "Ask"),
    "stop": Text("停止", "Stop"),
    "fresh": Text("新对话", "New"),
    "keys": Text("回车提问，Shift+回车换行", "Enter asks, Shift+Enter starts a new line"),
    "empty": Text("请先写下想问的事。", "Please type a question first."),
    "too_long": Text(
        "问题有 {count} 字，最多 {limit} 字，请删短后再问。",
        "The question has {count} characters, at most {limit} are allowed. Please shorten it.",
    ),
    "running": Text("正在查找…", "Searching…"),
    "running_rest": Text("正在查找其余各县…", "Searching the other counties…"),
    "wait": Text("上一个问题还在回答，可以先停止。", "The last question is still being answered; you may stop it."),
    "done": Text("回答完毕，{count} 处出处。", "Answered, {count} sources."),
    "done_refused": Text("没有找到可以引用的规定，原因见回答。", "No provision answers this; the answer says why."),
    "broken": Text(
        "与服务器的连接断了，请检查网络后重试，或刷新页面。", "Connection lost. Check the network and retry, or reload."
    ),
    # the conversation
    "log": Text("对话", "Conversation"),
    "turn": Text("第 {n} 问", "Question {n}"),
    "edit": Text("修改", "Edit"),
    "edit_name": Text("修改第 {n} 问后重新提问", "Edit question {n} and ask again"),
    "editing": Text(
        "正在修改第 {n} 问；重新提问后，它之后的 {later} 轮对话会移除。",
        "Editing question {n}; asking again removes the {later} turns after it.",
    ),
    "editing_last": Text("正在修改第 {n} 问。", "Editing question {n}."),
    "cancel": Text("取消", "Cancel"),
    "replaced": Text("已替换原来的问题和其后共 {count} 轮。", "Replaced {count} earlier turns."),
    "undo": Text("恢复原来的对话", "Undo"),
    "running_llm": Text(
        "以上是原文摘录；大模型正在整理…", "These are the rule's words; the language model is putting them in order…"
    ),
    "stopped": Text("已停止，以上是停止前查到的。", "Stopped; this is what had been found."),
    "stopped_empty": Text("已停止，还没有查到内容。", "Stopped before anything was found."),
    "understood": Text("理解为：{text}", "Understood as: {text}"),
    "see_also": Text("另见", "See also"),
    "nearest": Text("最接近的条文", "Nearest articles"),
    "elsewhere": Text("其他县的规定", "Other counties' rules"),
    "sources": Text("出处", "Sources"),
    "sources_count": Text("出处 {count} 处", "{count} sources"),
    "extractive": Text("原文摘录", "Verbatim excerpts"),
    "llm": Text("大模型转述，已核验", "Put in order by a language model, verified"),
    "verbatim": Text("引文与原文逐字一致", "quotes match the original exactly"),
    "copy_answer": Text("复制全文", "Copy answer"),
    "copy_citation": Text("复制引用", "Copy citation"),
    "copy_quote": Text("复制引文和出处", "Copy quote and citation"),
    "copied": Text("已复制", "Copied"),
    "slip": Text("原文如此", "sic"),
    "county_column": Text("县", "County"),
    "rule_column": Text("规定", "Provision"),
    "suggestions": Text("接着问", "Follow-up questions"),
    # feedback
    "useful": Text("有用", "Useful"),
    "useless": Text("没用", "Not useful"),
    "vote": Text("这个回答有用吗", "Was this answer useful?"),
    "why": Text("哪里不对？", "What is wrong?"),
    "missed": Text("答非所问", "Beside the question"),
    "miscited": Text("引用有误", "Wrong citation"),
    "incomplete": Text("缺内容", "Incomplete"),
    "thanks": Text("已记下，谢谢。", "Noted, thank you."),
    # the source pane
    "pane": Text("出处原文", "Source"),
    "pane_hint": Text(
        "点回答里的编号，这里显示那一条的原文，引用的句子会标亮。",
        "Click a number in the answer: its article appears here with the quote marked.",
    ),
    "collected": Text("收入的规则", "Rules collected"),
    "articles": Text("{count} 条", "{count} articles"),
    "in_force": Text("现行有效", "In force"),
    "repealed": Text("已废止", "Repealed"),
    "no_date": Text("印发日期不详", "date unknown"),
    "no_number": Text("文号不详", "number unknown"),
    "issued": Text("{date}印发", "issued {date}"),
    "notice": Text("印发通知", "Notice of issue"),
    "before": Text("上一条　{label}", "Before: {label}"),
    "after": Text("下一条　{label}", "After: {label}"),
    "previous": Text("上一处", "Previous"),
    "next": Text("下一处", "Next"),
    "position": Text("第 {n} 处，共 {count} 处", "{n} of {count}"),
    "close": Text("关闭", "Close"),
    "whole": Text("打开原文", "Open the document"),
    "gone": Text("这份规则已不在索引中。", "This document is no longer in the index."),
    # browsing
    "browse_title": Text("查原文", "Look up the text"),
    "browse_hint": Text(
        "从目录里点一条，或查找词语，这里显示原文。", "Pick an article from the list or search; its text appears here."
    ),
    "words": Text("在原文中查找", "Find in the text"),
    "words_example": Text("例如：常务会议 二分之一", "e.g. 常务会议 二分之一"),
    "words_info": Text(
        "几个词用空格分开，都有的条文才列出", "Several words, parted by spaces, must all be in the article"
    ),
    "range": Text("范围", "Where"),
    "everywhere": Text("各县", "All"),
    "find": Text("查找", "Find"),
    "found": Text(
        "“{words}”：{counties} 个县 {articles} 条，共 {places} 处",
        "“{words}”: {counties} counties, {articles} articles, {places} places",
    ),
    "found_first": Text("；只列出前 {count} 条", "; the first {count} are listed"),
    "found_more": Text("（另有 {count} 处）", " ({count} more)"),
    "found_none": Text(
        "各县的规则里没有“{words}”。换一个词，或少写几个词再找。",
        "No rule has “{words}”. Try another word, or fewer.",
    ),
    "found_none_in": Text(
        "{county}的规则里没有“{words}”。换一个词，或少写几个词再找。",
        "The rules of {county} do not have “{words}”. Try another word, or fewer.",
    ),
    "tree": Text("目录", "Contents"),
    "opening": Text("正在打开…", "Opening…"),
    "opening_failed": Text("没有打开，请收起再试。", "Not opened. Fold it and try again."),
    "full": Text("全文", "Full text"),
    "see_full": Text("看全文", "See the full text"),
    "current": Text("现行", "In force"),
    "number_broken": Text("文号：来源写作“{raw}”，不完整", "number: “{raw}” in the source, incomplete"),
    "number_none": Text("来源没有文号", "no number in the source"),
    "repeals": Text("废止{what}", "repeals {what}"),
    "copy_text": Text("复制原文和出处", "Copy text and citation"),
    "copy_link": Text("复制链接", "Copy link"),
    "copy_name": Text("复制文件名和文号", "Copy title and number"),
    "back": Text("返回目录", "Back to contents"),
    "cited_part": Text("所引：{label}", "Cited: {label}"),
    "first_article": Text("这是第一条", "This is the first article"),
    "last_article": Text("这是最后一条", "This is the last article"),
    "notice_and_end": Text("印发通知和版记", "Notice of issue and imprint"),
    "jump": Text("跳到", "Go to"),
    "jump_pick": Text("选一条", "an article"),
    # comparing
    "compare_matter": Text("一件事，各县怎么规定", "One matter in several counties"),
    "topic": Text("什么事", "Matter"),
    "topic_info": Text("选一件，或直接写一个问题", "Pick one, or type a question"),
    "counties": Text("哪些县", "Counties"),
    "compare": Text("对照", "Compare"),
    "compare_articles": Text("两份规则，逐条对照", "Two documents, article by article"),
    "compare_lay": Text("逐条对照", "Lay side by side"),
    "left": Text("左边", "Left"),
    "right": Text("右边", "Right"),
    "shown": Text("显示", "Show"),
    "shown_all": Text("全部条文", "All articles"),
    "shown_figures": Text("数字、期限不同的", "Where numbers or deadlines differ"),
    "shown_alone": Text("只有一方有的", "On one side only"),
    "compare_no_topic": Text("请先选一件事，或自己写一个问题。", "Please pick a matter or type a question first."),
    "compare_no_counties": Text("请至少选一个县。", "Please choose at least one county."),
    "compare_no_documents": Text("请在两边各选一份规则。", "Please choose a document on each side."),
    "compare_same": Text("两边选的是同一份规则，请换一份。", "Both sides are the same document. Please change one."),
    "compare_failed": Text("没能对照，请换个说法再试。", "This could not be compared. Please put it another way."),
    "compare_nothing": Text("没有这样的条文。", "There are none."),
    "compare_count": Text(
        "对上 {paired} 条，其中 {figures} 条的数字、期限不同；只有{left}有的 {first} 条，只有{right}有的 {second} 条。",
        "{paired} pairs, {figures} of them with other numbers or deadlines; {first} in {left} only, {second} in {right} only.",
    ),
    "legend": Text("图例", "Legend"),
    "legend_solid": Text("实线", "solid"),
    "legend_dashed": Text("虚线", "dashed"),
    "legend_only": Text("只有{name}写了", "in {name} only"),
    "legend_figure": Text("数字、期限，对方没有", "a number or deadline the other lacks"),
    "legend_rest": Text("没有线的文字两边相同", "the rest is the same on both sides"),
    "figures": Text("数字、期限不同", "Other numbers or deadlines"),
    "state_alone": Text("只有{name}有", "{name} only"),
    "state_same": Text("文字相同", "Same words"),
    "state_like": Text("相近", "Alike"),
    "state_partly": Text("部分相近", "Partly alike"),
    "state_moved": Text("，位置不同", ", in another place"),
    "side_none": Text("{name}没有对应的条文", "{name} has no such article"),
    "side_near": Text("{name}没有单独的条文，相近内容在", "{name} has no article of its own; see"),
    # tables of questions
    "batch_title": Text("成批提问", "Many questions at once"),
    "batch_hint": Text(
        "上传一张表，第一行是列名，其中一列叫“问题”；可以另有“县”“身份”“编号”，其余各列原样保留。一次最多 {most} 个问题、{size}。文件和回答只存在本机，一天后删除。",
        "Upload a table whose first row names the columns, one of them 问题; 县, 身份 and 编号 may be there as well, and other columns are kept. At most {most} questions and {size}. Files stay on this machine and are removed after a day.",
    ),
    "batch_table": Text("问题表（.xlsx、.csv、.jsonl）", "Questions (.xlsx, .csv, .jsonl)"),
    "batch_form": Text("回答写成", "Answers as"),
    "batch_xlsx": Text("Excel、WPS 表格（.xlsx）", "Excel (.xlsx)"),
    "batch_jsonl": Text("JSON 行（.jsonl）", "JSON lines (.jsonl)"),
    "batch_start": Text("开始回答", "Start"),
    "batch_answers": Text("回答", "Answers"),
    "batch_no_file": Text("请先选一个文件。", "Please choose a file first."),
    "batch_waiting": Text("已收到，前面的做完就开始…", "Received; it starts when those before it are done…"),
    "batch_doing": Text("正在回答：{done} / {total} 个不同的问题", "Answering: {done} / {total} different questions"),
    "batch_left": Text("，每秒 {rate} 个，还要约 {left}", ", {rate} a second, about {left} left"),
    "batch_progress": Text("进度", "Progress"),
    "batch_done": Text("做完了，可以下载。", "Done; ready for download."),
    "upload_drop": Text("将文件拖放到此处", "Drop File Here"),
    "upload_name": Text("点击上传，或把文件拖到这里", "Click to upload, or drop a file"),
    "upload_or": Text("- 或 -", "- or -"),
    "upload_click": Text("点击上传", "Click to Upload"),
    # the foot
    "foot_corpus": Text(
        "收入 {count} 份规则（{names}），最近一份{date}印发，文本校验码 {digest}。",
        "{count} documents ({names}), the latest issued {date}; text digest {digest}.",
    ),
    "foot_local": Text(
        "本页不连接外网，不用外部字体、脚本和统计。回答供查阅，办理公务以正式文件为准。",
        "This page makes no external request: no outside fonts, scripts or analytics. For reference; the issued document prevails.",
    ),
}


def say(key: str, **values: object) -> str:
    """Return a text in Chinese, filled in."""
    return TEXTS[key].zh.format(**values)


def catalogue() -> str:
    """Write all texts as JSON, for the page."""
    return json.dumps({key: list(text) for key, text in TEXTS.items()}, ensure_ascii=False)
