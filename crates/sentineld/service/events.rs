//! The stream of events.

use std::sync::Arc;

use sentinel_api::v1;
use sentinel_event::{Event, Kind};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::convert;
use super::status::Facts;

/// Messages that wait for the client's connection.
const OUTBOX: usize = 256;

/// What a client wants to see.
struct Filter {
    kinds: Vec<Kind>,
    pid: Option<u32>,
    exe_prefix: String,
}

impl Filter {
    fn new(request: v1::StreamEventsRequest) -> Result<Filter, Status> {
        let kinds = request
            .kinds
            .iter()
            .map(|name| {
                Kind::from_name(name).ok_or_else(|| {
                    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                    Status::invalid_argument(format!(
                        "kinds has {name:?}, but knows only {}",
                        known.join(", ")
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Filter {
            kinds,
            pid: request.pid,
            exe_prefix: request.exe_prefix,
        })
    }

    fn passes(&self, event: &Event) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind()))
            && self.pid.is_none_or(|pid| pid == event.process.pid)
            && event.process.exe.starts_with(&self.exe_prefix)
    }
}

/// Sends what passes the filter until the client leaves. A client that reads too slowly
/// misses events, and is told how many, counted before the filter.
pub fn stream(
    facts: Arc<Facts>,
    request: v1::StreamEventsRequest,
) -> Result<ReceiverStream<Result<v1::EventUpdate, Status>>, Status> {
    let filter = Filter::new(request)?;
    let mut batches = facts.hub.listen_events();
    let (outbox, stream) = mpsc::channel(OUTBOX);
    tokio::spawn(async move {
        let mut next_seq = None;
        loop {
            let batch = match batches.recv().await {
                Ok(batch) => batch,
                // How many events that were follows from the next batch's numbers.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let Some((first, last)) = batch.first().zip(batch.last()) else {
                continue;
            };
            let missed = next_seq.map_or(0, |next: u64| first.seq.saturating_sub(next));
            next_seq = Some(last.seq + 1);
            facts.hub.note_missed(missed);
            if missed > 0 && send(&outbox, None, missed).await.is_err() {
                return;
            }
            for event in batch.iter().filter(|event| filter.passes(event)) {
                let message = convert::event(event, &facts.host.name);
                if send(&outbox, Some(message), 0).await.is_err() {
                    return;
                }
            }
            // Without this a client that left is noticed only when an event passes.
            if outbox.is_closed() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(stream))
}

async fn send(
    outbox: &mpsc::Sender<Result<v1::EventUpdate, Status>>,
    event: Option<v1::Event>,
    missed: u64,
) -> Result<(), ()> {
    let update = v1::EventUpdate { event, missed };
    outbox.send(Ok(update)).await.map_err(|_| ())
}
