//! Times as people write them: how long ago, what o'clock, or which day.

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan, Zoned};

use crate::failure::Failure;
use crate::output::local_zone;

/// A moment; the proto's form of it is what the daemon is asked with.
pub type Moment = prost_types::Timestamp;

/// What the help says about it.
pub const HELP: &str = "10min, 2h, '3 days', yesterday, 14:30, '2026-11-22 14:30', @SECONDS";

/// Reads a time in this host's zone.
///
/// # Errors
/// One sentence with examples.
pub fn parse(text: &str) -> Result<Moment, String> {
    let now = Timestamp::now().to_zoned(local_zone());
    let moment =
        resolve(text.trim(), &now).ok_or_else(|| format!("this is no time; such as {HELP}"))?;
    Ok(Moment {
        seconds: moment.as_second(),
        nanos: moment.subsec_nanosecond(),
    })
}

/// Whether there is any time between the two.
///
/// # Errors
/// One sentence, when there is none.
pub fn in_order(since: Option<Moment>, until: Option<Moment>) -> Result<(), Failure> {
    let key = |moment: Moment| (moment.seconds, moment.nanos);
    match (since.map(key), until.map(key)) {
        (Some(since), Some(until)) if since >= until => {
            Err(Failure::usage("--since must lie before --until"))
        }
        _ => Ok(()),
    }
}

/// Reads a time to come: a length of time from now on, or a moment as for [`parse`].
///
/// # Errors
/// One sentence with examples.
pub fn parse_ahead(text: &str) -> Result<Moment, String> {
    let now = Timestamp::now().to_zoned(local_zone());
    let moment = resolve_ahead(text.trim(), &now);
    let moment = moment.ok_or("this is no time; such as 30d, 12h or '2026-12-24'")?;
    if moment <= now.timestamp() {
        return Err("this time has passed".to_owned());
    }
    Ok(Moment {
        seconds: moment.as_second(),
        nanos: moment.subsec_nanosecond(),
    })
}

fn resolve_ahead(text: &str, now: &Zoned) -> Option<Timestamp> {
    match text.parse::<Span>() {
        Ok(span) => now
            .checked_add(span.abs())
            .ok()
            .map(|then| then.timestamp()),
        Err(_) => resolve(text, now),
    }
}

fn resolve(text: &str, now: &Zoned) -> Option<Timestamp> {
    let zone = now.time_zone().clone();
    match text {
        "now" => return Some(now.timestamp()),
        "today" => return now.start_of_day().ok().map(|day| day.timestamp()),
        "yesterday" => {
            let day = now.checked_sub(1.day()).ok()?;
            return day.start_of_day().ok().map(|day| day.timestamp());
        }
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    if let Ok(date) = text.parse::<DateTime>() {
        return date.to_zoned(zone).ok().map(|date| date.timestamp());
    }
    if let Ok(time) = text.parse::<Time>() {
        let today = now.date().to_datetime(time).to_zoned(zone);
        return today.ok().map(|today| today.timestamp());
    }
    let span: Span = text.parse().ok()?;
    // A length of time always means that long ago.
    now.checked_sub(span.abs())
        .ok()
        .map(|then| then.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_lie_ahead_where_that_is_meant() {
        let now: Zoned = "2026-11-22T15:04:05+01:00[Europe/Berlin]"
            .parse()
            .expect("a time");
        let ahead = |text: &str| resolve_ahead(text, &now).map(|moment| moment.to_string());
        assert_eq!(ahead("30d").as_deref(), Some("2026-12-22T14:04:05Z"));
        assert_eq!(ahead("12h").as_deref(), Some("2026-11-23T02:04:05Z"));
        assert_eq!(ahead("2026-12-24").as_deref(), Some("2026-12-23T23:00:00Z"));
        assert_eq!(ahead("soon"), None);
        assert!(parse_ahead("2020-01-01").is_err_and(|why| why.contains("passed")));
    }

    #[test]
    fn times_are_read_as_people_mean_them() {
        let now: Zoned = "2026-11-22T15:04:05+01:00[Europe/Berlin]"
            .parse()
            .expect("a time");
        let check = |text: &str, expected: &str| {
            let found = resolve(text, &now).map(|moment| moment.to_string());
            assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
        };
        check("now", "2026-11-22T14:04:05Z");
        check("today", "2026-11-21T23:00:00Z");
        check("yesterday", "2026-11-20T23:00:00Z");
        check("10min", "2026-11-22T13:54:05Z");
        check("2h", "2026-11-22T12:04:05Z");
        check("2h 30m", "2026-11-22T11:34:05Z");
        check("3 days", "2026-11-19T14:04:05Z");
        check("3 days ago", "2026-11-19T14:04:05Z");
        check("1 month", "2026-10-22T13:04:05Z");
        check("14:30", "2026-11-22T13:30:00Z");
        check("2026-11-20", "2026-11-19T23:00:00Z");
        check("2026-11-20 14:30", "2026-11-20T13:30:00Z");
        check("2026-07-20T14:30:10", "2026-07-20T12:30:10Z");
        check("2026-11-20T14:30:10Z", "2026-11-20T14:30:10Z");
        check("@1700000000", "2023-11-14T22:13:20Z");
        for nonsense in [
            "",
            "soon",
            "25:00",
            "2026-13-01",
            "@x",
            "10 parsecs",
            "\x1b[2J",
        ] {
            check(nonsense, "-");
        }
    }
}
