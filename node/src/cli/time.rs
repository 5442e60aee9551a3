//! Moments and spans as people write and read them: Beijing time, 24 hours; machines read RFC 3339 with the offset.

use std::time::Duration;

use time::{
    Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::{format_description, offset},
};

use super::words::Words;
use crate::io::Timestamp;

const BEIJING: UtcOffset = offset!(+8);
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[month]-[day] [hour]:[minute]:[second]");
const HOUR: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const CLOCK_MS: &[BorrowedFormatItem<'_>] =
    format_description!("[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");

/// `09-19 08:44:10`; a dash for a moment that is not set.
pub fn clock(us: i64) -> String {
    formatted(us, CLOCK)
}

/// `08:44`.
pub fn hour(us: i64) -> String {
    formatted(us, HOUR)
}

/// `09-19 08:44:10.112`.
pub fn clock_ms(us: i64) -> String {
    formatted(us, CLOCK_MS)
}

/// `2026-09-19T08:44:10.112+08:00`, or nothing.
pub fn rfc3339(us: i64) -> Option<String> {
    if us == 0 { None } else { beijing(us)?.format(&Rfc3339).ok() }
}

/// `2026-09-19T08:44:10+08:00`, or nothing: as systems that warn the public write it.
pub fn seconds(us: i64) -> Option<String> {
    rfc3339(us - us.rem_euclid(1_000_000))
}

/// `2026年9月19日`, as papers are dated.
pub fn day(us: i64, words: &Words) -> String {
    let Some(at) = beijing(us).filter(|_| us != 0) else { return dash() };
    let month = u8::from(at.month());
    let args = [("year", at.year().to_string().into()), ("month", month.into()), ("day", at.day().into())];
    words.say("date-long", &args)
}

/// `09-19 08:44:10 (2 分前)`.
pub fn clock_and_age(us: i64, now: Timestamp, words: &Words) -> String {
    if us == 0 {
        return dash();
    }
    let age = match us.checked_sub(now.us()) {
        Some(ahead) if ahead > 0 => words.say("time-ahead", &[("span", about(micros(ahead), words).into())]),
        _ => ago(us, now, words),
    };
    format!("{} ({age})", clock(us))
}

/// `2 分前`.
pub fn ago(us: i64, now: Timestamp, words: &Words) -> String {
    let age = now.since(Timestamp::from_us(us));
    if age < Duration::from_secs(1) {
        return words.text("time-just-now");
    }
    words.say("time-ago", &[("span", about(age, words).into())])
}

/// A span in one or two units, for ages: `12 秒`, `38 分`, `3 天 4 时`.
pub fn about(span: Duration, words: &Words) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds < 60 {
        words.say("span-seconds", &[("n", seconds.into())])
    } else if minutes < 60 {
        words.say("span-minutes", &[("n", minutes.into())])
    } else if hours < 24 {
        words.say("span-hours", &[("h", hours.into()), ("m", (minutes % 60).into())])
    } else {
        words.say("span-days", &[("d", days.into()), ("h", (hours % 24).into())])
    }
}

/// A span measured, for legs and latencies: `640 µs`, `12 ms`, `0.6 s`, `28.4 s`, `1:20`, `2:05:00`.
pub fn measured(span: Duration) -> String {
    let us = span.as_micros();
    let seconds = span.as_secs();
    if us < 1_000 {
        format!("{us} µs")
    } else if us < 10_000 {
        format!("{}.{} ms", us / 1_000, us % 1_000 / 100)
    } else if us < 500_000 {
        format!("{} ms", us / 1_000)
    } else if seconds < 60 {
        format!("{}.{} s", seconds, us % 1_000_000 / 100_000)
    } else if seconds < 3600 {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// A clock's difference and how far it may be trusted: `+0.004±0.011 s`.
pub fn offset(us: i64, uncertainty_us: u32) -> String {
    let sign = if us < 0 { '-' } else { '+' };
    let seconds = |us: u64| format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000);
    format!("{sign}{}±{} s", seconds(us.unsigned_abs()), seconds(uncertainty_us.into()))
}

/// A clock's difference: `+0.004 s`.
pub fn signed(us: i64) -> String {
    let (sign, us) = (if us < 0 { '-' } else { '+' }, us.unsigned_abs());
    format!("{sign}{}.{:03} s", us / 1_000_000, us / 1_000 % 1_000)
}

/// Microseconds as a span; nothing is shorter than nothing.
pub fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// A span somebody typed: `90s`, `5m`, `2h`, `1h30m`, `5分钟`.
pub fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let seconds = match unit.trim() {
            "ms" | "毫秒" => {
                sum = sum.checked_add(Duration::from_millis(number.parse().ok()?))?;
                0
            }
            "s" | "秒" => 1,
            "m" | "min" | "分" | "分钟" => 60,
            "h" | "时" | "小时" => 3600,
            "d" | "天" => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))?;
        rest = tail;
    }
    Some(sum)
}

/// A moment somebody typed, in Beijing time: `08:42`, `昨天 08:42`, `09-19 08:42`, `2026-09-19 08:42:10`, RFC 3339,
/// `now`, `10m ago`, `10分前`, or `+30m` from now.
pub fn moment(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    if let Ok(exact) = OffsetDateTime::parse(text, &Rfc3339) {
        return us(exact);
    }
    if matches!(text, "now" | "现在" | "刚才") {
        return Some(now.us());
    }
    if let Some(earlier) = text.strip_suffix("ago").or_else(|| text.strip_suffix('前')) {
        return Some((now - span(earlier)?).us());
    }
    if let Some(later) = text.strip_prefix('+') {
        return Some((now + span(later)?).us());
    }
    let today = beijing(now.us())?.date();
    let (day, at) = match text.rsplit_once(' ') {
        Some((day, at)) => (date(day.trim(), today)?, at),
        None => (today, text),
    };
    us(PrimitiveDateTime::new(day, time_of_day(at)?).assume_offset(BEIJING))
}

