//! Times as text, for people and for SQL's comparisons.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The name under which SQL knows the order of times.
pub(crate) const COLLATION: &str = "TIME";

/// Length of a time as [`format()`] writes it.
const FORMATTED_BYTES: usize = "2026-11-22T10:00:00.123456789Z".len();

/// A time in nanoseconds since the Unix epoch as RFC 3339 text in UTC, always with
/// nine digits of fraction, so that texts sort as their times.
pub fn format(time_ns: i64) -> String {
    Timestamp::from_nanosecond(time_ns.into())
        .map(|time| format!("{time:.9}"))
        .unwrap_or_default()
}

/// The time in nanoseconds since the Unix epoch that a text means: RFC 3339; or a date,
/// or date and time, which is taken as UTC; or a number, since the Unix epoch, in
/// seconds, milliseconds, microseconds or nanoseconds by its size.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        let scale = match number.unsigned_abs() {
            0..100_000_000_000 => 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return number.checked_mul(scale);
    }
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// The order of texts that are times; of other texts, by their bytes.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    if is_formatted(a) && is_formatted(b) {
        return a.cmp(b);
    }
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// Whether a text looks as [`format()`] writes it, so that its bytes tell the order.
fn is_formatted(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == FORMATTED_BYTES
        && bytes[10] == b'T'
        && bytes[19] == b'.'
        && bytes.last() == Some(&b'Z')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_NS: i64 = 1_795_348_800_000_000_000;

    #[test]
    fn what_users_type_is_understood() {
        for text in [
            "2026-11-22T12:00:00.000000000Z",
            "2026-11-22T12:00Z",
            "2026-11-22T14:00:00+02:00",
            "2026-11-22 12:00:00",
            "2026-11-22T12:00",
            "2026-11-22T12",
            "1795348800",
            "1795348800000",
            "1795348800000000",
            "1795348800000000000",
        ] {
            assert_eq!(parse(text), Some(NOON_NS), "{text}");
        }
        assert_eq!(parse("2026-11-22"), Some(NOON_NS - 43_200_000_000_000));
        assert_eq!(parse("noon"), None);
        assert_eq!(format(NOON_NS + 7), "2026-11-22T12:00:00.000000007Z");
        assert_eq!(parse(&format(-1)), Some(-1));
    }

    #[test]
    fn times_compare_as_times_in_every_form() {
        let stored = format(NOON_NS + 5);
        for (other, expected) in [
            ("2026-11-22 12:00:00", Ordering::Greater),
            ("2026-11-22 12:00:01", Ordering::Less),
            ("2026-11-22T13:30:00+02:00", Ordering::Greater),
            ("2026-11-22", Ordering::Greater),
            ("2026-11-23", Ordering::Less),
            ("1795348800", Ordering::Greater),
            ("2026-11", Ordering::Greater),
            ("2026-12", Ordering::Less),
        ] {
            assert_eq!(compare(&stored, other), expected, "{other}");
            assert_eq!(compare(other, &stored), expected.reverse(), "{other}");
        }
    }
}
