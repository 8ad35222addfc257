"""-m time: judged for the moment at which the rules were collected."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_DAY = timedelta(days=1)
_LAST_SECOND = 24 * 60 * 60 - 1
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d)(?::(\d\d))?(?::(\d\d))?)?")
_WEEKDAYS = {name: position for position, name in enumerate(calendar.day_abbr, start=1)}
_ALL_WEEKDAYS, _ALL_MONTHDAYS = frozenset(range(1, 8)), frozenset(range(1, 32))
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)
"""What leaving out --datestart and --datestop stands for (libxt_time)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOfDay:
    """Kernel: xt_time.c, time_mt; in UTC."""

    first: datetime
    last: datetime
    start: int
    stop: int
    """Seconds since midnight, inclusive."""
    weekdays: frozenset[int]
    """1 is Monday."""
    monthdays: frozenset[int]
    contiguous: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        seconds = ctx.stack.ns.collected
        if not seconds:
            return Unknown("when the rules were collected is not known")
        ctx.assume("-m time is judged for the moment of the snapshot")
        return self.covers(datetime.fromtimestamp(int(seconds), UTC))

    def covers(self, moment: datetime) -> bool:
        if not self.first <= moment <= self.last:
            return False
        second = moment.hour * 3600 + moment.minute * 60 + moment.second
        if self.start < self.stop:
            if not self.start <= second <= self.stop:
                return False
        else:
            if self.stop < second < self.start:
                return False
            if self.contiguous and second <= self.stop:
                moment -= _DAY
        return moment.isoweekday() in self.weekdays and moment.day in self.monthdays


def _parse(options: Options) -> TimeOfDay:
    if options.has("--kerneltz"):
        raise Unreadable("--kerneltz, a time zone that is not collected,")
    return TimeOfDay(
        first=_date(options.find("--datestart"), _FIRST),
        last=_date(options.find("--datestop"), _LAST),
        start=_clock(options.find("--timestart"), 0),
        stop=_clock(options.find("--timestop"), _LAST_SECOND),
        weekdays=_days(options.find("--weekdays"), _ALL_WEEKDAYS),
        monthdays=_days(options.find("--monthdays"), _ALL_MONTHDAYS),
        contiguous=options.has("--contiguous"),
    )


def _date(option: Option | None, default: datetime) -> datetime:
    if option is None:
        return default
    found = _DATE.fullmatch(option.values[0])
    if found is None:
        raise Unreadable(f"{option.name} {option.values[0]}")
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups())
    try:
        return datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _clock(option: Option | None, default: int) -> int:
    if option is None:
        return default
    found = _CLOCK.fullmatch(option.values[0])
    if found is None:
        raise Unreadable(f"{option.name} {option.values[0]}")
    hour, minute, second = (int(part or 0) for part in found.groups())
    return hour * 3600 + minute * 60 + second


def _days(option: Option | None, everything: frozenset[int]) -> frozenset[int]:
    if option is None:
        return everything
    days = frozenset(_WEEKDAYS.get(name) or number(name, 31) for name in option.values[0].split(","))
    return everything - days if option.negated else days


_WITH_VALUE = ("--datestart", "--datestop", "--timestart", "--timestop", "--weekdays", "--monthdays")

KINDS = {
    "time": MatchKind(
        {**dict.fromkeys(_WITH_VALUE, 1), "--contiguous": 0, "--kerneltz": 0, "--utc": 0}, _parse
    )
}
