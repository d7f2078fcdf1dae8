//! What a back-test found, day by day.

use super::Look;
use super::table::{Row, right, table, text};
use crate::command::backtest::rules::Day;

/// A line for each day and rule, with what the first alert would have said.
pub fn days(days: &[&Day], look: &Look) -> String {
    if days.is_empty() {
        return "nothing would have matched\n".to_owned();
    }
    let rows = days.iter().map(|day| Row {
        cells: vec![
            text(&day.day),
            right(day.matches),
            right(day.alerts),
            text(&day.rule),
        ],
        remarks: match day.first.is_empty() {
            true => Vec::new(),
            false => vec![day.first.clone()],
        },
    });
    let names = ["DAY", "MATCHES", "ALERTS", "RULE"];
    table(look, &names, rows.collect()).text()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PLAIN, check_golden};
    use super::*;

    #[test]
    fn each_day_has_a_line() {
        let day = |day: &str, matches, alerts, first: &str| Day {
            day: day.to_owned(),
            rule: "Decode Base64".to_owned(),
            matches,
            alerts,
            first: first.to_owned(),
        };
        let found = [
            day(
                "2026-11-20",
                1234,
                20,
                "Decode Base64: base64 (pid 7, ann) ran base64 -d \x1b[2J",
            ),
            day("2026-11-21", 1, 0, ""),
        ];
        let found: Vec<&Day> = found.iter().collect();
        let shown = days(&found, &PLAIN) + &days(&[], &PLAIN);
        check_golden("backtest", &shown);
    }
}
