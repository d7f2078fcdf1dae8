//! The status as Prometheus reads it (text format 0.0.4).

use prost_types::Timestamp;
use sentinel_api::v1::StatusResponse;

use super::page::Page;

/// One page with every counter of the status.
pub fn page(status: &StatusResponse) -> String {
    let mut page = Page::default();
    about(status, &mut page);
    sensor(status, &mut page);
    stages(status, &mut page);
    conclusions(status, &mut page);
    knowledge(status, &mut page);
    others(status, &mut page);
    page.0
}

fn seconds(time: Option<&Timestamp>) -> u64 {
    time.map_or(0, |time| time.seconds.max(0) as u64)
}

fn about(status: &StatusResponse, page: &mut Page) {
    let build = vec![
        ("version", &*status.version),
        ("kernel", &*status.kernel),
        ("host", &*status.host),
    ];
    let help = "Version, kernel and host; always 1.";
    page.family("build_info", help, [(build, 1)]);
    let started = seconds(status.started.as_ref());
    page.one("start_time_seconds", "Unix time of the start.", started);
    let help = "Seconds since the start, by a clock that nobody can set.";
    page.one("uptime_seconds", help, status.uptime_seconds);
    let mode = status.mode.as_ref().map(|state| state.mode);
    let modes = [("learn", 1), ("detect", 2)];
    page.family(
        "mode",
        "1 for the mode that the sensor is in.",
        modes.map(|(name, number)| (vec![("mode", name)], u64::from(mode == Some(number)))),
    );
    let problems = status.problems.len() as u64;
    let help = "Things that are wrong now; the status says which.";
    page.one("problems", help, problems);
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
    let (priority, bulk) = (
        rings.priority.unwrap_or_default(),
        rings.bulk.unwrap_or_default(),
    );
    page.each(
        "ring",
        &[("priority", &priority), ("bulk", &bulk)],
        &[
            ("ring_sent_total", "Events that the hooks produced.", |r| {
                r.sent
            }),
            ("ring_received_total", "Events that the daemon took.", |r| {
                r.received
            }),
            (
                "ring_aggregated_total",
                "Events counted into an earlier record.",
                |r| r.aggregated,
            ),
            (
                "ring_filtered_total",
                "Events kept back in the kernel, as asked for.",
                |r| r.filtered,
            ),
            ("ring_lost_total", "Events that found no room.", |r| r.lost),
            ("ring_size_bytes", "Size of the ring.", |r| r.size_bytes),
            ("ring_used_bytes", "Bytes that wait to be taken.", |r| {
                r.used_bytes
            }),
        ],
    );
    let kinds: Vec<_> = status.kinds.iter().map(|k| (&*k.kind, k)).collect();
    page.each(
        "kind",
        &kinds,
        &[
            ("events_total", "Events seen, by kind.", |k| k.seen),
            ("events_lost_total", "Events lost, by kind.", |k| k.lost),
        ],
    );
    let undecodable = status.undecodable_total;
    page.one(
        "undecodable_total",
        "Records that could not be decoded.",
        undecodable,
    );
}

fn stages(status: &StatusResponse, page: &mut Page) {
    let queues: Vec<_> = status.queues.iter().map(|q| (&*q.name, q)).collect();
    page.each(
        "queue",
        &queues,
        &[
            ("queue_depth", "What waits in the queue.", |q| q.depth),
            ("queue_capacity", "What fits into the queue.", |q| {
                q.capacity
            }),
            (
                "queue_dropped_total",
                "What was dropped because the queue was full.",
                |q| q.dropped_total,
            ),
        ],
    );
    page.of(
        &status.store.clone().unwrap_or_default(),
        &[
            ("store_size_bytes", "Bytes of history on disk.", |s| {
                s.size_bytes
            }),
            ("store_partitions", "Parquet partitions.", |s| s.partitions),
            ("store_written_total", "Events written.", |s| {
                s.written_total
            }),
            ("store_dropped_total", "Events given up.", |s| {
                s.dropped_total
            }),
            ("store_failing", "1 while writing fails.", |s| {
                u64::from(!s.problem.is_empty())
            }),
        ],
    );
}

