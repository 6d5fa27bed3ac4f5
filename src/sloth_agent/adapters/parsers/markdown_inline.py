"""Markdown within a paragraph, with few of its marks.

Answers quote it: a page that shows them shall load no picture that a document names. Links, code
and bold keep their marks: words in bold are often the question that the rest answers.
"""

import re

# Every repetition has an end: a text of nothing but opening brackets takes no longer than others.
_WORDS = r"\[((?:[^\[\]\\]|\\.|\[[^\[\]]{0,300}\]){0,1000})\]"
_TARGET = (
    r"\(\s{0,9}(?:<[^<>\n]{0,2000}>|(?:[^\s()\\]|\\.|\([^\s()]{0,500}\)){0,2000})[^()\n]{0,500}\)"
)
_PICTURE = re.compile(rf"!{_WORDS}(?:{_TARGET}|\[[^\[\]]{{0,300}}\])")
_NESTED_PICTURE = re.compile(rf"!(?={_WORDS}[(\[])")
_TAG = re.compile(
    r"<img\b(?:[^<>]{0,500}?\balt=[\"']([^\"'<>]{0,500})[\"'])?[^<>]{0,2000}>", re.IGNORECASE
)
_CODE_OR_LINK = re.compile(
    rf"((?<![`\\])(?P<ticks>`{{1,3}})(?!`).{{1,2000}}?(?<!`)(?P=ticks)(?!`)|\]{_TARGET})", re.DOTALL
)
_EMPHASIS = re.compile(
    r"(?<![\\\w_])(_{1,3})(?=[^\s_])(.{1,1000}?)(?<=[^\s\\_])\1(?![\w_])"
    r"|(?<![\\\w*])(\*)(?=[^\s*])([^*\n]{1,1000}?)(?<=[^\s\\*])\*(?![\w*])"
    r"|(?<![\\~])(~~)(?=[^\s~])(.{1,1000}?)(?<=[^\s\\~])~~(?!~)",
    re.DOTALL,
)


def readable(marked: str) -> str:
    """Without the marks of emphasis; a picture is its description."""
    parts = _CODE_OR_LINK.split(without_pictures(marked))
    # Text, code or the address of a link, and the ticks around that code take turns.
    kept = [part if index % 3 else _unmarked(part) for index, part in enumerate(parts)]
    del kept[2::3]
    return "".join(kept)


def without_pictures(text: str) -> str:
    text = _PICTURE.sub(r"\1", _TAG.sub(lambda found: found[1] or "", text))
    return _NESTED_PICTURE.sub("", text)


def _unmarked(text: str) -> str:
    return _EMPHASIS.sub(lambda found: found[2] or found[4] or found[6], text)
