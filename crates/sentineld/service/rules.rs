//! The Sigma rules: their list, and reading them again.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use sentinel_api::v1;
use sentinel_sigma::{Rule, RuleSet, Standing};
use tonic::Status;

use super::convert;
use super::status::Facts;
use crate::hub::Request;
use crate::rules::{self, Page};

/// Every rule.
pub fn list(facts: &Facts) -> v1::ListRulesResponse {
    let page = facts.rules.page();
    let listed = page.rules.iter().zip(page.hits.iter());
    v1::ListRulesResponse {
        rules: listed
            .map(|(rule, hits)| one(rule, hits.load(Relaxed)))
            .collect(),
        folders: folders(facts)
            .folders
            .iter()
            .map(|f| f.display().to_string())
            .collect(),
        problems: page.problems,
        loaded: Some(convert::timestamp(page.loaded_ns)),
    }
}

fn one(rule: &Rule, hits_total: u64) -> v1::Rule {
    v1::Rule {
        name: rule.name.to_string(),
        title: rule.title.clone(),
        id: rule.id.clone(),
        author: rule.author.clone(),
        severity: rule.severity.name().to_owned(),
        techniques: rule.techniques.iter().map(convert::technique).collect(),
        state: rule.standing.name().to_owned(),
        reason: rule.standing.reason().to_owned(),
        records: match &rule.standing {
            Standing::Evaluated(records) => records.iter().map(|r| r.name().to_owned()).collect(),
            _ => Vec::new(),
        },
        hits_total,
        file: rule.file.display().to_string(),
        line: rule.line as u64,
    }
}

fn folders(facts: &Facts) -> rules::Config {
    let settings = facts
        .settings
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    settings.config.rules.clone()
}

/// Reads the rules again; all of them are good, or nothing changes.
pub fn reload(facts: &Facts) -> Result<v1::ReloadRulesResponse, Status> {
    let set = read(&folders(facts))?;
    apply(facts, set)?;
    let (running, unsupported, _) = facts.rules.page().counts();
    tracing::info!(target: "rules", "{running} rules are evaluated, {unsupported} cannot match here");
    Ok(v1::ReloadRulesResponse {
        running,
        unsupported,
    })
}

/// The rules in the folders of `config`.
pub fn read(config: &rules::Config) -> Result<RuleSet, Status> {
    rules::read_all(config).map_err(Status::failed_precondition)
}

/// Hands the rules to the pipeline.
pub fn apply(facts: &Facts, set: RuleSet) -> Result<(), Status> {
    let page = Page::of(&set, &[]);
    if !facts.hub.ask(Request::Rules(Box::new(set))) {
        return Err(Status::unavailable("the pipeline takes no requests now"));
    }
    facts.rules.turn_to(page);
    Ok(())
}
