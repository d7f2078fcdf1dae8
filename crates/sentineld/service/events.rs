//! The stream of events: of the history, live, or both without a gap between them.

use std::sync::Arc;
use std::time::Duration;

use sentinel_api::v1;
use sentinel_event::{Event, Kind};
use sentinel_store::replay::TimeRange;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::convert;
use super::history::{self, Turn};
use super::status::Facts;

/// Messages that wait for the client's connection.
const OUTBOX: usize = 256;

/// Events are on disk at the latest after twice the default flush interval.
const WRITTEN_AFTER: Duration = Duration::from_secs(2);

/// What a client wants to see.
#[derive(Clone)]
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

/// What of the history a client wants to see first.
struct Past {
    turn: Turn,
    range: TimeRange,
    follow: bool,
}

impl Past {
    fn new(request: &v1::StreamEventsRequest) -> Result<Option<Past>, Status> {
        let Some(since) = &request.since else {
            return match request.until.is_some() || request.follow {
                true => Err(Status::invalid_argument("until and follow go with since")),
                false => Ok(None),
            };
        };
        let turn = Turn::take().ok_or_else(|| {
            Status::resource_exhausted("others read the history now; try again when they are done")
        })?;
        Ok(Some(Past {
            turn,
            range: TimeRange {
                from_ns: convert::nanoseconds(since),
                until_ns: request
                    .until
                    .as_ref()
                    .map_or(i64::MAX, convert::nanoseconds),
            },
            follow: request.follow && request.until.is_none(),
        }))
    }

    /// Sends it. Returns the number of its last event when live ones are to follow.
    async fn send(
        self,
        facts: &Arc<Facts>,
        filter: &Filter,
        outbox: &mpsc::Sender<Result<v1::EventUpdate, Status>>,
    ) -> Option<u64> {
        if self.follow {
            // What happened before this client listened is written by then.
            tokio::time::sleep(WRITTEN_AFTER).await;
        }
        let follow = self.follow;
        let (facts, filter, events) = (Arc::clone(facts), filter.clone(), outbox.clone());
        let read = tokio::task::spawn_blocking(move || {
            let dir = facts.writer.stats().path;
            history::read(&self.turn, &dir, self.range, |event| {
                let update = || v1::EventUpdate {
                    event: Some(convert::event(event, &facts.host.name)),
                    missed: 0,
                };
                match filter.passes(event) {
                    true => events.blocking_send(Ok(update())).is_ok(),
                    false => !events.is_closed(),
                }
            })
        });
        let failure = match read.await {
            Ok(Ok(last_seq)) if follow => return Some(last_seq),
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => Status::unavailable(format!("cannot read the history: {error}")),
            Err(error) => Status::internal(format!("reading the history failed: {error}")),
        };
        // A client that has left does not need to know.
        let _ = outbox.send(Err(failure)).await;
        None
    }
}

/// Sends what passes the filter until the client leaves. A client that reads too slowly
/// misses events, and is told how many, counted before the filter.
pub fn stream(
    facts: Arc<Facts>,
    request: v1::StreamEventsRequest,
) -> Result<ReceiverStream<Result<v1::EventUpdate, Status>>, Status> {
    let past = Past::new(&request)?;
    let filter = Filter::new(request)?;
    let mut batches = facts.hub.listen_events();
    let (outbox, stream) = mpsc::channel(OUTBOX);
    tokio::spawn(async move {
        let mut next_seq = None;
        if let Some(past) = past {
            match past.send(&facts, &filter, &outbox).await {
                // Where nothing was found it is not known what would have been next.
                Some(last_seq) => next_seq = (last_seq > 0).then_some(last_seq + 1),
                None => return,
            }
        }
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
            let sent_before = next_seq.unwrap_or(0);
            next_seq = Some(sent_before.max(last.seq + 1));
            facts.hub.note_missed(missed);
            if missed > 0 && send(&outbox, None, missed).await.is_err() {
                return;
            }
            let fresh = batch.iter().filter(|event| event.seq >= sent_before);
            for event in fresh.filter(|event| filter.passes(event)) {
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
