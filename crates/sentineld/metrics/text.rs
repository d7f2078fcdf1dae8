//! The status as Prometheus reads it (text format 0.0.4).

use std::fmt::Write;

use sentinel_api::v1::StatusResponse;

/// One page with every counter of the status.
pub fn page(status: &StatusResponse) -> String {
    let mut page = Page::default();
    about(status, &mut page);
    sensor(status, &mut page);
    daemon(status, &mut page);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    /// A family of samples, each with its labels. Families without samples are left out.
    fn family<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, u64)>,
    ) {
        let kind = match name.ends_with("_total") {
            true => "counter",
            false => "gauge",
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let out = &mut self.0;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP sentinel_{name} {help}");
        let _ = writeln!(out, "# TYPE sentinel_{name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            let _ = writeln!(out, "sentinel_{name}{labels} {value}");
        }
    }

    fn one(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, [(vec![], value)]);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn about(status: &StatusResponse, page: &mut Page) {
    let build = vec![
        ("version", &*status.version),
        ("kernel", &*status.kernel),
        ("host", &*status.host),
    ];
    page.family(
        "build_info",
        "Version, kernel and host; always 1.",
        [(build, 1)],
    );
    let started = status.started.map_or(0, |t| t.seconds.max(0) as u64);
    page.one("start_time_seconds", "Unix time of the start.", started);
    let mode = status.mode.as_ref().map(|state| state.mode);
    let modes = [("learn", 1), ("detect", 2)];
    page.family(
        "mode",
        "1 for the mode that the sensor is in.",
        modes.map(|(name, number)| (vec![("mode", name)], u64::from(mode == Some(number)))),
    );
    page.one(
        "problems",
        "Things that are wrong now; the status says which.",
        status.problems.len() as u64,
    );
}

fn sensor(status: &StatusResponse, page: &mut Page) {
    page.family(
        "hook_running",
        "1 while the hook is attached.",
        status.hooks.iter().map(|hook| {
            let labels = vec![
                ("observation", &*hook.observation),
                ("program", &*hook.program),
                ("tier", &*hook.tier),
            ];
            (labels, u64::from(hook.state == "running"))
        }),
    );
    let rings = status.rings.unwrap_or_default();
    let rings = [
        ("priority", rings.priority.unwrap_or_default()),
        ("bulk", rings.bulk.unwrap_or_default()),
    ];
    let of = |get: fn(&sentinel_api::v1::Ring) -> u64| {
        rings
            .iter()
            .map(move |(name, ring)| (vec![("ring", *name)], get(ring)))
            .collect::<Vec<_>>()
    };
    page.family(
        "ring_sent_total",
        "Events that the hooks produced.",
        of(|r| r.sent),
    );
    page.family(
        "ring_received_total",
        "Events that the daemon took.",
        of(|r| r.received),
    );
    page.family(
        "ring_aggregated_total",
        "Events counted into an earlier record.",
        of(|r| r.aggregated),
    );
    page.family(
        "ring_lost_total",
        "Events that found no room.",
        of(|r| r.lost),
    );
    page.family("ring_size_bytes", "Size of the ring.", of(|r| r.size_bytes));
    page.family(
        "ring_used_bytes",
        "Bytes that wait to be taken.",
        of(|r| r.used_bytes),
    );
    let kinds = |get: fn(&sentinel_api::v1::KindCount) -> u64| {
        let labels = |kind| vec![("kind", kind)];
        status.kinds.iter().map(move |k| (labels(&*k.kind), get(k)))
    };
    page.family("events_total", "Events seen, by kind.", kinds(|k| k.seen));
    page.family(
        "events_lost_total",
        "Events lost, by kind.",
        kinds(|k| k.lost),
    );
    page.one(
        "undecodable_total",
        "Records that could not be decoded.",
        status.undecodable_total,
    );
}

fn daemon(status: &StatusResponse, page: &mut Page) {
    let queues = |get: fn(&sentinel_api::v1::Queue) -> u64| {
        let labels = |name| vec![("queue", name)];
        status
            .queues
            .iter()
            .map(move |q| (labels(&*q.name), get(q)))
    };
    page.family(
        "queue_depth",
        "What waits in the queue.",
        queues(|q| q.depth),
    );
    page.family(
        "queue_capacity",
        "What fits into the queue.",
        queues(|q| q.capacity),
    );
    page.family(
        "queue_dropped_total",
        "What was dropped because the queue was full.",
        queues(|q| q.dropped_total),
    );
    let store = status.store.clone().unwrap_or_default();
    page.one(
        "store_size_bytes",
        "Bytes of history on disk.",
        store.size_bytes,
    );
    page.one("store_partitions", "Parquet partitions.", store.partitions);
    page.one(
        "store_written_total",
        "Events written.",
        store.written_total,
    );
    page.one(
        "store_dropped_total",
        "Events given up.",
        store.dropped_total,
    );
    page.one(
        "store_failing",
        "1 while writing fails.",
        u64::from(!store.problem.is_empty()),
    );
    page.family(
        "alerts_total",
        "Alerts raised, by severity.",
        status
            .alerts
            .iter()
            .map(|count| (vec![("severity", &*count.severity)], count.count)),
    );
    let detections = |get: fn(&sentinel_api::v1::Detection) -> u64| {
        let labels = |name| vec![("detection", name)];
        status
            .detections
            .iter()
            .map(move |d| (labels(&*d.name), get(d)))
    };
    page.family(
        "detection_running",
        "1 while the detection is at work.",
        detections(|d| u64::from(d.state == "running")),
    );
    page.family(
        "detection_alerts_total",
        "Alerts raised, by detection.",
        detections(|d| d.alerts_total),
    );
    page.one(
        "alerts_allowed_total",
        "Alerts that allow rules kept from being raised.",
        status.allowed_total,
    );
    let rules = status.rules.unwrap_or_default();
    page.one("rules", "Sigma rules that are evaluated.", rules.running);
    page.one(
        "rules_unsupported",
        "Sigma rules that cannot match here.",
        rules.unsupported,
    );
    page.one(
        "rule_hits_total",
        "Matches of Sigma rules, those that became no alert included.",
        rules.hits_total,
    );
    let processes = status.processes.unwrap_or_default();
    page.one("processes", "Processes known.", processes.size);
    page.one(
        "processes_capacity",
        "The most that are remembered.",
        processes.capacity,
    );
    page.one(
        "processes_evicted_total",
        "Processes forgotten.",
        processes.evicted_total,
    );
    page.one(
        "processes_unknown_total",
        "Processes made up.",
        processes.unknown_total,
    );
    executables(status, page);
    let access = status.access.unwrap_or_default();
    page.one(
        "calls_refused_total",
        "Calls refused.",
        access.refused_total,
    );
    page.one(
        "calls_turned_away_total",
        "Connections and calls that found no place.",
        access.turned_away_total,
    );
}

fn executables(status: &StatusResponse, page: &mut Page) {
    let known = status.executables.clone().unwrap_or_default();
    page.one("executables", "Executables remembered.", known.known);
    page.one(
        "digests_waiting",
        "Executables that wait for their digest.",
        known.waiting,
    );
    page.one(
        "digests_dropped_total",
        "Executables that found the queue for digests full.",
        known.dropped_total,
    );
    page.family(
        "digests_total",
        "Digests, by outcome.",
        known
            .digests
            .iter()
            .map(|count| (vec![("outcome", &*count.outcome)], count.count)),
    );
    page.one(
        "digest_bytes_total",
        "Bytes read for digests.",
        known.hashed_bytes_total,
    );
    page.one("packages", "Packages known.", known.packages);
    page.one(
        "package_files",
        "Files of packages known.",
        known.package_files,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel_api::v1::{KindCount, Queue};

    #[test]
    fn every_line_is_a_sample_under_its_help_and_type() {
        let status = StatusResponse {
            version: "1\"\\\n2".to_owned(),
            kinds: vec![KindCount {
                kind: "exec".to_owned(),
                seen: 7,
                ..KindCount::default()
            }],
            queues: vec![Queue {
                name: "store".to_owned(),
                dropped_total: 3,
                ..Queue::default()
            }],
            ..StatusResponse::default()
        };
        let page = page(&status);
        let has = |line: &str| assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        has("sentinel_build_info{version=\"1\\\"\\\\\\n2\",kernel=\"\",host=\"\"} 1");
        has("# TYPE sentinel_events_total counter");
        has("sentinel_events_total{kind=\"exec\"} 7");
        has("sentinel_queue_dropped_total{queue=\"store\"} 3");
        has("# TYPE sentinel_queue_depth gauge");
        assert!(!page.contains("hook_running"), "nothing runs");
    }
}
