//! Noting that somebody has dealt with an alert.

use std::sync::Arc;

use sentinel_api::v1;
use tonic::{Request, Status};

use super::status::Facts;
use super::{alerts, change};
use crate::acknowledgements::Acknowledgement;
use crate::clock;

const NOTE_CHARS_MAX: usize = 1000;

/// Notes it, and answers with the alert as it is then.
pub async fn acknowledge(
    facts: &Arc<Facts>,
    request: Request<v1::AcknowledgeAlertRequest>,
) -> Result<v1::Alert, Status> {
    let v1::AcknowledgeAlertRequest { id, note } = request.get_ref().clone();
    let wanted = v1::GetAlertRequest { id: id.clone() };
    alerts::get(Arc::clone(facts), wanted.clone()).await?;
    let who = change::caller(&request)?.clone();
    let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
    let detail = id.clone();
    change::change(facts, &request, "acknowledge", detail, move |facts| {
        let who = change::who(&who, String::new());
        let added = facts.acknowledgements.add(Acknowledgement {
            id,
            time_ns: clock::unix_ns(),
            uid: who.uid,
            user: who.user,
            certificate: who.certificate,
            note,
        });
        added.map_err(|error| Status::unavailable(format!("{error:#}")))
    })
    .await?;
    alerts::get(Arc::clone(facts), wanted).await
}