fn date(text: &str, today: Date) -> Option<Date> {
    match text {
        "今天" | "today" => return Some(today),
        "昨天" | "yesterday" => return today.previous_day(),
        "明天" | "tomorrow" => return today.next_day(),
        _ => {}
    }
    let numbers: Vec<_> = text.split('-').collect();
    let (year, month, day) = match *numbers.as_slice() {
        [year, month, day] => (year.parse().ok()?, month, day),
        [month, day] => (today.year(), month, day),
        _ => return None,
    };
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, day.parse().ok()?).ok()
}

fn time_of_day(text: &str) -> Option<Time> {
    let text = text.replace('\u{ff1a}', ":");
    let mut numbers = text.split(':').map(|number| number.parse::<u8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = match numbers.next() {
        Some(second) => second?,
        None => 0,
    };
    if numbers.next().is_some() { None } else { Time::from_hms(hour, minute, second).ok() }
}

fn us(at: OffsetDateTime) -> Option<i64> {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).ok()
}

fn beijing(us: i64) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1_000).ok()?.to_offset(BEIJING))
}

fn formatted(us: i64, how: &[BorrowedFormatItem<'_>]) -> String {
    if us == 0 {
        return dash();
    }
    beijing(us).and_then(|at| at.format(how).ok()).unwrap_or_else(dash)
}

fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::words::Lang;

    /// 2026-09-19 08:44:10 in Beijing.
    pub(in crate::cli) const MORNING: i64 = 1_789_778_650_000_000;

    #[test]
    fn people_read_beijing_time_and_machines_the_offset() {
        assert_eq!(clock(MORNING), "09-19 08:44:10");
        assert_eq!(clock_ms(MORNING + 112_000), "09-19 08:44:10.112");
        assert_eq!(rfc3339(MORNING).as_deref(), Some("2026-09-19T08:44:10+08:00"));
        assert_eq!(rfc3339(0), None);
        assert_eq!(clock(0), "–");
    }

    #[test]
    fn ages_are_told_in_either_language() {
        let (zh, en) = (Words::new(Lang::Zh), Words::new(Lang::En));
        let now = Timestamp::from_us(MORNING + 125_000_000);
        assert_eq!(clock_and_age(MORNING, now, &zh), "09-19 08:44:10 (2 分前)");
        assert_eq!(clock_and_age(MORNING, now, &en), "09-19 08:44:10 (2 min ago)");
        assert_eq!(clock_and_age(now.us() + 540_000_000, now, &zh), "09-19 08:55:15 (还有 9 分)");
        assert_eq!(about(Duration::from_secs(3 * 86_400 + 4 * 3600), &zh), "3 天 4 时");
        assert_eq!(about(Duration::from_secs(3 * 86_400 + 4 * 3600), &en), "3 d 4 h");
    }

    #[test]
    fn legs_are_short() {
        let shown = |us| measured(Duration::from_micros(us));
        assert_eq!(shown(640), "640 µs");
        assert_eq!(shown(2_950), "2.9 ms");
        assert_eq!(shown(12_300), "12 ms");
        assert_eq!(shown(619_000), "0.6 s");
        assert_eq!(shown(28_400_000), "28.4 s");
        assert_eq!(shown(80_000_000), "1:20");
        assert_eq!(shown(7_500_000_000), "2:05:00");
        assert_eq!(offset(4_000, 11_000), "+0.004±0.011 s");
        assert_eq!(offset(-1_250_000, 500), "-1.250±0.000 s");
    }

    #[test]
    fn moments_are_typed_in_many_ways() {
        let now = Timestamp::from_us(MORNING);
        let at = |text| moment(text, now).map(clock);
        assert_eq!(at("08:42").as_deref(), Some("09-19 08:42:00"));
        assert_eq!(at("8\u{ff1a}42").as_deref(), Some("09-19 08:42:00"));
        assert_eq!(at("昨天 08:42").as_deref(), Some("09-18 08:42:00"));
        assert_eq!(at("yesterday 08:42:07").as_deref(), Some("09-18 08:42:07"));
        assert_eq!(at("2026-09-01 23:59").as_deref(), Some("09-01 23:59:00"));
        assert_eq!(at("2026-09-19T00:42:00Z").as_deref(), Some("09-19 08:42:00"));
        assert_eq!(at("+30m").as_deref(), Some("09-19 09:14:10"));
        assert_eq!(at("now").as_deref(), Some("09-19 08:44:10"));
        assert_eq!(at("10m ago").as_deref(), Some("09-19 08:34:10"));
        assert_eq!(at("10分前").as_deref(), Some("09-19 08:34:10"));
        assert_eq!(at("ago"), None);
        assert_eq!(at("08"), None);
        assert_eq!(at("25:00"), None);
        assert_eq!(at("前天 08:42"), None);
    }

    #[test]
    fn spans_are_typed_in_many_ways() {
        assert_eq!(span("90s"), Some(Duration::from_secs(90)));
        assert_eq!(span("5分钟"), Some(Duration::from_secs(300)));
        assert_eq!(span("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(span("200ms"), Some(Duration::from_millis(200)));
        assert_eq!(span("90"), None);
        assert_eq!(span(""), None);
        assert_eq!(span("99999999999999999999s"), None);
    }
}
