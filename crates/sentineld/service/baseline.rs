//! Asking for what is learned, and deciding about it. The pipeline owns it, so each
//! question goes there and waits for the answer.

use std::sync::Arc;

use sentinel_api::v1;
use sentinel_baseline::{ADMIT_DAYS, Baseline, Decision, Portrait};
use tokio::sync::oneshot;
use tonic::{Request, Status};

use super::status::Facts;
use super::{change, convert};
use crate::learning::{Folder, Learning};

fn unanswered() -> Status {
    Status::unavailable("the pipeline does not answer")
}

/// Lets the pipeline answer between two batches.
async fn ask<T: Send + 'static>(
    facts: &Facts,
    question: impl FnOnce(&mut Learning) -> T + Send + 'static,
) -> Result<T, Status> {
    let answer = facts.hub.learning(question).ok_or_else(unanswered)?;
    let answer = tokio::time::timeout(crate::hub::ANSWER, answer).await;
    answer.map_err(|_| unanswered())?.map_err(|_| unanswered())
}

/// The same for a thread that may wait.
fn ask_blocking<T: Send + 'static>(
    facts: &Facts,
    question: impl FnOnce(&mut Learning) -> T + Send + 'static,
) -> Result<T, Status> {
    let answer: oneshot::Receiver<T> = facts.hub.learning(question).ok_or_else(unanswered)?;
    answer.blocking_recv().map_err(|_| unanswered())
}

/// The generations that are kept.
pub async fn generations(facts: &Facts) -> Result<v1::ListGenerationsResponse, Status> {
    let folder = ask(facts, |learning| learning.folder().clone()).await?;
    let current = folder.current().unwrap_or(0);
    let generations = folder.list().into_iter().map(|(number, manifest)| {
        let problem = manifest.as_ref().err().map(|error| format!("{error:#}"));
        let manifest = manifest.ok();
        let of = |get: fn(&crate::learning::Generation) -> u64| manifest.as_ref().map_or(0, get);
        v1::Generation {
            generation: number,
            current: number == current,
            fitted: manifest.as_ref().map(|m| convert::timestamp(m.fitted_ns)),
            programs: of(|m| m.programs),
            start_rows: of(|m| m.rows[0]),
            contact_rows: of(|m| m.rows[1]),
            bytes: of(|m| m.state_bytes),
            sha256: manifest
                .as_ref()
                .map_or_else(String::new, |m| m.state_sha256.clone()),
            problem: problem.unwrap_or_default(),
        }
    });
    Ok(v1::ListGenerationsResponse {
        generations: generations.collect(),
        verdict: facts.learning.get().standing.verdict,
    })
}

/// What is known of one program, or what is in quarantine.
pub async fn show(
    facts: &Facts,
    request: v1::GetBaselineRequest,
) -> Result<v1::GetBaselineResponse, Status> {
    let exe = request.exe;
    if exe.is_empty() {
        let behaviours = ask(facts, |learning| learning.baseline().behaviours()).await?;
        let behaviours = behaviours.into_iter().map(|behaviour| v1::Behaviour {
            id: behaviour.id,
            words: behaviour.words,
            first: Some(convert::timestamp(behaviour.first_ns)),
            days: behaviour.days.into(),
            times: behaviour.times,
            state: match behaviour.decision {
                None => "new",
                Some(Decision::Approved) => "approved",
                Some(Decision::Denied) => "denied",
            }
            .to_owned(),
        });
        return Ok(v1::GetBaselineResponse {
            portraits: Vec::new(),
            behaviours: behaviours.collect(),
            days_wanted: ADMIT_DAYS.into(),
        });
    }
    let wanted = exe.clone();
    let portraits = ask(facts, move |learning| {
        learning.baseline().portraits(&wanted)
    })
    .await?;
    if portraits.is_empty() {
        let never = match exe.starts_with('/') {
            true => "it never ran while this host was watched",
            false => "none has this name; a name has no folders, or all",
        };
        return Err(Status::not_found(format!(
            "no program {exe:?} is known: {never}"
        )));
    }
    Ok(v1::GetBaselineResponse {
        portraits: portraits.into_iter().map(portrait).collect(),
        behaviours: Vec::new(),
        days_wanted: ADMIT_DAYS.into(),
    })
}

