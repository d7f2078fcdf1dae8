//! The lines above the tables: how the sensor is, in words.

use sentinel_api::v1::StatusResponse;
use sentinel_event::text::escape;

use super::{loss_style, mode};
use crate::render::unit::{bytes, counted, duration};
use crate::render::{BAD, BOLD, DIM, GOOD, Look, PLAIN, WARN, severity_style};

/// One named line per question, health first; `all` has those that few ask.
pub fn head(status: &StatusResponse, look: &Look, all: bool) -> String {
    let name = look.paint(BOLD, &format!("Sentinel {}", escape(&status.version)));
    let (host, kernel) = (escape(&status.host), escape(&status.kernel));
    let mut lines = vec![format!("{name} on {host}, Linux {kernel}"), String::new()];
    let parts = [
        ("Health", health(&status.problems, look)),
        (
            "Mode",
            vec![
                status
                    .mode
                    .as_ref()
                    .map_or("unknown".to_owned(), |state| mode(state, look)),
            ],
        ),
        ("Learning", learning(status, look)),
        (
            "Models",
            if all {
                models(status, look)
            } else {
                Vec::new()
            },
        ),
        ("Running", vec![running(status, look)]),
        ("Alerts", vec![alerts(status, look)]),
        ("Rules", rules(status)),
        ("Coverage", coverage(status, look)),
        ("Remote", remote(status, look)),
        ("Store", store(status, look)),
        ("Processes", processes(status, look)),
        ("Digests", digests(status, look)),
        ("Packages", packages(status, look)),
        ("Decoding", decoding(status, look)),
        ("Crashes", crashes(status, look)),
    ];
    for (name, values) in parts {
        // The name stands before the first of several lines.
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        lines.extend(
            names
                .zip(values)
                .map(|(name, value)| format!("{name:<11}{value}")),
        );
    }
    lines.join("\n") + "\n"
}

/// Characters of the bar.
const BAR: usize = 20;

fn learning(status: &StatusResponse, look: &Look) -> Vec<String> {
    let Some(learning) = &status.learning else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if learning.missing.is_empty() {
        lines.push(format!("complete, {} programs known", learning.programs));
    } else {
        let full = (learning.share.clamp(0.0, 1.0) * BAR as f32) as usize;
        let (bar, rest) = ("#".repeat(full), ".".repeat(BAR - full));
        let percent = learning.share.clamp(0.0, 1.0) * 100.0;
        let left = duration(learning.remaining_seconds);
        lines.push(format!(
            "[{bar}{rest}] {percent:.0} %, at least {left} more"
        ));
        lines.extend(learning.missing.iter().map(|m| escape(m).into_owned()));
    }
    if learning.missed_seconds > 0 {
        let missed = duration(learning.missed_seconds);
        lines.push(look.paint(DIM, &format!("{missed} were not watched")));
    }
    if learning.generation > 0 {
        let nominal = learning.judged as f64 / 1_000.0;
        let fitted = look.date(learning.fitted.as_ref());
        lines.push(format!(
            "model generation {} of {fitted}; {} of {} events in its rarest thousandth, {nominal:.0} expected",
            learning.generation, learning.tail, learning.judged
        ));
        lines.push(format!(
            "{} anomalies alerted, {} beyond the budget, {} previews",
            learning.alerts_total, learning.digest_total, learning.previews_total
        ));
    }
    lines
}

/// What was found of the models in use, for who asks for everything.
fn models(status: &StatusResponse, look: &Look) -> Vec<String> {
    let learning = status.learning.iter();
    let fitted = learning.filter(|learning| learning.generation > 0);
    let lines = fitted.flat_map(|learning| {
        let networks = learning.networks.iter().map(|network| {
            let name = escape(&network.name);
            let trained = match network.trained {
                Some(_) => format!("trained {}", look.date(network.trained.as_ref())),
                None => "not trained yet".to_owned(),
            };
            let outcome = escape(&network.outcome);
            let outcome = (!outcome.is_empty()).then(|| format!("; {outcome}"));
            format!("{name}: {trained}{}", outcome.unwrap_or_default())
        });
        std::iter::once(escape(&learning.verdict).into_owned()).chain(networks)
    });
    lines.collect()
}

fn running(status: &StatusResponse, look: &Look) -> String {
    let uptime = duration(status.uptime_seconds);
    format!("for {uptime}, since {}", look.date(status.started.as_ref()))
}

fn coverage(status: &StatusResponse, look: &Look) -> Vec<String> {
    let lines = status.coverage.iter().map(|counts| {
        let style = if counts.missed > 0 { WARN } else { PLAIN };
        let missed = look.paint(style, &format!("{} missed", counts.missed));
        let when = look.date(counts.time.as_ref());
        format!(
            "{} attacks caught, {missed}, tried at {when}",
            counts.caught
        )
    });
    lines.collect()
}

