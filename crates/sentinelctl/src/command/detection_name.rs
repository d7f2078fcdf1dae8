//! Names of detections on the command line. Which there are the daemon knows: its own, and
//! the rules that it has read.

use sentinel_api::v1::{ListRulesRequest, StatusRequest};

use crate::client::{self, Client};
use crate::failure::Failure;

/// What is told beside detections and rules.
const OTHERS: [&str; 4] = [
    "anomaly",
    "anomaly_preview",
    "anomaly_digest",
    "learning_stalled",
];

/// Refuses a name that nothing is told under.
///
/// # Errors
/// One sentence with the name that was probably meant.
pub async fn check(client: &mut Client, name: &str) -> Result<(), Failure> {
    let status = client::answer(client.status(StatusRequest {})).await?;
    let rules = client::answer(client.list_rules(ListRulesRequest {})).await?;
    let detections = status.detections.iter().map(|detection| &*detection.name);
    let rules = rules.rules.iter().map(|rule| &*rule.name);
    let known: Vec<&str> = detections.chain(rules).chain(OTHERS).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let failure = Failure::usage(format!("no detection or rule is called {name:?}"));
    Err(match sentinel_query::closest(name, known) {
        Some(meant) => failure.hint(format!("did you mean {meant:?}?")),
        None => failure.hint("'sentinelctl status --all' and 'sentinelctl rules' list all names"),
    })
}
