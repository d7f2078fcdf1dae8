//! What the daemon of a test answers to each call.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sentinel_api::v1::sentinel_server::Sentinel;
use sentinel_api::v1::*;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::{Knowledge, time};

/// Answers for the daemon.
pub struct Fake(pub Arc<Knowledge>);

type Answer<T> = Result<Response<T>, Status>;
type Updates<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Fake {
    fn note<T: std::fmt::Debug>(&self, request: Request<T>) -> T {
        let request = request.into_inner();
        let mut asked = self.0.asked.lock().expect("not poisoned");
        asked.push(format!("{request:?}"));
        request
    }

    fn mode(&self) -> ModeState {
        ModeState {
            mode: *self.0.mode.lock().expect("not poisoned"),
            since: time(),
            ..ModeState::default()
        }
    }

    fn stream<T: Send + 'static>(&self, items: Vec<T>) -> Answer<Updates<T>> {
        let items = tokio_stream::iter(items.into_iter().map(Ok));
        Ok(Response::new(match self.0.streams_end {
            true => Box::pin(items),
            false => Box::pin(items.chain(tokio_stream::pending())),
        }))
    }
}

#[tonic::async_trait]
impl Sentinel for Fake {
    async fn status(&self, request: Request<StatusRequest>) -> Answer<StatusResponse> {
        self.note(request);
        Ok(Response::new(StatusResponse {
            version: "0.1.0".to_owned(),
            mode: Some(self.mode()),
            rings: Some(Rings {
                priority: Some(Ring {
                    sent: 42,
                    ..Ring::default()
                }),
                bulk: Some(Ring::default()),
            }),
            problems: vec!["the disk is full \x1b[2J".to_owned()],
            ..StatusResponse::default()
        }))
    }

    async fn get_mode(&self, request: Request<GetModeRequest>) -> Answer<ModeState> {
        self.note(request);
        Ok(Response::new(self.mode()))
    }

    async fn set_mode(&self, request: Request<SetModeRequest>) -> Answer<ModeState> {
        if self.0.read_only {
            return Err(Status::permission_denied(
                "only sentinel-admin may change the mode",
            ));
        }
        *self.0.mode.lock().expect("not poisoned") = self.note(request).mode;
        Ok(Response::new(self.mode()))
    }

    type StreamAlertsStream = Updates<AlertUpdate>;

    async fn stream_alerts(
        &self,
        request: Request<StreamAlertsRequest>,
    ) -> Answer<Self::StreamAlertsStream> {
        let request = self.note(request);
        let alerts = self.0.alerts.iter().cloned();
        let alerts = alerts.filter(|alert| Some(alert.seq) > request.after_seq);
        let updates = alerts.map(|alert| AlertUpdate {
            alert: Some(alert),
            missed: 0,
            counted: None,
        });
        let notice = AlertUpdate {
            alert: None,
            missed: 3,
            counted: None,
        };
        self.stream(std::iter::once(notice).chain(updates).collect())
    }

    async fn list_alerts(&self, request: Request<ListAlertsRequest>) -> Answer<ListAlertsResponse> {
        let request = self.note(request);
        // Smaller than what is asked for, as a daemon is free to answer.
        let limit = request.limit.min(2) as usize;
        let alerts = &self.0.alerts;
        let page: Vec<Alert> = match request.after_seq {
            Some(after) => alerts
                .iter()
                .filter(|a| a.seq > after)
                .take(limit)
                .cloned()
                .collect(),
            None => alerts[alerts.len().saturating_sub(limit)..].to_vec(),
        };
        let more = match request.after_seq {
            Some(_) => page.last().map(|a| a.seq) != alerts.last().map(|a| a.seq),
            None => page.len() < alerts.len(),
        };
        Ok(Response::new(ListAlertsResponse { alerts: page, more }))
    }

    async fn get_alert(&self, request: Request<GetAlertRequest>) -> Answer<Alert> {
        let id = self.note(request).id;
        let found = self.0.alerts.iter().find(|alert| alert.id == id).cloned();
        found
            .map(Response::new)
            .ok_or_else(|| Status::not_found(format!("there is no alert {id}")))
    }