fn remote(status: &StatusResponse, look: &Look) -> Vec<String> {
    let lines = status.remote.iter().map(|remote| {
        let until = look.date(remote.certificate_until.as_ref());
        format!("{}, certificate until {until}", escape(&remote.listen))
    });
    lines.collect()
}

fn processes(status: &StatusResponse, look: &Look) -> Vec<String> {
    let lines = status.processes.iter().map(|processes| {
        let evicted = loss(processes.evicted_total, "forgotten", look);
        let unknown = loss(processes.unknown_total, "made up", look);
        let (size, capacity) = (processes.size, processes.capacity);
        format!("{size} of at most {capacity} known, {evicted}, {unknown}")
    });
    lines.collect()
}

fn digests(status: &StatusResponse, look: &Look) -> Vec<String> {
    let lines = status.executables.iter().map(|executables| {
        let counts = executables.digests.iter().map(|entry| {
            let outcome = escape(&entry.outcome).replace('_', " ");
            format!("{} {outcome}", entry.count)
        });
        let counts: Vec<String> = counts.collect();
        let dropped = loss(executables.dropped_total, "dropped", look);
        let waiting = executables.waiting;
        format!("{}, {waiting} waiting, {dropped}", counts.join(", "))
    });
    lines.collect()
}

fn packages(status: &StatusResponse, look: &Look) -> Vec<String> {
    let known = status.executables.iter().filter(|e| e.packages > 0);
    let lines = known.map(|executables| {
        let files = counted(executables.package_files, "file");
        let packages = counted(executables.packages, "package");
        let left_out = loss(executables.package_files_left_out, "left out", look);
        format!("{files} of {packages} known, {left_out}")
    });
    lines.collect()
}

/// Said only where it is not as it should be.
fn crashes(status: &StatusResponse, look: &Look) -> Vec<String> {
    let reason = escape(&status.gap_reason);
    let text = format!("leave a gap until the next start, because {reason}");
    match reason.is_empty() {
        true => Vec::new(),
        false => vec![look.paint(DIM, &text)],
    }
}

fn decoding(status: &StatusResponse, look: &Look) -> Vec<String> {
    match status.undecodable_total {
        0 => Vec::new(),
        count => {
            let records = counted(count, "record");
            vec![look.paint(BAD, &format!("{records} from the kernel not understood"))]
        }
    }
}

fn health(problems: &[String], look: &Look) -> Vec<String> {
    match problems {
        [] => vec![look.paint(GOOD, "good")],
        [one] => vec![look.paint(BAD, &escape(one))],
        many => {
            let count = look.paint(BAD, &counted(many.len() as u64, "problem"));
            let each = many
                .iter()
                .map(|problem| look.paint(BAD, &format!("- {}", escape(problem))));
            std::iter::once(count).chain(each).collect()
        }
    }
}

fn alerts(status: &StatusResponse, look: &Look) -> String {
    // Worst first: that is what one looks for.
    let counts = status.alerts.iter().rev().map(|entry| {
        let style = match entry.count {
            0 => DIM,
            _ => severity_style(&entry.severity),
        };
        look.paint(
            style,
            &format!("{} {}", entry.count, escape(&entry.severity)),
        )
    });
    let counts: Vec<_> = counts.collect();
    match counts.is_empty() {
        true => "none".to_owned(),
        false => {
            let allowed = match status.allowed_total {
                0 => String::new(),
                count => format!("; {count} allowed and not raised"),
            };
            counts.join(", ") + &allowed
        }
    }
}

fn rules(status: &StatusResponse) -> Vec<String> {
    let lines = status.rules.iter().map(|rules| {
        let unsupported = match rules.unsupported {
            0 => String::new(),
            count => format!(", {count} cannot match here"),
        };
        let hits = match rules.hits_total {
            1 => "1 match".to_owned(),
            count => format!("{count} matches"),
        };
        format!("{} evaluated{unsupported}, {hits}", rules.running)
    });
    lines.collect()
}

fn store(status: &StatusResponse, look: &Look) -> Vec<String> {
    let Some(store) = &status.store else {
        return Vec::new();
    };
    let partitions = counted(store.partitions, "partition");
    let written = counted(store.written_total, "event");
    let dropped = loss(store.dropped_total, "given up", look);
    let size = bytes(store.size_bytes);
    let path = escape(&store.path);
    let mut lines = vec![format!(
        "{path}: {size} in {partitions}, {written} written, {dropped}"
    )];
    if !store.problem.is_empty() {
        lines.push(look.paint(BAD, &escape(&store.problem)));
    }
    lines
}

fn loss(count: u64, what: &str, look: &Look) -> String {
    look.paint(loss_style(count), &format!("{count} {what}"))
}
