"""Tells whether the schedule of a CronJob comes due within a number of seconds.

The rules are those of github.com/robfig/cron v3 (parser.go, ParseStandard), which the CronJob controller uses: five
fields and descriptors. `@every`, and a schedule with a time zone of its own, are not supported here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone, tzinfo

from msgspec import Struct

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class _Bounds(Struct, frozen=True):
    lowest: int
    highest: int
    names: str = ""

    def number(self, text: str) -> int:
        """Raises ValueError."""
        names = self.names.split()
        return names.index(text.lower()) + self.lowest if text.lower() in names else int(text)


_FIELDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    _Bounds(0, 6, "sun mon tue wed thu fri sat"),
)
"""Minute, hour, day of the month, month, day of the week. 7 is not a valid day of the week."""

_LONGEST = timedelta(days=366)


def comes_due(schedule: str, zone: str | None, now: datetime, seconds: float) -> bool | None:
    """Whether a run is due within so many seconds after `now` (a time with its zone).

    `zone` is `spec.timeZone`. None means the controller's own zone, which the API does not show: UTC is assumed. The
    answer is None if the schedule or the zone cannot be parsed, and if `seconds` is more than a year.
    """
    fields, place = _parsed(schedule), _zone(zone)
    if fields is None or place is None or seconds > _LONGEST.total_seconds():
        return None
    minute = now.astimezone(timezone.utc).replace(second=0, microsecond=0)
    end = now + timedelta(seconds=seconds)
    while (minute := minute + timedelta(minutes=1)) <= end:
        if _matches(fields, minute.astimezone(place)):
            return True
    return False


class _Field(Struct, frozen=True):
    """The values that a field allows. `is_star` means all values; then the other field of days alone decides."""

    values: frozenset[int]
    is_star: bool


def _matches(fields: tuple[_Field, ...], at: datetime) -> bool:
    minute, hour, day, month, weekday = fields
    if not (at.minute in minute.values and at.hour in hour.values and at.month in month.values):
        return False
    days = (at.day in day.values, at.isoweekday() % 7 in weekday.values)
    return all(days) if day.is_star or weekday.is_star else any(days)


def _parsed(schedule: str) -> tuple[_Field, ...] | None:
    texts = _DESCRIPTORS.get(schedule, schedule).split()
    if len(texts) != len(_FIELDS):
        return None
    try:
        return tuple(_field(text, bounds) for text, bounds in zip(texts, _FIELDS, strict=True))
    except ValueError:
        return None


def _field(text: str, bounds: _Bounds) -> _Field:
    """Raises ValueError."""
    values: set[int] = set()
    is_star = False
    for part in text.split(","):
        found, star = _range(part, bounds)
        values.update(found)
        is_star = is_star or star
    return _Field(frozenset(values), is_star)


def _range(text: str, bounds: _Bounds) -> tuple[Iterable[int], bool]:
    """`*`, `5`, `1-5`, `*/2`, `5/10` (to the highest). Raises ValueError."""
    span, slash, step_text = text.partition("/")
    step = int(step_text) if slash else 1
    if span in ("*", "?"):
        return range(bounds.lowest, bounds.highest + 1, step), step == 1
    low_text, dash, high_text = span.partition("-")
    low = bounds.number(low_text)
    high = bounds.number(high_text) if dash else bounds.highest if slash else low
    if not bounds.lowest <= low <= high <= bounds.highest:
        raise ValueError(text)
    return range(low, high + 1, step), False


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return timezone.utc
    from zoneinfo import ZoneInfo  # only here: it costs start-up

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return None
