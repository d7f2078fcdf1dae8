//! `sentinelctl doctor`: looks at everything that Sentinel needs of its host, and says
//! what to do. Works without the daemon, and says more with it.

mod checks;
mod daemon;

use std::process::ExitCode;

use serde::Serialize;

use crate::client::Target;
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// It works, but not as well as it could.
    Warn,
    /// It keeps Sentinel from its work.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// What was found about one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was looked at, one word.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; empty when nothing is.
    pub advice: String,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Finding {
        Finding::new(check, State::Good, found, "")
    }

    fn new(
        check: &'static str,
        state: State,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            check,
            state,
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// Looks at everything, and fails when something keeps Sentinel from its work.
pub async fn run(target: &Target, output: &mut Output) -> Result<ExitCode, Failure> {
    // What is true of this host says nothing about another.
    let mut findings = match target {
        Target::Socket(_) => checks::host(),
        Target::Remote(_) => Vec::new(),
    };
    findings.extend(daemon::daemon(target).await);
    let bad = findings.iter().any(|f| f.state == State::Bad);
    if output.json {
        for finding in &findings {
            let text = json::line(finding).map_err(|e| Failure::failed(e.to_string()))?;
            output.line(&text)?;
        }
    } else {
        output.print(&render::doctor::report(&findings, &output.look))?;
    }
    Ok(ExitCode::from(u8::from(bad)))
}
