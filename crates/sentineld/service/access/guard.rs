//! The check before each call, and its place: a layer around everything that the socket
//! offers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::Service;

use super::held::Held;
use super::{Caller, Door, Role};

/// The service whose calls change nothing, and the calls of ours that do not either.
/// Whatever is not named here changes something, so that a call that is forgotten is
/// closed rather than open.
const READ_SERVICES: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];
const SERVICE: &str = "/sentinel.v1.Sentinel/";
const READS: &[&str] = &[
    "Status",
    "GetMode",
    "StreamAlerts",
    "ListAlerts",
    "GetAlert",
    "StreamEvents",
    "ListAudit",
    "GetConfig",
    "GetTree",
    "ListGenerations",
    "GetBaseline",
    "DiffGenerations",
    "ListRules",
    "ListAllowRules",
    "GetCoverage",
];

/// The calls that change something.
#[cfg(test)]
const CHANGES: &[&str] = &[
    "SetMode",
    "Reload",
    "AcknowledgeAlert",
    "DecideBehaviour",
    "RollBack",
    "FitBaseline",
    "ReloadRules",
    "AddAllowRule",
    "RemoveAllowRule",
    "ReportCoverage",
];

/// The calls whose answers may be megabytes; few of them may be under way at a time.
const HEAVY: &[&str] = &[
    "/sentinel.v1.Sentinel/DiffGenerations",
    "/sentinel.v1.Sentinel/GetBaseline",
    "/sentinel.v1.Sentinel/GetCoverage",
    "/sentinel.v1.Sentinel/GetTree",
    "/sentinel.v1.Sentinel/ListAlerts",
    "/sentinel.v1.Sentinel/ListAudit",
];

/// The role that a call needs.
fn needed(path: &str) -> Role {
    let reads = match path.strip_prefix(SERVICE) {
        Some(call) => READS.contains(&call),
        None => READ_SERVICES.iter().any(|prefix| path.starts_with(prefix)),
    };
    match reads {
        true => Role::Reader,
        false => Role::Admin,
    }
}

/// Lets through the calls that their caller may make.
#[derive(Clone)]
pub struct Guard<S> {
    inner: S,
    door: Arc<Door>,
}

impl<S> Guard<S> {
    /// Guards `inner`.
    pub fn new(inner: S, door: Arc<Door>) -> Guard<S> {
        Guard { inner, door }
    }
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let place = match request.extensions().get::<Caller>() {
            Some(caller) => self
                .door
                .check(caller, needed(path), path)
                .map_err(Status::permission_denied)
                .and_then(|()| self.door.call_place(caller, HEAVY.contains(&path))),
            None => Err(Status::permission_denied("it is not known who is calling")),
        };
        match place {
            Ok(_place) => {
                let answer = self.inner.call(request);
                Box::pin(
                    async move { Ok(answer.await?.map(|body| Body::new(Held { body, _place }))) },
                )
            }
            Err(refusal) => Box::pin(async move { Ok(refusal.into_http()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A new call must be put into one of the two lists.
    #[test]
    fn every_call_is_either_a_question_or_a_change() {
        let pool = prost_reflect::DescriptorPool::decode(sentinel_api::FILE_DESCRIPTOR_SET)
            .expect("is valid");
        let service = pool
            .get_service_by_name("sentinel.v1.Sentinel")
            .expect("is there");
        let offered: BTreeSet<String> = service.methods().map(|m| m.name().to_owned()).collect();
        let listed: BTreeSet<String> = READS.iter().chain(CHANGES).map(|c| (*c).into()).collect();
        assert_eq!(offered, listed);
        assert_eq!(READS.len() + CHANGES.len(), listed.len(), "one is in both");
        for (calls, role) in [(READS, Role::Reader), (CHANGES, Role::Admin)] {
            for call in calls {
                assert_eq!(needed(&format!("{SERVICE}{call}")), role, "{call}");
            }
        }
    }

    #[test]
    fn what_is_not_known_is_closed() {
        assert_eq!(needed("/grpc.health.v1.Health/Check"), Role::Reader);
        assert_eq!(needed("/sentinel.v1.Sentinel/NoSuch"), Role::Admin);
        assert_eq!(needed("/sentinel.v1.Sentinel/Status/x"), Role::Admin);
        assert_eq!(needed("/other/Status"), Role::Admin);
        assert_eq!(needed("*"), Role::Admin);
    }
}
