//! Text for people: everything here is a pure function from data to text.
//!
//! Every piece of data goes through [`escape`](sentinel_event::text::escape) on its
//! way, because file names and arguments are the attacker's.

pub mod alert;
pub mod allow;
pub mod audit;
pub mod backtest;
pub mod baseline;
pub mod config;
pub mod coverage;
pub mod doctor;
pub mod event;
pub mod rows;
pub mod rules;
pub mod simulate;
pub mod status;
mod table;
mod target;
pub mod tree;
pub mod unit;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const GOOD: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const KIND: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const PLAIN: Style = Style::new();

/// How text is to look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whether to use colours.
    pub colour: bool,
    /// The columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

impl Look {
    fn paint(&self, style: Style, text: &str) -> String {
        match self.colour {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// The time of day with milliseconds, for lines that come as they happen.
    fn clock(&self, time: Option<&prost_types::Timestamp>) -> String {
        self.time(time, "%H:%M:%S%.3f")
    }

    /// Date and time to the second.
    fn date(&self, time: Option<&prost_types::Timestamp>) -> String {
        self.time(time, "%Y-%m-%d %H:%M:%S")
    }

    fn time(&self, time: Option<&prost_types::Timestamp>, format: &str) -> String {
        let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        match time {
            Some(time) => {
                let zoned = time.to_zoned(self.zone.clone());
                zoned.strftime(format).to_string()
            }
            None => "-".to_owned(),
        }
    }
}

/// How a severity looks.
fn severity_style(severity: &str) -> Style {
    match severity {
        "info" => DIM,
        "low" => KIND,
        "medium" => WARN,
        "high" => AnsiColor::Red.on_default(),
        "critical" => BAD.invert(),
        _ => PLAIN,
    }
}

/// How a state of the registries looks.
fn state_style(state: &str) -> Style {
    match state {
        "running" => GOOD,
        "failed" => BAD,
        _ => WARN,
    }
}

/// The text in at most `width` characters, with a mark where it was cut.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            kept + "…"
        }
    }
}

#[cfg(test)]
mod testing {
    use super::Look;
    use jiff::tz::TimeZone;
    use std::path::PathBuf;
    use std::{env, fs};

    /// Text as a file would get it.
    pub const PLAIN: Look = Look {
        colour: false,
        width: None,
        zone: TimeZone::UTC,
    };

    /// Compares with `tests/golden/NAME.txt`; UPDATE_GOLDEN=1 writes it instead.
    pub fn check_golden(name: &str, actual: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name)
            .with_extension("txt");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, actual).expect("the folder of golden files is writable");
            return;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            expected == actual,
            "{} differs (UPDATE_GOLDEN=1 accepts):\n--- expected\n{expected}\n--- actual\n{actual}",
            path.display()
        );
    }

    /// A time in the golden files: 2023-11-14 22:13:20 UTC and some milliseconds.
    pub fn time(seconds: i64, millis: i32) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp {
            seconds: 1_700_000_000 + seconds,
            nanos: millis * 1_000_000,
        })
    }
}
