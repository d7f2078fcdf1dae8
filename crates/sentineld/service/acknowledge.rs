//! Noting that somebody has dealt with an alert.

use std::sync::Arc;

use sentinel_api::v1;
use sentinel_process::Lookup;
use tonic::{Request, Status};

use super::access::Caller;
use super::status::Facts;
use super::{alerts, change};
use crate::acknowledgements::Acknowledgement;
use crate::clock;
use crate::procfs::Procfs;

const NOTE_CHARS_MAX: usize = 1000;

/// Notes it, and answers with the alert as it is then.
pub async fn acknowledge(
    facts: &Arc<Facts>,
    request: Request<v1::AcknowledgeAlertRequest>,
) -> Result<v1::Alert, Status> {
    let v1::AcknowledgeAlertRequest { id, note } = request.get_ref().clone();
    let wanted = v1::GetAlertRequest { id: id.clone() };
    alerts::get(Arc::clone(facts), wanted.clone()).await?;
    let uid = request.extensions().get::<Caller>().map_or(0, |c| c.uid);
    let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
    let detail = id.clone();
    change::change(facts, &request, "acknowledge", detail, move |facts| {
        let added = facts.acknowledgements.add(Acknowledgement {
            id,
            time_ns: clock::unix_ns(),
            uid,
            user: Procfs::new().user(uid).map(|name| name.to_string()),
            note,
        });
        added.map_err(|error| Status::unavailable(format!("{error:#}")))
    })
    .await?;
    alerts::get(Arc::clone(facts), wanted).await
}
