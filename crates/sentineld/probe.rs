//! `sentinel probe`: what can be observed on this kernel, and through which hook.

use anyhow::{Context, Result};
use serde_json::json;

use crate::sensor::{self, HookStatus};

/// Prints the table of hooks. Fails when loading is impossible altogether.
pub fn run(as_json: bool) -> Result<()> {
    let hooks = sensor::probe()?;
    if as_json {
        let rows: Vec<_> = hooks.iter().map(row).collect();
        let text = serde_json::to_string_pretty(&rows).context("cannot write JSON")?;
        println!("{text}");
        return Ok(());
    }
    println!(
        "{:<10} {:<8} {:<10} {:<44} {:<28} REASON",
        "OBSERVES", "STATE", "TIER", "ATTACHED TO", "CANNOT SEE"
    );
    for status in &hooks {
        println!(
            "{:<10} {:<8} {:<10} {:<44} {:<28} {}",
            status.hook.observation,
            status.state.name(),
            status.hook.tier.name(),
            status.hook.attach_point,
            if status.hook.blind_to.is_empty() {
                "-"
            } else {
                status.hook.blind_to
            },
            status.state.reason(),
        );
    }
    Ok(())
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
