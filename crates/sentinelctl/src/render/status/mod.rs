//! The status of the sensor on one screen.

mod head;
mod tables;
#[cfg(test)]
mod tests;

use anstyle::Style;
use sentinel_api::v1::{Mode, ModeState, StatusResponse};

use super::table::Block;
use super::{BOLD, Look, PLAIN, WARN};

/// Everything that `sentinelctl status` shows.
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
    format!("{}\n{}", head::head(status, look), body.text())
}

/// The mode and since when, as one sentence.
pub fn mode(state: &ModeState, look: &Look) -> String {
    let name = look.paint(BOLD, mode_name(state));
    format!("{name} since {}", look.date(state.since.as_ref()))
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
