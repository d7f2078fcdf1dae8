//! What the tables say, in a line each: enough to see whether one must look at them.

use std::collections::BTreeSet;

use sentinel_api::v1::{Hook, StatusResponse};
use sentinel_event::text::escape;

use super::loss_style;
use crate::render::unit::counted;
use crate::render::{BAD, DIM, Look, WARN};

/// Hooks, events with their losses, and detections.
pub fn brief(status: &StatusResponse, look: &Look) -> String {
    let lines = [
        format!("{:<11}{}", "Hooks", hooks(&status.hooks, look)),
        format!("{:<11}{}", "Events", events(status, look)),
        format!("{:<11}{}", "Detections", detections(status, look)),
    ];
    let more = look.paint(DIM, "sentinelctl status --all shows each hook and counter");
    format!("{}\n\n{more}\n", lines.join("\n"))
}

fn hooks(hooks: &[Hook], look: &Look) -> String {
    let running: Vec<&Hook> = hooks.iter().filter(|h| h.state == "running").collect();
    let inner = running.iter().filter(|hook| hook.tier == "inner").count();
    let seen: BTreeSet<&str> = running.iter().map(|h| &*h.observation).collect();
    let blind = running.iter().filter(|hook| !hook.blind_to.is_empty());
    let blind: BTreeSet<&str> = blind.map(|h| &*h.observation).collect();
    let mut parts = vec![format!("{} run, {inner} of the inner tier", running.len())];
    if !blind.is_empty() {
        let text = format!(
            "{} of {} observations miss something",
            blind.len(),
            seen.len()
        );
        parts.push(look.paint(WARN, &text));
    }
    // What fails while another hook serves the same is no trouble.
    let failed = hooks.iter().filter(|hook| hook.state == "failed");
    let failed = failed.filter(|hook| !seen.contains(&*hook.observation));
    let failed: BTreeSet<&str> = failed.map(|hook| &*hook.observation).collect();
    if !failed.is_empty() {
        let names: Vec<_> = failed.into_iter().map(escape).collect();
        parts.push(look.paint(BAD, &format!("none for {}", names.join(", "))));
    }
    parts.join(", ")
}

fn events(status: &StatusResponse, look: &Look) -> String {
    let seen: u64 = status.kinds.iter().map(|kind| kind.seen).sum();
    let rings = status.rings.unwrap_or_default();
    let rings = [rings.priority, rings.bulk].into_iter().flatten();
    let lost: u64 = rings.map(|ring| ring.lost).sum();
    let dropped: u64 = status.queues.iter().map(|queue| queue.dropped_total).sum();
    let lost = look.paint(loss_style(lost), &format!("{lost} lost in the kernel"));
    let dropped = look.paint(loss_style(dropped), &format!("{dropped} dropped after it"));
    format!("{} seen, {lost}, {dropped}", counted(seen, "event"))
}

fn detections(status: &StatusResponse, look: &Look) -> String {
    let detections = &status.detections;
    let running = detections.iter().filter(|d| d.state == "running").count();
    let others = detections.iter().filter(|d| d.state != "running");
    let others = others.map(|d| {
        let style = if d.state == "failed" { BAD } else { DIM };
        let reason = match d.reason.is_empty() {
            true => String::new(),
            false => format!(" ({})", escape(&d.reason)),
        };
        look.paint(
            style,
            &format!("{} {}{reason}", escape(&d.name), escape(&d.state)),
        )
    });
    let parts: Vec<String> = std::iter::once(format!("{running} run"))
        .chain(others)
        .collect();
    parts.join(", ")
}
