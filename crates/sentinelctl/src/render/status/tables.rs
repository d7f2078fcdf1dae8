//! The tables below: hooks, events, rings, queues, detections.

use sentinel_api::v1::{Hook, Ring, StatusResponse};

use super::loss_style;
use crate::render::table::{Block, Cell, Row, right, styled, table, text, with};
use crate::render::unit::bytes;
use crate::render::{BAD, DIM, Look, PLAIN, state_style};

/// Every hook, with what it misses and why it is off.
pub fn hooks(hooks: &[Hook], look: &Look) -> Block {
    let rows = hooks.iter().map(|hook| {
        let cells = vec![
            text(&hook.observation),
            styled(state_style(&hook.state), &hook.state),
            text(&hook.program),
            text(&hook.attach_point),
            text(&hook.tier),
        ];
        let reason = (!hook.reason.is_empty()).then(|| hook.reason.clone());
        let blind = (!hook.blind_to.is_empty()).then(|| format!("blind to {}", hook.blind_to));
        let remarks = reason.into_iter().chain(blind).collect();
        Row { cells, remarks }
    });
    table(
        look,
        &["HOOK", "STATE", "PROGRAM", "ATTACHED TO", "TIER"],
        rows.collect(),
    )
}

/// Events by kind.
pub fn kinds(status: &StatusResponse, look: &Look) -> Block {
    let rows = status.kinds.iter().map(|kind| {
        let style = if kind.seen == 0 { DIM } else { PLAIN };
        let cells = vec![
            styled(style, &kind.kind),
            styled(DIM, &kind.ring),
            with(style, right(kind.seen)),
            loss(kind.lost),
        ];
        Row::from(cells)
    });
    table(look, &["EVENTS", "RING", "SEEN", "LOST"], rows.collect())
}

/// The two rings between kernel and daemon.
pub fn rings(status: &StatusResponse, look: &Look) -> Block {
    let rings = status.rings.unwrap_or_default();
    let rows = [("priority", rings.priority), ("bulk", rings.bulk)].map(|(name, ring)| {
        let ring: Ring = ring.unwrap_or_default();
        let cells = vec![
            text(name),
            right(ring.sent),
            right(ring.received),
            right(ring.aggregated),
            loss(ring.lost),
            right(format!(
                "{} of {}",
                bytes(ring.used_bytes),
                bytes(ring.size_bytes)
            )),
        ];
        Row::from(cells)
    });
    let names = ["RING", "SENT", "RECEIVED", "AGGREGATED", "LOST", "IN USE"];
    table(look, &names, rows.into())
}

/// The queues between the stages of the daemon.
pub fn queues(status: &StatusResponse, look: &Look) -> Block {
    let rows = status.queues.iter().map(|queue| {
        let full = queue.capacity > 0 && queue.depth >= queue.capacity;
        let style = if full { BAD } else { PLAIN };
        let depth = right(format!("{} of {}", queue.depth, queue.capacity));
        let cells = vec![
            text(&queue.name),
            with(style, depth),
            loss(queue.dropped_total),
        ];
        Row::from(cells)
    });
    table(look, &["QUEUE", "WAITING", "DROPPED"], rows.collect())
}

/// Every detection, with the reason why it is off.
pub fn detections(status: &StatusResponse, look: &Look) -> Block {
    let rows = status.detections.iter().map(|detection| {
        let cells = vec![
            text(&detection.name),
            styled(state_style(&detection.state), &detection.state),
            right(detection.alerts_total),
        ];
        let reason = (!detection.reason.is_empty()).then(|| detection.reason.clone());
        let remarks = reason.into_iter().collect();
        Row { cells, remarks }
    });
    table(look, &["DETECTION", "STATE", "ALERTS"], rows.collect())
}

/// A number that should be 0.
fn loss(count: u64) -> Cell {
    with(loss_style(count), right(count))
}
