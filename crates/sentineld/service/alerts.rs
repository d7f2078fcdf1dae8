//! Alerts: the stream, the list, and one by its id. What the store has not written yet
//! is taken from the hub, so that a position never skips an alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use sentinel_api::v1;
use sentinel_event::Severity;
use sentinel_store::{AlertRecord, reader};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::status::Facts;
use super::{convert, min_severity};

/// Messages that wait for the client's connection.
const OUTBOX: usize = 64;
/// Alerts read from the store at once.
const PAGE: usize = 1000;
const LIST_MAX: usize = 1000;

/// Sends the alerts after the asked position, then live ones until the client leaves.
pub fn stream(
    facts: Arc<Facts>,
    request: v1::StreamAlertsRequest,
) -> Result<ReceiverStream<Result<v1::AlertUpdate, Status>>, Status> {
    let min_severity = min_severity(&request.min_severity)?;
    let (newest, mut live) = facts.hub.listen_alerts();
    let (outbox, stream) = mpsc::channel(OUTBOX);
    tokio::spawn(async move {
        let mut sent_seq = newest;
        if let Some(after_seq) = request.after_seq {
            sent_seq = match catch_up(&facts, after_seq, min_severity, &outbox).await {
                // A position that was never given out, as of another data folder, must not
                // hide what comes.
                Some(seq) if after_seq > newest => seq.min(newest),
                Some(seq) => seq,
                None => return,
            };
        }
        loop {
            let alert = tokio::select! {
                alert = live.recv() => alert,
                () = outbox.closed() => return,
            };
            let alert = match alert {
                Ok(alert) if alert.seq > sent_seq => alert,
                Ok(_) => continue,
                // How many alerts that were follows from the next one's number.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            // Numbers start anywhere when nothing was sent yet, so no gap is known then.
            let missed = if sent_seq == 0 {
                0
            } else {
                alert.seq - sent_seq - 1
            };
            sent_seq = alert.seq;
            facts.hub.note_missed(missed);
            if alert.severity < min_severity && missed == 0 {
                continue;
            }
            let message = (alert.severity >= min_severity)
                .then(|| convert::alert(&AlertRecord::from(&*alert), &facts.host.name));
            if send(&outbox, message, missed).await.is_err() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(stream))
}

/// Sends what was raised before; returns the last number sent, `None` when the client
/// left.
async fn catch_up(
    facts: &Arc<Facts>,
    mut after_seq: u64,
    min_severity: Severity,
    outbox: &mpsc::Sender<Result<v1::AlertUpdate, Status>>,
) -> Option<u64> {
    loop {
        let alerts = match page(facts, after_seq).await {
            Ok(alerts) => alerts,
            Err(status) => {
                let _ = outbox.send(Err(status)).await;
                return None;
            }
        };
        let Some(last) = alerts.last() else {
            return Some(after_seq);
        };
        after_seq = last.seq;
        for alert in alerts.iter().filter(|a| a.severity >= min_severity) {
            let message = convert::alert(alert, &facts.host.name);
            send(outbox, Some(message), 0).await.ok()?;
        }
    }
}

/// The newest alerts, or those after a position.
pub async fn list(
    facts: Arc<Facts>,
    request: v1::ListAlertsRequest,
) -> Result<v1::ListAlertsResponse, Status> {
    let min_severity = min_severity(&request.min_severity)?;
    let limit = match request.limit as usize {
        0 => LIST_MAX,
        limit => limit.min(LIST_MAX),
    };
    let mut after_seq = request.after_seq.unwrap_or(0);
    let mut found: Vec<AlertRecord> = Vec::new();
    let mut more = false;
    loop {
        let alerts = page(&facts, after_seq).await?;
        let Some(last) = alerts.last() else { break };
        after_seq = last.seq;
        found.extend(alerts.into_iter().filter(|a| a.severity >= min_severity));
        if found.len() > limit {
            more = true;
            if request.after_seq.is_some() {
                found.truncate(limit);
                break;
            }
            found.drain(..found.len() - limit);
        }
    }
    Ok(v1::ListAlertsResponse {
        alerts: found
            .iter()
            .map(|alert| convert::alert(alert, &facts.host.name))
            .collect(),
        more,
    })
}

/// The alert with the asked id.
pub async fn get(facts: Arc<Facts>, request: v1::GetAlertRequest) -> Result<v1::Alert, Status> {
    let mut after_seq = 0;
    loop {
        let alerts = page(&facts, after_seq).await?;
        let Some(last) = alerts.last() else {
            return Err(Status::not_found(format!(
                "there is no alert {:?}",
                request.id
            )));
        };
        after_seq = last.seq;
        if let Some(alert) = alerts.iter().find(|alert| *alert.id == *request.id) {
            return Ok(convert::alert(alert, &facts.host.name));
        }
    }
}

/// The next alerts after `after_seq`, from the store and from memory, oldest first.
async fn page(facts: &Arc<Facts>, after_seq: u64) -> Result<Vec<AlertRecord>, Status> {
    // From memory first: what leaves it in the meantime is in the store by then.
    let recent = facts.hub.recent_alerts();
    let dir = facts.writer.stats().path;
    let stored = tokio::task::spawn_blocking(move || reader::alerts_after(&dir, after_seq, PAGE))
        .await
        .map_err(|error| Status::internal(format!("reading alerts failed: {error}")))?
        .map_err(|error| Status::unavailable(format!("cannot read stored alerts: {error}")))?;
    let full_page_end = (stored.len() == PAGE).then(|| stored[PAGE - 1].seq);
    let mut alerts: BTreeMap<u64, AlertRecord> =
        stored.into_iter().map(|alert| (alert.seq, alert)).collect();
    for alert in recent {
        let in_page = full_page_end.is_none_or(|end| alert.seq <= end);
        if alert.seq > after_seq && in_page {
            alerts
                .entry(alert.seq)
                .or_insert_with(|| AlertRecord::from(&*alert));
        }
    }
    Ok(alerts.into_values().collect())
}

async fn send(
    outbox: &mpsc::Sender<Result<v1::AlertUpdate, Status>>,
    alert: Option<v1::Alert>,
    missed: u64,
) -> Result<(), ()> {
    let update = v1::AlertUpdate { alert, missed };
    outbox.send(Ok(update)).await.map_err(|_| ())
}
