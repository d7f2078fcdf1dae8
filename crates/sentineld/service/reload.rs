//! The configuration in use, and its reload by a call or by SIGHUP.

use std::sync::PoisonError;

use sentinel_api::v1;
use tonic::Status;

use super::status::Facts;
use super::{change, rules};
use crate::hub::Request;
use crate::journald;
use crate::settings::RELOADED;

/// Every setting in use.
pub fn config(facts: &Facts) -> v1::GetConfigResponse {
    let settings = facts
        .settings
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let values = settings.values().into_iter().map(|setting| v1::Setting {
        reloadable: RELOADED.contains(&&*setting.key),
        key: setting.key,
        value: setting.value,
        origin: setting.origin.name().to_owned(),
    });
    v1::GetConfigResponse {
        settings: values.collect(),
        file: settings.file.display().to_string(),
    }
}

/// Reads the file again and applies what can be applied.
pub fn reload(facts: &Facts) -> Result<v1::ReloadResponse, Status> {
    let mut settings = facts
        .settings
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let read = settings
        .read_again()
        .map_err(|error| Status::failed_precondition(error.to_string()))?;
    let changed = settings.changed(&read);
    let mut adopted = settings.clone();
    adopted.adopt(&read);
    let config = &adopted.config;
    // First, because these are the steps that can fail for reasons outside; and always,
    // because rules and certificates are renewed in their files.
    let rules = rules::read(&config.rules)?;
    if let Some(tls) = &facts.tls {
        tls.reload(&config.service.tcp)
            .map_err(|error| Status::failed_precondition(error.to_string()))?;
    }
    if !facts
        .hub
        .ask(Request::Detect(Box::new(config.detect.clone())))
    {
        return Err(Status::unavailable("the pipeline takes no requests now"));
    }
    rules::apply(facts, rules)?;
    facts.filter.set(config.sensor.filter.clone());
    journald::set_level(config.log_level);
    // Also when nothing changed in the file: the groups may have been made since.
    facts.door.use_names(&config.service);
    if let Some(tls) = &facts.tls {
        facts.door.review(|chain| tls.believes(chain));
    }
    *settings = adopted;
    let (applied, needs_restart): (Vec<String>, Vec<String>) = changed
        .into_iter()
        .partition(|key| RELOADED.contains(&&**key));
    tracing::info!(
        "read {} again: {}, {}",
        settings.file.display(),
        listed("applied", &applied),
        listed("a restart is needed for", &needs_restart)
    );
    Ok(v1::ReloadResponse {
        applied,
        needs_restart,
    })
}

fn listed(what: &str, keys: &[String]) -> String {
    match keys.is_empty() {
        true => format!("{what} nothing"),
        false => format!("{what} {}", keys.join(", ")),
    }
}

/// What SIGHUP asks for. The kernel lets only root and the daemon's own user send it.
pub fn by_signal(facts: &Facts) {
    if let Err(status) = change::by_signal(facts, "reload", "SIGHUP", reload) {
        tracing::error!("not reloaded: {}", status.message());
    }
}
