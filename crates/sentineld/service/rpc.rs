//! The RPCs.

use std::sync::Arc;

use sentinel_api::v1;
use sentinel_api::v1::sentinel_server::Sentinel;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::status::Facts;
use super::{alerts, convert, events};
use crate::mode::Mode;

/// Answers the calls of `sentinel.v1`.
pub struct Rpc {
    facts: Arc<Facts>,
}

impl Rpc {
    pub fn new(facts: Arc<Facts>) -> Rpc {
        Rpc { facts }
    }
}

#[tonic::async_trait]
impl Sentinel for Rpc {
    type StreamAlertsStream = ReceiverStream<Result<v1::AlertUpdate, Status>>;
    type StreamEventsStream = ReceiverStream<Result<v1::EventUpdate, Status>>;

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        Ok(Response::new(self.facts.status()))
    }

    async fn get_mode(
        &self,
        _: Request<v1::GetModeRequest>,
    ) -> Result<Response<v1::ModeState>, Status> {
        Ok(Response::new(convert::mode_state(self.facts.mode.get())))
    }

    async fn set_mode(
        &self,
        request: Request<v1::SetModeRequest>,
    ) -> Result<Response<v1::ModeState>, Status> {
        let mode = match request.get_ref().mode() {
            v1::Mode::Learn => Mode::Learn,
            v1::Mode::Detect => Mode::Detect,
            v1::Mode::Unspecified => {
                return Err(Status::invalid_argument(
                    "mode must be MODE_LEARN or MODE_DETECT",
                ));
            }
        };
        let facts = Arc::clone(&self.facts);
        let state = tokio::task::spawn_blocking(move || facts.mode.set(mode))
            .await
            .map_err(|error| Status::internal(format!("switching failed: {error}")))?
            .map_err(|error| Status::unavailable(format!("{error:#}")))?;
        tracing::info!(mode = mode.name(), "the mode is now {}", mode.name());
        Ok(Response::new(convert::mode_state(state)))
    }

    async fn stream_alerts(
        &self,
        request: Request<v1::StreamAlertsRequest>,
    ) -> Result<Response<Self::StreamAlertsStream>, Status> {
        let stream = alerts::stream(Arc::clone(&self.facts), request.into_inner())?;
        Ok(Response::new(stream))
    }

    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        let answer = alerts::list(Arc::clone(&self.facts), request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_alert(
        &self,
        request: Request<v1::GetAlertRequest>,
    ) -> Result<Response<v1::Alert>, Status> {
        let alert = alerts::get(Arc::clone(&self.facts), request.into_inner()).await?;
        Ok(Response::new(alert))
    }

    async fn stream_events(
        &self,
        request: Request<v1::StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let stream = events::stream(Arc::clone(&self.facts), request.into_inner())?;
        Ok(Response::new(stream))
    }
}
