//! `sentinel probe`: what can be observed on this kernel, and through which hook.

use std::io::{self, Write};

use anyhow::{Context, Result};
use serde_json::json;

use crate::sensor::{self, HookStatus};

/// Prints the table of hooks. Fails when loading is impossible altogether.
pub fn run(as_json: bool) -> Result<()> {
    let hooks = sensor::probe()?;
    let text = if as_json {
        let rows: Vec<_> = hooks.iter().map(row).collect();
        serde_json::to_string_pretty(&rows).context("cannot write JSON")? + "\n"
    } else {
        table(&hooks) + &after_a_crash()
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Whether the programs go on when a daemon like this one is killed.
fn after_a_crash() -> String {
    match sensor::keeps_programs() {
        Ok(()) => "\nAfter a crash the kernel programs go on, and the next daemon reads what they wrote.\n".to_owned(),
        Err(reason) => format!("\nA crash leaves a gap until the next start, because {reason}.\n"),
    }
}

fn table(hooks: &[HookStatus]) -> String {
    let mut out = format!(
        "{:<10} {:<8} {:<10} {:<50} {:<27} REASON\n",
        "OBSERVES", "STATE", "TIER", "ATTACHED TO", "CANNOT SEE"
    );
    for status in hooks {
        let blind_to = match status.hook.blind_to {
            "" => "-",
            blind_to => blind_to,
        };
        let line = format!(
            "{:<10} {:<8} {:<10} {:<50} {blind_to:<27} {}",
            status.hook.observation,
            status.state.name(),
            status.hook.tier.name(),
            status.hook.attach_point,
            status.state.reason(),
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn row(status: &HookStatus) -> serde_json::Value {
    json!({
        "observation": status.hook.observation,
        "program": status.hook.program,
        "attach_point": status.hook.attach_point,
        "tier": status.hook.tier.name(),
        "state": status.state.name(),
        "reason": status.state.reason(),
        "blind_to": status.hook.blind_to,
    })
}
