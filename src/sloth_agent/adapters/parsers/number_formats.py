"""Numbers of a workbook as its cells show them: dates, percent, currency, decimals."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from sloth_agent.adapters.parsers.xml import Element

# The formats that every workbook has without naming them; 14 to 22 are dates and times.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss",
}  # fmt: skip
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|\[[^\]]*\]|_.|\*.|(?P<ampm>AM/PM|A/P)"
    r"|(?P<date>[ymdhs]+)|(?P<number>[0#?][0#?,.]*|\.[0#?]+)|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_DOTTED = re.compile(r"d{1,2}\.m{1,2}\.y{2,4}", re.IGNORECASE)
_LARGEST_DATE = 2_958_466  # the day after 9999-12-31


class NumberFormats:
    """The styles of one workbook."""

    def __init__(self, styles: Element | None, *, since_1904: bool) -> None:
        self._first_day = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone
        self._formats = list(_cell_formats(styles)) if styles is not None else []

    def shown(self, value: str, style: str | None) -> str:
        """Return what a cell shows; a value that is no number as it is."""
        try:
            number = float(value)
        except ValueError:
            return value
        index = int(style) if style and style.isdecimal() else 0
        code = self._formats[index] if index < len(self._formats) else ""
        if not code or not abs(number) < 1e300:  # also where it is no number
            return plain(number)
        return self._formatted(number, code)

    def _formatted(self, number: float, code: str) -> str:
        form = _parsed(code, _section(number, code))
        if form.is_date:
            if not 0 <= number < _LARGEST_DATE:
                return plain(number)
            return form.moment(number, self._first_day)
        return form.amount(number)


def _cell_formats(styles: Element) -> Iterator[str]:
    own = {
        element.get("numFmtId", ""): element.get("formatCode", "")
        for element in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    for element in styles.iterfind("{*}cellXfs/{*}xf"):
        id = element.get("numFmtId", "0")
        code = own.get(id) or (_BUILT_IN.get(int(id), "") if id.isdecimal() else "")
        yield "" if code.lower() in {"general", "@"} else code


def plain(number: float) -> str:
    """Up to 11 digits, as an unformatted cell shows them."""
    if abs(number) < 1e15 and number.is_integer():
        return str(int(number))
    return format(number, ".11g")


def _section(number: float, code: str) -> int:
    """Formats may differ for positive; negative; zero."""
    sections = len(_sections(code))
    if number < 0 and sections > 1:
        return 1
    if number == 0 and sections > 2:
        return 2
    return 0


@lru_cache(maxsize=512)
def _sections(code: str) -> list[str]:
    return re.findall(r'(?:"[^"]*"|\\.|[^;"\\])+', code) or [code]


@lru_cache(maxsize=512)
def _parsed(code: str, section: int) -> "_Format":
    return _Format(_sections(code)[section], signed=section != 1)


class _Format:
    def __init__(self, code: str, *, signed: bool) -> None:
        self._code = code
        self._signed = signed
        before: list[str] = []
        after: list[str] = []
        self.pattern = ""
        self.is_date = False
        self._elapsed = False
        for token in _TOKEN.finditer(code):
            if token["date"] or token["elapsed"] or token["ampm"]:
                self.is_date = True
                self._elapsed |= token["elapsed"] is not None
            elif token["number"]:
                self.pattern += token["number"]
            else:
                text = next((text for text in token.groups() if text is not None), "")
                (after if self.pattern else before).append(text)
        self._before, self._after = "".join(before), "".join(after)
        letters = re.sub(r'"[^"]*"|\\[a-z]|\[[^\]]*\]|\\', "", code.lower())
        self._has_day = "y" in letters or "d" in letters
        self._has_clock = "h" in letters or "s" in letters or self._elapsed
        self._has_seconds = "s" in letters
        self._dotted = _DOTTED.search(letters) is not None

    def amount(self, number: float) -> str:
        """Group marks are left out: they differ by country, and a search looks for digits."""
        if not self.pattern:
            literal = self._before.strip()
            return literal or plain(number)
        scaled = number * 100 if "%" in self._before + self._after else number
        sign = "-" if scaled < 0 and self._signed else ""
        decimals = self.pattern.partition(".")[2]
        text = format(abs(scaled), f".{min(len(decimals), 15)}f")
        if decimals:
            optional = len(decimals) - len(decimals.rstrip("#?"))
            whole, _, part = text.partition(".")
            kept = part[: len(part) - optional] + part[len(part) - optional :].rstrip("0")
            text = f"{whole}.{kept}" if kept else whole
        return f"{sign}{self._before}{text}{self._after}"

    def moment(self, number: float, first_day: datetime) -> str:
        seconds = round(number * 86_400)
        if self._elapsed:
            hours, rest = divmod(seconds, 3600)
            return f"{hours}:{rest // 60:02}" + (f":{rest % 60:02}" if self._has_seconds else "")
        if number < 60 and first_day.year == 1899 and self._has_day:
            seconds += 86_400  # the calendar of Excel has a 29 February 1900
        moment = first_day + timedelta(seconds=seconds)
        day = moment.strftime("%d.%m.%Y") if self._dotted else moment.strftime("%Y-%m-%d")
        clock = moment.strftime("%H:%M:%S" if self._has_seconds else "%H:%M")
        if not self._has_clock:
            return day
        return f"{day} {clock}" if self._has_day else clock