fn conclusions(status: &StatusResponse, page: &mut Page) {
    let alerts: Vec<_> = status.alerts.iter().map(|a| (&*a.severity, a)).collect();
    page.each(
        "severity",
        &alerts,
        &[("alerts_total", "Alerts raised, by severity.", |a| a.count)],
    );
    let detections: Vec<_> = status.detections.iter().map(|d| (&*d.name, d)).collect();
    page.each(
        "detection",
        &detections,
        &[
            (
                "detection_running",
                "1 while the detection is at work.",
                |d| u64::from(d.state == "running"),
            ),
            (
                "detection_alerts_total",
                "Alerts raised, by detection.",
                |d| d.alerts_total,
            ),
        ],
    );
    let allowed = "Alerts that allow rules kept from being raised.";
    page.one("alerts_allowed_total", allowed, status.allowed_total);
    page.of(
        &status.rules.unwrap_or_default(),
        &[
            ("rules", "Sigma rules that are evaluated.", |r| r.running),
            (
                "rules_unsupported",
                "Sigma rules that cannot match here.",
                |r| r.unsupported,
            ),
            (
                "rule_hits_total",
                "Matches of Sigma rules, whatever became of them.",
                |r| r.hits_total,
            ),
        ],
    );
    let Some(coverage) = &status.coverage else {
        return;
    };
    page.of(
        coverage,
        &[
            (
                "coverage_time_seconds",
                "Unix time of the last simulated attacks.",
                |c| seconds(c.time.as_ref()),
            ),
            (
                "coverage_caught",
                "Simulated attacks that were caught.",
                |c| c.caught,
            ),
            (
                "coverage_missed",
                "Simulated attacks that were missed.",
                |c| c.missed,
            ),
            (
                "coverage_not_possible",
                "Attacks that cannot be made here.",
                |c| c.not_possible,
            ),
            (
                "coverage_failed",
                "Simulated attacks that went wrong.",
                |c| c.failed,
            ),
        ],
    );
}

fn knowledge(status: &StatusResponse, page: &mut Page) {
    page.of(
        &status.processes.unwrap_or_default(),
        &[
            ("processes", "Processes known.", |p| p.size),
            ("processes_capacity", "The most that are remembered.", |p| {
                p.capacity
            }),
            ("processes_evicted_total", "Processes forgotten.", |p| {
                p.evicted_total
            }),
            ("processes_unknown_total", "Processes made up.", |p| {
                p.unknown_total
            }),
        ],
    );
    let known = status.executables.clone().unwrap_or_default();
    page.of(
        &known,
        &[
            ("executables", "Executables remembered.", |e| e.known),
            (
                "digests_waiting",
                "Executables that wait for their digest.",
                |e| e.waiting,
            ),
            (
                "digests_dropped_total",
                "Executables that found the queue for digests full.",
                |e| e.dropped_total,
            ),
            ("digest_bytes_total", "Bytes read for digests.", |e| {
                e.hashed_bytes_total
            }),
            ("packages", "Packages known.", |e| e.packages),
            ("package_files", "Files of packages known.", |e| {
                e.package_files
            }),
            (
                "package_files_left_out",
                "Files of packages for which there was no room.",
                |e| e.package_files_left_out,
            ),
        ],
    );
    let digests: Vec<_> = known.digests.iter().map(|d| (&*d.outcome, d)).collect();
    page.each(
        "outcome",
        &digests,
        &[("digests_total", "Digests, by outcome.", |d| d.count)],
    );
    let Some(learning) = &status.learning else {
        return;
    };
    page.of(
        learning,
        &[
            (
                "learning_percent",
                "How much of what learning needs is there.",
                |l| (l.share.clamp(0.0, 1.0) * 100.0) as u64,
            ),
            (
                "learning_watched_seconds",
                "Seconds watched since it began.",
                |l| l.watched_seconds,
            ),
            (
                "learning_missed_seconds",
                "Seconds missed since it began.",
                |l| l.missed_seconds,
            ),
            (
                "learning_remaining_seconds",
                "Seconds that it takes at least.",
                |l| l.remaining_seconds,
            ),
            (
                "model_generation",
                "The generation of the models in use.",
                |l| l.generation.into(),
            ),
            ("model_programs", "Programs that are known.", |l| l.programs),
            ("model_judged", "Events judged since yesterday.", |l| {
                l.judged
            }),
            (
                "model_tail",
                "Of these, those held for at most one in a thousand likely.",
                |l| l.tail,
            ),
            (
                "anomaly_alerts_total",
                "Anomalies that were alerted.",
                |l| l.alerts_total,
            ),
            (
                "anomaly_digest_total",
                "Anomalies beyond the daily budget.",
                |l| l.digest_total,
            ),
            (
                "anomaly_previews_total",
                "Anomalies not alerted, since it learns.",
                |l| l.previews_total,
            ),
        ],
    );
    let networks = learning.networks.iter();
    let trained = networks.filter(|network| network.trained.is_some());
    page.family(
        "network_trained_time_seconds",
        "Unix time at which the network in use was trained.",
        trained.map(|n| (vec![("network", &*n.name)], seconds(n.trained.as_ref()))),
    );
}

fn others(status: &StatusResponse, page: &mut Page) {
    page.of(
        &status.access.unwrap_or_default(),
        &[
            ("calls_refused_total", "Calls refused.", |a| a.refused_total),
            (
                "calls_turned_away_total",
                "Connections and calls that found no place.",
                |a| a.turned_away_total,
            ),
        ],
    );
    let Some(remote) = &status.remote else {
        return;
    };
    let ends = [
        ("certificate", remote.certificate_until.as_ref()),
        ("client_ca", remote.client_ca_until.as_ref()),
        ("client_crl", remote.client_crl_until.as_ref()),
    ];
    let ends = ends.into_iter().filter(|(_, until)| until.is_some());
    page.family(
        "tls_end_time_seconds",
        "Unix time at which what the setting names is no longer valid.",
        ends.map(|(setting, until)| (vec![("setting", setting)], seconds(until))),
    );
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