fn portrait(portrait: Portrait) -> v1::Portrait {
    let counts = |list: Vec<(String, u32)>| {
        let counts = list
            .into_iter()
            .map(|(name, count)| v1::NamedCount { name, count });
        counts.collect()
    };
    v1::Portrait {
        program: portrait.program,
        runs: portrait.runs,
        days: portrait.days.into(),
        first: Some(convert::timestamp(portrait.seen_ns.0)),
        last: Some(convert::timestamp(portrait.seen_ns.1)),
        hours: portrait.hours.to_vec(),
        workdays: portrait.workdays,
        parents: counts(portrait.parents),
        users: counts(portrait.users),
        units: counts(portrait.units),
        networks: counts(portrait.networks),
        ports: counts(portrait.ports),
        connections: portrait.connections,
        pause_seconds: portrait.pause_s,
    }
}

/// What one generation knows and another does not.
pub async fn diff(
    facts: &Facts,
    request: v1::DiffGenerationsRequest,
) -> Result<v1::DiffGenerationsResponse, Status> {
    let folder = ask(facts, |learning| learning.folder().clone()).await?;
    let answer = tokio::task::spawn_blocking(move || {
        let (old, new) = (
            programs(&folder, request.old)?,
            programs(&folder, request.new)?,
        );
        let missing = |from: &Programs, other: &Programs| -> Vec<v1::NamedCount> {
            let only = from.iter().filter(|(name, _)| !other.contains_key(*name));
            only.map(|(name, count)| v1::NamedCount {
                name: name.clone(),
                count: *count,
            })
            .collect()
        };
        Ok(v1::DiffGenerationsResponse {
            added: missing(&new, &old),
            removed: missing(&old, &new),
        })
    });
    answer
        .await
        .map_err(|error| Status::internal(format!("comparing broke off: {error}")))?
}

type Programs = std::collections::BTreeMap<String, u32>;

fn programs(folder: &Folder, generation: u32) -> Result<Programs, Status> {
    let refused = |error: String| Status::failed_precondition(error);
    let bytes = folder
        .read(generation)
        .map_err(|error| refused(format!("{error:#}")))?;
    let mut baseline = Baseline::new(Default::default());
    baseline
        .restore(&bytes)
        .map_err(|error| refused(format!("generation {generation} is refused: {error}")))?;
    Ok(baseline.programs())
}

/// Lets new behaviour be normal, or never.
pub async fn decide(
    facts: &Arc<Facts>,
    request: Request<v1::DecideBehaviourRequest>,
) -> Result<v1::DecideBehaviourResponse, Status> {
    let v1::DecideBehaviourRequest { id, approve } = request.get_ref().clone();
    let action = if approve { "approve" } else { "deny" };
    let detail = id.clone();
    let words = change::change(facts, &request, action, detail, move |facts| {
        let wanted = id.clone();
        let decision = match approve {
            true => Decision::Approved,
            false => Decision::Denied,
        };
        let decided = ask_blocking(facts, move |learning| {
            learning.baseline().decide(&wanted, decision)
        })?;
        decided.ok_or_else(|| {
            Status::not_found(format!(
                "no behaviour has the id {id:?}; `sentinelctl baseline show` lists all that wait"
            ))
        })
    })
    .await?;
    Ok(v1::DecideBehaviourResponse { words })
}

/// Goes back to a generation; later ones are removed.
pub async fn roll_back(
    facts: &Arc<Facts>,
    request: Request<v1::RollBackRequest>,
) -> Result<v1::RollBackResponse, Status> {
    let generation = request.get_ref().generation;
    let detail = format!("to generation {generation}");
    let removed = change::change(facts, &request, "rollback", detail, move |facts| {
        let done = ask_blocking(facts, move |learning| learning.roll_back(generation))?;
        done.map_err(|error| Status::failed_precondition(format!("{error:#}")))
    })
    .await?;
    Ok(v1::RollBackResponse { removed })
}

/// Fits models now.
pub async fn fit(
    facts: &Arc<Facts>,
    request: Request<v1::FitBaselineRequest>,
) -> Result<v1::FitBaselineResponse, Status> {
    let (verdict, ordered) = change::change(facts, &request, "fit", String::new(), |facts| {
        let done = ask_blocking(facts, Learning::fit_now)?;
        done.map_err(Status::failed_precondition)
    })
    .await?;
    let ordered = ordered.into_iter().map(str::to_owned).collect();
    Ok(v1::FitBaselineResponse { verdict, ordered })
}
