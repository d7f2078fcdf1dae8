//! What the daemon says while the attacks happen, with the time at which it arrived.

use std::collections::BTreeMap;
use std::time::SystemTime;

use sentinel_api::v1::{
    self, Alert, AlertUpdate, CountedFinding, Event, EventUpdate, Hook, StatusRequest,
    StatusResponse, StreamAlertsRequest, StreamEventsRequest,
};
use sentinel_simulate::{Expected, Variant};
use tonic::{Status, Streaming};

use crate::client::{self, Client, Target};
use crate::failure::Failure;

/// The two streams of the daemon.
pub struct Watch {
    client: Client,
    lost_before: u64,
    alerts: Streaming<AlertUpdate>,
    /// Only when a variant is no more than an event.
    events: Option<Streaming<EventUpdate>>,
    /// What came so far.
    pub seen: Seen,
}

/// What came so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Alerts, as they came.
    pub alerts: Vec<(SystemTime, Alert)>,
    /// Findings that were only counted, as they came.
    pub counted: Vec<(SystemTime, CountedFinding)>,
    /// Events of the kinds that were asked for, as they came.
    pub events: Vec<(SystemTime, Event)>,
    /// Alerts and events that came too fast to be read.
    pub missed: u64,
    /// The state of every detection by its name, such as "off".
    pub detections: BTreeMap<String, String>,
    /// The hooks that run.
    pub hooks: Vec<Hook>,
}

impl Watch {
    /// Opens the streams; what happens from now on is seen.
    pub async fn open(target: &Target, variants: &[&'static Variant]) -> Result<Watch, Failure> {
        let mut client = client::connect(target).await?;
        let status = client::answer(client.status(StatusRequest {})).await?;
        let lost_before = lost(&status);
        let states = status.detections.into_iter();
        let seen = Seen {
            detections: states.map(|d| (d.name, d.state)).collect(),
            hooks: status
                .hooks
                .into_iter()
                .filter(|hook| hook.state == "running")
                .collect(),
            ..Seen::default()
        };
        let request = StreamAlertsRequest {
            counted: true,
            ..StreamAlertsRequest::default()
        };
        let alerts = client::answer(client.stream_alerts(request)).await?;
        let mut kinds: Vec<String> = variants
            .iter()
            .filter_map(|variant| match variant.expected {
                Expected::Event(kind) => Some(kind.name().to_owned()),
                Expected::Alert(..) => None,
            })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        let events = match kinds.is_empty() {
            true => None,
            false => {
                let request = StreamEventsRequest {
                    kinds,
                    ..StreamEventsRequest::default()
                };
                Some(client::answer(client.stream_events(request)).await?)
            }
        };
        Ok(Watch {
            client,
            lost_before,
            alerts,
            events,
            seen,
        })
    }

    /// Events that the sensor has lost since the streams were opened.
    pub async fn lost(&mut self) -> Result<u64, Failure> {
        let status = client::answer(self.client.status(StatusRequest {})).await?;
        Ok(lost(&status).saturating_sub(self.lost_before))
    }

    /// Takes in the next thing that the daemon says.
    pub async fn next(&mut self) -> Result<(), Failure> {
        let Watch {
            alerts,
            events,
            seen,
            ..
        } = self;
        let event = async {
            match events {
                Some(events) => events.message().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            update = alerts.message() => {
                let update = still_open(update)?;
                seen.missed += update.missed;
                let now = SystemTime::now();
                seen.alerts.extend(update.alert.map(|alert| (now, alert)));
                seen.counted.extend(update.counted.map(|finding| (now, finding)));
            }
            update = event => {
                let update = still_open(update)?;
                seen.missed += update.missed;
                seen.events.extend(update.event.map(|event| (SystemTime::now(), event)));
            }
        }
        Ok(())
    }
}

/// Events that found no room in their ring.
fn lost(status: &StatusResponse) -> u64 {
    let Some(rings) = &status.rings else { return 0 };
    let of = |ring: &Option<v1::Ring>| ring.as_ref().map_or(0, |ring| ring.lost);
    of(&rings.priority) + of(&rings.bulk)
}

fn still_open<T>(update: Result<Option<T>, Status>) -> Result<T, Failure> {
    update?.ok_or_else(|| Failure::gone("the daemon ended the stream".to_owned()))
}
