//! Durations and sizes as people write them: `90s`, `1h30m`, `5分钟`, `64MiB`.

use std::time::Duration;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Every spelling of a unit of time. A month or a year has no fixed length and is left out.
const TIMES: &[(&str, u64)] = &[
    ("ms", 1),
    ("毫秒", 1),
    ("s", SECOND_MS),
    ("秒", SECOND_MS),
    ("秒钟", SECOND_MS),
    ("m", MINUTE_MS),
    ("min", MINUTE_MS),
    ("分", MINUTE_MS),
    ("分钟", MINUTE_MS),
    ("h", HOUR_MS),
    ("时", HOUR_MS),
    ("小时", HOUR_MS),
    ("d", DAY_MS),
    ("天", DAY_MS),
    ("日", DAY_MS),
];

/// Powers of 1024 only: `MB` means two different things to two different people.
const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: write a number and a unit, such as 90s, 5m, 2h, 30d, 5分钟, 2小时 or 3天")]
pub struct BadDuration {
    text: String,
}

/// A text that is not a number of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a size: write a number and B, KiB, MiB, GiB or TiB, such as 64MiB")]
pub struct BadSize {
    text: String,
}

/// Reads `90s`, `5m`, `2h`, `30d`, `500ms`, `1h30m`, `5分钟`, `2小时`, `3天`. A bare number is refused: nobody
/// can tell what it counts.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration { text: shown(text) };
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(bad)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let ms = multiplier(TIMES, after[..end].trim()).ok_or_else(bad)?;
        total = number.checked_mul(ms).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = &after[end..];
    }
    Ok(Duration::from_millis(total))
}

/// Reads `512B`, `64KiB`, `64 MiB`, `2GiB`.
pub fn parse_size(text: &str) -> Result<u64, BadSize> {
    let bad = || BadSize { text: shown(text) };
    let (number, unit) = split_number(text.trim()).ok_or_else(bad)?;
    multiplier(SIZES, unit.trim()).and_then(|bytes| number.checked_mul(bytes)).ok_or_else(bad)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

fn multiplier(table: &[(&str, u64)], unit: &str) -> Option<u64> {
    table.iter().find(|(name, _)| *name == unit).map(|(_, by)| *by)
}

/// An error repeats what was written, but not a whole file of it.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("5m", 300),
            ("2h", 7200),
            ("30d", 2_592_000),
            ("1h30m", 5400),
            ("5分钟", 300),
            ("2小时", 7200),
            ("3天", 259_200),
            ("1小时30分", 5400),
            (" 10 s ", 10),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_examples() {
        for text in
            ["", "90", "s", "-5s", "1.5h", "5 fortnights", "5m!", "99999999999999999999s", "184467440737095516d"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        let sentence = parse_duration("90").unwrap_err().to_string();
        assert_eq!(
            sentence,
            "`90` is not a duration: write a number and a unit, such as 90s, 5m, 2h, 30d, 5分钟, 2小时 or 3天"
        );
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("1 KiB"), Ok(1024));
        assert_eq!(parse_size("7B"), Ok(7));
        for text in ["", "64", "64MB", "64mib", "-1MiB", "99999999999TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
