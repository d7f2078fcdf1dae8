//! Alerts: the stream, the list, and one by its id. What the store has not written yet
//! is taken from the hub, so that a position never skips an alert.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use prost::Message;
use sentinel_api::v1;
use sentinel_detect::Counted;
use sentinel_event::Severity;
use sentinel_store::{AlertRecord, reader};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::status::Facts;
use super::{convert, min_severity};
use crate::anomaly;

/// Messages that wait for the client's connection.
const OUTBOX: usize = 64;
/// Alerts read from the store at once.
const PAGE: usize = 1000;
const LIST_MAX: usize = 1000;
/// What a list may take: clients refuse more than 4 MiB unless they are told otherwise.
const LIST_BYTES_MAX: usize = 3 << 20;

/// Which alerts a client wants to see.
struct Filter {
    min_severity: Severity,
    /// Empty for all.
    detection: String,
    /// Empty for all.
    incident: String,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
    unacknowledged: bool,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            min_severity: Severity::Info,
            detection: String::new(),
            incident: String::new(),
            since_ns: None,
            until_ns: None,
            unacknowledged: false,
        }
    }
}

impl Filter {
    /// What was not sent as an alert is shown only to whoever asks for it by its name.
    fn is_asked_for(&self, detection: &str) -> bool {
        match self.detection.is_empty() {
            true => !anomaly::is_silent(detection),
            false => *detection == *self.detection,
        }
    }

    fn passes_counted(&self, finding: &Counted) -> bool {
        finding.severity >= self.min_severity && self.is_asked_for(&finding.source)
    }

    fn passes(&self, facts: &Facts, alert: &AlertRecord) -> bool {
        alert.severity >= self.min_severity
            && self.is_asked_for(&alert.detection)
            && (self.incident.is_empty() || *alert.incident == *self.incident)
            && self.since_ns.is_none_or(|since| alert.time_ns >= since)
            && self.until_ns.is_none_or(|until| alert.time_ns < until)
            && !(self.unacknowledged && facts.acknowledgements.get(&alert.id).is_some())
    }
}

/// An alert with what somebody said of it.
fn message(facts: &Facts, alert: &AlertRecord) -> v1::Alert {
    let known = facts.acknowledgements.get(&alert.id);
    v1::Alert {
        acknowledged: known.map(convert::acknowledgement),
        ..convert::alert(alert, &facts.host.name)
    }
}

/// Sends the alerts after the asked position, then live ones until the client leaves.
pub fn stream(
    facts: Arc<Facts>,
    request: v1::StreamAlertsRequest,
) -> Result<ReceiverStream<Result<v1::AlertUpdate, Status>>, Status> {
    let filter = Filter {
        min_severity: min_severity(&request.min_severity)?,
        detection: request.detection,
        ..Filter::default()
    };
    let (newest, mut live) = facts.hub.listen_alerts();
    let mut counted = request.counted.then(|| facts.hub.listen_counted());
    let (outbox, stream) = mpsc::channel(OUTBOX);
    tokio::spawn(async move {
        let mut sent_seq = newest;
        if let Some(after_seq) = request.after_seq {
            sent_seq = match catch_up(&facts, after_seq, &filter, &outbox).await {
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
                finding = next(&mut counted) => {
                    let update = v1::AlertUpdate {
                        counted: Some(convert::counted(&finding)),
                        ..v1::AlertUpdate::default()
                    };
                    if filter.passes_counted(&finding) && outbox.send(Ok(update)).await.is_err() {
                        return;
                    }
                    continue;
                }
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
            let alert = AlertRecord::from(&*alert);
            let wanted = filter.passes(&facts, &alert);
            if !wanted && missed == 0 {
                continue;
            }
            let message = wanted.then(|| message(&facts, &alert));
            if send(&outbox, message, missed).await.is_err() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(stream))
}

/// The next finding that was only counted; never any for who did not ask for them.
async fn next(counted: &mut Option<Receiver<Arc<Counted>>>) -> Arc<Counted> {
    let Some(live) = counted else {
        return std::future::pending().await;
    };
    loop {
        match live.recv().await {
            Ok(finding) => return finding,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Sends what was raised before; returns the last number sent, `None` when the client
/// left.
async fn catch_up(
    facts: &Arc<Facts>,
    mut after_seq: u64,
    filter: &Filter,
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
        for alert in alerts.iter().filter(|alert| filter.passes(facts, alert)) {
            let message = message(facts, alert);
            send(outbox, Some(message), 0).await.ok()?;
        }
    }
}

/// The newest alerts, or those after a position.
pub async fn list(
    facts: Arc<Facts>,
    request: v1::ListAlertsRequest,
) -> Result<v1::ListAlertsResponse, Status> {
    let filter = Filter {
        min_severity: min_severity(&request.min_severity)?,
        since_ns: request.since.as_ref().map(convert::nanoseconds),
        until_ns: request.until.as_ref().map(convert::nanoseconds),
        unacknowledged: request.unacknowledged,
        detection: request.detection,
        incident: request.incident,
    };
    let limit = match request.limit as usize {
        0 => LIST_MAX,
        limit => limit.min(LIST_MAX),
    };
    let mut after_seq = request.after_seq.unwrap_or(0);
    let mut found = VecDeque::new();
    let mut bytes = 0;
    let mut more = false;
    'pages: loop {
        let alerts = page(&facts, after_seq).await?;
        let Some(last) = alerts.last() else { break };
        after_seq = last.seq;
        for alert in alerts.iter().filter(|alert| filter.passes(&facts, alert)) {
            let alert = message(&facts, alert);
            bytes += alert.encoded_len();
            found.push_back(alert);
            while found.len() > limit || (bytes > LIST_BYTES_MAX && found.len() > 1) {
                more = true;
                // The oldest are wanted when a position was given, else the newest.
                let left_out = match request.after_seq {
                    Some(_) => found.pop_back(),
                    None => found.pop_front(),
                };
                bytes -= left_out.map_or(0, |alert| alert.encoded_len());
                if request.after_seq.is_some() {
                    break 'pages;
                }
            }
        }
    }
    Ok(v1::ListAlertsResponse {
        alerts: found.into(),
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
            return Ok(message(&facts, alert));
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
    let update = v1::AlertUpdate {
        alert,
        missed,
        counted: None,
    };
    outbox.send(Ok(update)).await.map_err(|_| ())
}
