//! The status of the sensor on one screen.

mod brief;
mod head;
mod tables;
#[cfg(test)]
mod tests;

use anstyle::Style;
use sentinel_api::v1::{Alert, Mode, ModeState, StatusResponse};

use super::table::Block;
use super::{BOLD, Look, PLAIN, WARN, alert, cut};
use sentinel_event::text::escape;

/// What `sentinelctl status` shows: how it is, on one screen.
pub fn summary(status: &StatusResponse, look: &Look) -> String {
    head::head(status, look, false) + &brief::brief(status, look)
}

/// What `sentinelctl status --all` shows: every hook and counter too.
pub fn screen(status: &StatusResponse, look: &Look) -> String {
    let events = Block::stack(vec![
        tables::kinds(status, look),
        tables::rings(status, look),
    ]);
    let stages = Block::stack(vec![
        tables::queues(status, look),
        tables::detections(status, look),
    ]);
    let body = Block::stack(vec![
        tables::hooks(&status.hooks, look),
        events.beside(stages, look),
    ]);
    format!("{}\n{}", head::head(status, look, true), body.text())
}

/// The latest alerts below the screen, newest last; nothing when there are none.
pub fn latest(alerts: &[Alert], look: &Look) -> String {
    if alerts.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", look.paint(BOLD, "LATEST ALERTS"));
    for alert in alerts {
        let line = alert::line(alert, look);
        // Colours take no room on the screen, so a coloured line cannot be cut by its length.
        let line = match (look.width, look.colour) {
            (Some(width), false) => cut(&line, width),
            _ => line,
        };
        text += &line;
        text.push('\n');
    }
    text
}

/// The mode and since when, as one sentence.
pub fn mode(state: &ModeState, look: &Look) -> String {
    let name = look.paint(BOLD, mode_name(state));
    let until = state
        .until
        .as_ref()
        .map(|until| format!(", until {}", look.date(Some(until))));
    let mut text = format!(
        "{name} since {}{}",
        look.date(state.since.as_ref()),
        until.unwrap_or_default()
    );
    for warning in &state.warnings {
        text += &format!("\n{}", look.paint(WARN, &escape(warning)));
    }
    text
}

fn mode_name(state: &ModeState) -> &'static str {
    match state.mode() {
        Mode::Learn => "learn",
        Mode::Detect => "detect",
        Mode::Unspecified => "unknown",
    }
}

/// How a count that should be 0 looks.
fn loss_style(count: u64) -> Style {
    if count == 0 { PLAIN } else { WARN }
}