    type StreamEventsStream = Updates<EventUpdate>;

    async fn stream_events(
        &self,
        request: Request<StreamEventsRequest>,
    ) -> Answer<Self::StreamEventsStream> {
        self.note(request);
        // Long enough for the client to wait in its stream when it ends.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.stream(self.0.events.clone())
    }

    async fn list_audit(&self, request: Request<ListAuditRequest>) -> Answer<ListAuditResponse> {
        let limit = self.note(request).limit;
        let entries = [("done", ""), ("failed", "the disk is full \x1b[2J")];
        let entries = entries
            .iter()
            .zip(1..)
            .map(|((outcome, reason), seq)| AuditEntry {
                seq,
                time: time(),
                action: "mode".to_owned(),
                detail: "detect".to_owned(),
                outcome: (*outcome).to_owned(),
                reason: (*reason).to_owned(),
                user: Some("root".to_owned()),
                pid: 4242,
                exe: "/usr/bin/sentinelctl".to_owned(),
                ..AuditEntry::default()
            });
        let entries: Vec<AuditEntry> = entries.collect();
        let surplus = entries.len().saturating_sub(limit as usize);
        Ok(Response::new(ListAuditResponse {
            entries: entries[if limit == 0 { 0 } else { surplus }..].to_vec(),
            more: limit == 1,
        }))
    }

