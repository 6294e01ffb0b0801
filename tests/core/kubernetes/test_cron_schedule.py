"""Whether a run of a CronJob is due in time, by the rules of robfig/cron."""

from datetime import datetime, timezone

import pytest

from kubectl_caps.core.kubernetes.cron_schedule import comes_due

NOW = datetime(2026, 11, 28, 21, 33, 20, tzinfo=timezone.utc)  # a Saturday
DAY = 86400


@pytest.mark.parametrize(
    ("schedule", "zone", "seconds", "due"),
    [
        ("* * * * *", None, 40, True), ("* * * * *", None, 39, False), ("? ? ? ? ?", None, 40, True),
        ("40 21 * * *", None, 600, True), ("44 21 * * *", None, 600, False), ("30 21 * * *", None, 600, False),
        ("40 22 * * *", "Europe/Berlin", 600, True), ("40 22 * * *", None, 600, False),
        ("*/5 * * * *", None, 100, True), ("*/5 * * * *", None, 99, False), ("0-30/5 * * * *", None, 600, False),
        ("34/20 * * * *", None, 60, True), ("1,2,36 * * * *", None, 200, True),
        ("35-36 21-22 * * *", None, 120, True),
        ("@hourly", None, 1700, True), ("@hourly", None, 1500, False),
        ("@daily", None, DAY, True), ("@midnight", None, 60, False),
        ("@weekly", None, DAY, True), ("@monthly", None, DAY, False), ("@yearly", None, 30 * DAY, False),
        ("0 0 * * sun", None, DAY, True), ("0 0 * * SAT", None, DAY, False), ("0 0 * * 0", None, DAY, True),
        ("0 0 29 nov *", None, DAY, True), ("0 0 29 dec *", None, DAY, False), ("0 0 29 12 *", None, 40 * DAY, True),
        ("0 0 13 * 0", None, DAY, True), ("0 0 13 * 1", None, DAY, False), ("0 0 29 * 1", None, DAY, True),
        ("0 0 */2 * 0", None, DAY, True), ("0 0 30 2 *", None, 300 * DAY, False),
    ],
)  # fmt: skip
def test_a_schedule_is_due_within_the_seconds_or_not(
    schedule: str, zone: str | None, seconds: float, due: bool
) -> None:
    assert comes_due(schedule, zone, NOW, seconds) is due


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [
        ("@every 1h", None), ("TZ=UTC * * * * *", None), ("* * * *", None), ("0 0 * * 7", None), ("60 * * * *", None),
        ("5-1 * * * *", None), ("*/0 * * * *", None), ("x * * * *", None), ("", None), ("* * * * *", "Mars/Base"),
        ("* * * * *", "../etc/passwd"), ("@reboot", None),
    ],
)  # fmt: skip
def test_an_unreadable_schedule_has_no_answer(schedule: str, zone: str | None) -> None:
    assert comes_due(schedule, zone, NOW, 600) is None


def test_a_time_without_a_limit_has_no_answer() -> None:
    assert comes_due("0 0 30 2 *", None, NOW, float("inf")) is None
