//! What systemd is told: ready, status, alive, stopping.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::sensor::HookState;
use crate::service::{Facts, STALL_S};

/// How often the status line is renewed.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// Tells that everything is attached and answers.
pub fn ready(facts: &Facts) {
    tell(&[NotifyState::Ready, NotifyState::Status(&status_line(facts))]);
    tracing::info!(target: "ready", "{}", status_line(facts));
}

/// Tells that the end has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Renews the status line, and feeds the watchdog as long as the pipeline moves: a
/// stuck one lets systemd start the daemon anew.
pub async fn keep_alive(facts: Arc<Facts>) {
    let watchdog = sd_notify::watchdog_enabled().map(|timeout| timeout / 3);
    let interval = watchdog.map_or(STATUS_INTERVAL, |w| w.min(STATUS_INTERVAL));
    let mut ticks = tokio::time::interval(interval);
    let mut known = BTreeSet::new();
    loop {
        ticks.tick().await;
        let mut states = vec![];
        let line = status_line(&facts);
        states.push(NotifyState::Status(&line));
        if watchdog.is_some() && facts.hub.stalled_for().as_secs() < STALL_S {
            states.push(NotifyState::Watchdog);
        }
        tell(&states);
        known = report(&facts, known);
    }
}

/// Logs what has gone wrong since the last time, and what is well again.
fn report(facts: &Facts, known: BTreeSet<String>) -> BTreeSet<String> {
    // Counts grow all the time; what they are about is news only once.
    let words = |problem: &str| problem.replace(|c: char| c.is_ascii_digit(), "");
    let problems = facts.status().problems;
    let now: BTreeSet<String> = problems.iter().map(|problem| words(problem)).collect();
    for problem in problems.iter().filter(|p| !known.contains(&words(p))) {
        tracing::warn!(target: "health", "{problem}");
    }
    if now.is_empty() && !known.is_empty() {
        tracing::info!(target: "health", "all is well again");
    }
    now
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell, which is fine.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("cannot notify systemd: {error}");
    }
}

fn status_line(facts: &Facts) -> String {
    let running = facts
        .hooks
        .iter()
        .filter(|h| h.state == HookState::Running)
        .count();
    let seen: u64 = facts.hub.seen().map(|(_, count)| count).sum();
    let alerts: u64 = facts.hub.raised().map(|(_, count)| count).sum();
    let lost: u64 = facts
        .sensor
        .snapshot()
        .rings
        .iter()
        .map(|(_, stats, _, _)| stats.lost)
        .sum();
    format!(
        "{} mode, {running} hooks, {seen} events, {lost} lost, {alerts} alerts",
        facts.mode.get().mode.name()
    )
}