    async fn get_config(&self, request: Request<GetConfigRequest>) -> Answer<GetConfigResponse> {
        self.note(request);
        let setting = |key: &str, value: &str, origin: &str, reloadable| Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
            reloadable,
        };
        Ok(Response::new(GetConfigResponse {
            file: "/etc/sentinel/sentinel.toml".to_owned(),
            settings: vec![
                setting("log_level", "\"info\"", "default", true),
                setting("store.flush_rows", "8192", "file", false),
                setting("store.\x1b[2J", "\x1b[2J", "flag", false),
            ],
        }))
    }

    async fn reload(&self, request: Request<ReloadRequest>) -> Answer<ReloadResponse> {
        self.note(request);
        if self.0.read_only {
            return Err(Status::failed_precondition("x.toml:1:1: nonsense"));
        }
        Ok(Response::new(ReloadResponse {
            applied: vec!["log_level".to_owned()],
            needs_restart: vec!["store.flush_rows".to_owned()],
        }))
    }

    async fn get_tree(&self, request: Request<GetTreeRequest>) -> Answer<GetTreeResponse> {
        self.note(request);
        let process = |pid, parent, exe: &str| TreeProcess {
            pid,
            parent,
            exe: exe.to_owned(),
            comm: "comm\x1b[2J".to_owned(),
            ..TreeProcess::default()
        };
        let processes = vec![
            process(1, 0, "/sbin/init"),
            process(2, 0, ""),
            process(3, 2, ""),
            process(4, 1, "/bin/\x1b[2J"),
        ];
        Ok(Response::new(GetTreeResponse { processes }))
    }

    async fn acknowledge_alert(&self, request: Request<AcknowledgeAlertRequest>) -> Answer<Alert> {
        let request = self.note(request);
        let mut alert = self.0.alerts.first().cloned().unwrap_or_default();
        alert.acknowledged = Some(Acknowledgement {
            time: time(),
            note: request.note,
            ..Acknowledgement::default()
        });
        Ok(Response::new(alert))
    }

    async fn list_generations(
        &self,
        request: Request<ListGenerationsRequest>,
    ) -> Answer<ListGenerationsResponse> {
        self.note(request);
        Ok(Response::new(ListGenerationsResponse::default()))
    }

    async fn get_baseline(
        &self,
        request: Request<GetBaselineRequest>,
    ) -> Answer<GetBaselineResponse> {
        let exe = self.note(request).exe;
        match exe.as_str() {
            "/usr/bin/none" => Err(Status::not_found("no program \"/usr/bin/none\" is known")),
            _ => Ok(Response::new(GetBaselineResponse::default())),
        }
    }

    async fn diff_generations(
        &self,
        request: Request<DiffGenerationsRequest>,
    ) -> Answer<DiffGenerationsResponse> {
        self.note(request);
        Ok(Response::new(DiffGenerationsResponse::default()))
    }

    async fn decide_behaviour(
        &self,
        request: Request<DecideBehaviourRequest>,
    ) -> Answer<DecideBehaviourResponse> {
        let id = self.note(request).id;
        let words = format!("bash starts {id}");
        Ok(Response::new(DecideBehaviourResponse { words }))
    }

    async fn roll_back(&self, request: Request<RollBackRequest>) -> Answer<RollBackResponse> {
        self.note(request);
        Ok(Response::new(RollBackResponse {
            removed: vec![5, 6],
        }))
    }

    async fn fit_baseline(
        &self,
        request: Request<FitBaselineRequest>,
    ) -> Answer<FitBaselineResponse> {
        self.note(request);
        Ok(Response::new(FitBaselineResponse {
            verdict: "tonight's models are in use \x1b[2J".to_owned(),
            ordered: vec!["recurrent network".to_owned()],
        }))
    }

    async fn list_rules(&self, request: Request<ListRulesRequest>) -> Answer<ListRulesResponse> {
        self.note(request);
        let rule = |name: &str, state: &str, reason: &str, hits_total| Rule {
            name: name.to_owned(),
            title: "T \x1b[2J".to_owned(),
            severity: "high".to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            hits_total,
            ..Rule::default()
        };
        Ok(Response::new(ListRulesResponse {
            rules: vec![
                rule("sigma:a", "running", "", 3),
                rule("sigma:b", "unsupported", "the log of sshd is not read", 0),
            ],
            problems: vec!["/etc/sentinel/rules/c.yml:7: nonsense \x1b[2J".to_owned()],
            folders: vec!["/etc/sentinel/rules".to_owned()],
            loaded: time(),
        }))
    }

    async fn reload_rules(
        &self,
        request: Request<ReloadRulesRequest>,
    ) -> Answer<ReloadRulesResponse> {
        self.note(request);
        if self.0.read_only {
            return Err(Status::failed_precondition("/etc/c.yml:7: nonsense"));
        }
        Ok(Response::new(ReloadRulesResponse {
            running: 2,
            unsupported: 1,
        }))
    }

    async fn list_allow_rules(
        &self,
        request: Request<ListAllowRulesRequest>,
    ) -> Answer<ListAllowRulesResponse> {
        self.note(request);
        let rule = AllowRule {
            id: "1f2e3d4c".to_owned(),
            exe: "/opt/\x1b[2J".to_owned(),
            reason: "ours".to_owned(),
            suppressed_total: 3,
            ..AllowRule::default()
        };
        Ok(Response::new(ListAllowRulesResponse { rules: vec![rule] }))
    }

    async fn add_allow_rule(&self, request: Request<AddAllowRuleRequest>) -> Answer<AllowRule> {
        let rule = self.note(request).rule.unwrap_or_default();
        let id = "0badcafe".to_owned();
        Ok(Response::new(AllowRule { id, ..rule }))
    }

    async fn remove_allow_rule(
        &self,
        request: Request<RemoveAllowRuleRequest>,
    ) -> Answer<AllowRule> {
        let id = self.note(request).id;
        if id != "1f2e3d4c" {
            return Err(Status::not_found(format!("there is no allow rule {id:?}")));
        }
        Ok(Response::new(AllowRule {
            id,
            ..AllowRule::default()
        }))
    }

    async fn get_coverage(&self, request: Request<GetCoverageRequest>) -> Answer<Coverage> {
        self.note(request);
        let counts = CoverageCounts {
            time: time(),
            reported_by: "root\x1b[2J".to_owned(),
            caught: 1,
            ..CoverageCounts::default()
        };
        let result = CoverageResult {
            name: "fileless/memfd".to_owned(),
            outcome: "caught".to_owned(),
            latency_us: Some(4_250),
            ..CoverageResult::default()
        };
        Ok(Response::new(Coverage {
            counts: Some(counts),
            results: vec![result],
        }))
    }

    async fn report_coverage(&self, request: Request<ReportCoverageRequest>) -> Answer<Coverage> {
        self.note(request);
        Ok(Response::new(Coverage::default()))
    }
}
