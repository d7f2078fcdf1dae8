//! The RPCs.

use std::sync::Arc;

use sentinel_api::v1;
use sentinel_api::v1::sentinel_server::Sentinel;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::status::Facts;
use super::{
    acknowledge, alerts, allow, baseline, change, convert, coverage, events, learning, reload,
    rules, tree,
};
use crate::mode::{Mode, ModeState};

/// Answers the calls of `sentinel.v1`.
pub struct Rpc {
    facts: Arc<Facts>,
}

impl Rpc {
    pub fn new(facts: Arc<Facts>) -> Rpc {
        Rpc { facts }
    }

    fn mode_state(&self, state: ModeState) -> v1::ModeState {
        v1::ModeState {
            warnings: learning::warnings(state.mode, &self.facts.learning.get()),
            ..convert::mode_state(state)
        }
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
        Ok(Response::new(self.mode_state(self.facts.mode.get())))
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
        let for_seconds = request.get_ref().for_seconds;
        let for_ns = (for_seconds > 0).then(|| {
            i64::try_from(for_seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000_000)
        });
        let name = match for_seconds {
            0 => mode.name().to_owned(),
            seconds => format!("{} for {seconds} s", mode.name()),
        };
        let state = change::change(&self.facts, &request, "mode", name, move |facts| {
            let switched = facts.mode.set(mode, for_ns);
            switched.map_err(|error| Status::unavailable(format!("{error:#}")))
        })
        .await?;
        Ok(Response::new(self.mode_state(state)))
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

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        let answer = change::list(Arc::clone(&self.facts), request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_config(
        &self,
        _: Request<v1::GetConfigRequest>,
    ) -> Result<Response<v1::GetConfigResponse>, Status> {
        Ok(Response::new(reload::config(&self.facts)))
    }

    async fn reload(
        &self,
        request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        let detail = String::new();
        let answer = change::change(&self.facts, &request, "reload", detail, reload::reload).await;
        answer.map(Response::new)
    }

    async fn get_tree(
        &self,
        request: Request<v1::GetTreeRequest>,
    ) -> Result<Response<v1::GetTreeResponse>, Status> {
        let answer = tree::tree(&self.facts, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn acknowledge_alert(
        &self,
        request: Request<v1::AcknowledgeAlertRequest>,
    ) -> Result<Response<v1::Alert>, Status> {
        let answer = acknowledge::acknowledge(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn list_generations(
        &self,
        _: Request<v1::ListGenerationsRequest>,
    ) -> Result<Response<v1::ListGenerationsResponse>, Status> {
        Ok(Response::new(baseline::generations(&self.facts).await?))
    }

    async fn get_baseline(
        &self,
        request: Request<v1::GetBaselineRequest>,
    ) -> Result<Response<v1::GetBaselineResponse>, Status> {
        let answer = baseline::show(&self.facts, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn diff_generations(
        &self,
        request: Request<v1::DiffGenerationsRequest>,
    ) -> Result<Response<v1::DiffGenerationsResponse>, Status> {
        let answer = baseline::diff(&self.facts, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn decide_behaviour(
        &self,
        request: Request<v1::DecideBehaviourRequest>,
    ) -> Result<Response<v1::DecideBehaviourResponse>, Status> {
        let answer = baseline::decide(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn fit_baseline(
        &self,
        request: Request<v1::FitBaselineRequest>,
    ) -> Result<Response<v1::FitBaselineResponse>, Status> {
        let answer = baseline::fit(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn roll_back(
        &self,
        request: Request<v1::RollBackRequest>,
    ) -> Result<Response<v1::RollBackResponse>, Status> {
        let answer = baseline::roll_back(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn list_rules(
        &self,
        _: Request<v1::ListRulesRequest>,
    ) -> Result<Response<v1::ListRulesResponse>, Status> {
        Ok(Response::new(rules::list(&self.facts)))
    }

    async fn reload_rules(
        &self,
        request: Request<v1::ReloadRulesRequest>,
    ) -> Result<Response<v1::ReloadRulesResponse>, Status> {
        let detail = String::new();
        let answer = change::change(&self.facts, &request, "rules", detail, rules::reload).await;
        answer.map(Response::new)
    }

    async fn list_allow_rules(
        &self,
        _: Request<v1::ListAllowRulesRequest>,
    ) -> Result<Response<v1::ListAllowRulesResponse>, Status> {
        Ok(Response::new(allow::list(&self.facts)))
    }

    async fn add_allow_rule(
        &self,
        request: Request<v1::AddAllowRuleRequest>,
    ) -> Result<Response<v1::AllowRule>, Status> {
        let answer = allow::add(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn remove_allow_rule(
        &self,
        request: Request<v1::RemoveAllowRuleRequest>,
    ) -> Result<Response<v1::AllowRule>, Status> {
        let answer = allow::remove(&self.facts, request).await?;
        Ok(Response::new(answer))
    }

    async fn get_coverage(
        &self,
        _: Request<v1::GetCoverageRequest>,
    ) -> Result<Response<v1::Coverage>, Status> {
        Ok(Response::new(coverage::get(&self.facts)))
    }

    async fn report_coverage(
        &self,
        request: Request<v1::ReportCoverageRequest>,
    ) -> Result<Response<v1::Coverage>, Status> {
        let answer = coverage::report(&self.facts, request).await?;
        Ok(Response::new(answer))
    }
}
