//! What the control plane says of learning.

use sentinel_api::v1;

use super::convert;
use crate::learning::LearningStatus;
use crate::mode::Mode;

fn seconds(ns: i64) -> u64 {
    (ns.max(0) / 1_000_000_000) as u64
}

/// Learning, as the status tells it.
pub fn message(status: &LearningStatus) -> v1::Learning {
    let progress = status.progress.as_ref();
    let standing = &status.standing;
    let time = |ns: i64| (ns > 0).then(|| convert::timestamp(ns));
    v1::Learning {
        share: progress.map_or(0.0, |p| p.share),
        watched_seconds: progress.map_or(0, |p| seconds(p.watched_ns)),
        missed_seconds: progress.map_or(0, |p| seconds(p.missed_ns)),
        missing: progress.map_or_else(Vec::new, |p| p.missing.clone()),
        remaining_seconds: progress.map_or(0, |p| seconds(p.remaining_ns)),
        generation: standing.generation,
        fitted: time(standing.fitted_ns),
        programs: standing.programs as u64,
        alerts_total: status.alerts_total,
        digest_total: status.digest_total,
        previews_total: status.previews_total,
        judged: standing.judged,
        tail: standing.tail,
        saved: time(status.saved_ns),
        verdict: standing.verdict.clone(),
        networks: sentinel_baseline::NETWORK_NAMES
            .iter()
            .zip(standing.trained_ns)
            .zip(&status.outcomes)
            .map(|((name, trained_ns), outcome)| v1::Network {
                name: (*name).to_owned(),
                trained: time(trained_ns),
                outcome: outcome.clone(),
            })
            .collect(),
    }
}

/// What one should know who switches to a mode, or is in it.
pub fn warnings(mode: Mode, status: &LearningStatus) -> Vec<String> {
    let missing = status.progress.as_ref().map(|p| p.missing.join(", "));
    let missing = missing.unwrap_or_else(|| "nothing was watched yet".to_owned());
    let learned_before = status.standing.learned_before;
    if mode == Mode::Learn && (learned_before || missing.is_empty()) {
        let again = "no anomaly is alerted while it learns anew; 'sentinelctl mode detect' goes \
                     back to what was learned before";
        return vec![again.to_owned()];
    }
    if mode != Mode::Detect || missing.is_empty() || learned_before {
        return Vec::new();
    }
    let mut warnings = vec![format!("learning is not complete: {missing}")];
    warnings.push(
        match status.standing.generation {
            0..=3 => {
                "no anomaly can be alerted before the fourth day; detections work all the same"
            }
            _ => "what is normal is known from little, so anomalies may be missed or be none",
        }
        .to_owned(),
    );
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel_baseline::{Progress, Standing};

    #[test]
    fn a_mode_is_warned_of_where_it_surprises() {
        let lacks = || vec!["2.0 of 7 days watched".to_owned()];
        let status = |missing, generation, learned_before| LearningStatus {
            progress: Some(Progress {
                share: 0.3,
                watched_ns: 0,
                missed_ns: 0,
                missing,
                remaining_ns: 0,
                thin: false,
            }),
            standing: Standing {
                generation,
                learned_before,
                ..Standing::default()
            },
            ..LearningStatus::default()
        };
        let early = [
            "learning is not complete: 2.0 of 7",
            "before the fourth day",
        ];
        let thin = ["learning is not complete: 2.0 of 7", "known from little"];
        let anew = ["no anomaly is alerted while it learns anew"];
        let cases: [(&str, Mode, LearningStatus, &[&str]); 7] = [
            (
                "learns at first",
                Mode::Learn,
                status(lacks(), 1, false),
                &[],
            ),
            (
                "detects too early",
                Mode::Detect,
                status(lacks(), 2, false),
                &early,
            ),
            (
                "detects early",
                Mode::Detect,
                status(lacks(), 5, false),
                &thin,
            ),
            ("detects", Mode::Detect, status(vec![], 7, false), &[]),
            (
                "is let learn again",
                Mode::Learn,
                status(vec![], 7, false),
                &anew,
            ),
            ("learns again", Mode::Learn, status(lacks(), 7, true), &anew),
            (
                "breaks that off",
                Mode::Detect,
                status(lacks(), 7, true),
                &[],
            ),
        ];
        for (what, mode, status, wanted) in cases {
            let said = warnings(mode, &status);
            assert_eq!(said.len(), wanted.len(), "{what}: {said:?}");
            for (sentence, part) in said.iter().zip(wanted) {
                assert!(sentence.contains(part), "{what}: {sentence}");
            }
        }
    }
}
