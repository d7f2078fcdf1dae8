//! The control plane: the gRPC service on its Unix socket, and for other hosts over TLS.
//!
//! Owns the sockets, the RPCs and their limits. Only `convert` knows both our words
//! and the API's; what the pipeline does never waits for a client.

mod access;
mod acknowledge;
mod alerts;
mod allow;
mod baseline;
mod change;
mod convert;
mod coverage;
mod events;
mod history;
mod learning;
mod reload;
mod remote;
mod rpc;
mod rules;
mod socket;
mod status;
mod tcp;
mod tree;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use sentinel_api::v1::sentinel_server::SentinelServer;
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::Server;
use tower::layer::layer_fn;

use access::Guard;

pub use access::Door;
pub use convert::event as convert_event;
pub use reload::by_signal as reload_by_signal;
pub use socket::{Socket, SocketError};
pub use status::{Facts, STALL_S};
pub use tcp::{Config as TcpConfig, Listener as TcpListener, Tls, TlsError, bind as bind_tcp};

/// What the operator decides about the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The Unix socket to listen on.
    pub socket: PathBuf,
    /// The group whose members may ask.
    pub read_group: String,
    /// The group whose members may change, and ask as well.
    pub admin_group: String,
    /// Connections of readers at the same time; those who may change have places of
    /// their own.
    pub connections_max: u32,
    /// Calls of readers, streams among them, that may be open at the same time.
    pub calls_max: u32,
    /// Streams and calls that one connection may have open at the same time.
    pub calls_per_connection_max: u32,
    /// Access from other hosts.
    pub tcp: tcp::Config,
}

impl Config {
    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let socket = self.socket.to_string_lossy();
        if socket.contains("://") || socket.parse::<SocketAddr>().is_ok() {
            return Err(format!(
                "service.socket is {socket:?}, but must be the path of a Unix socket: plain TCP \
                 is not served; [service.tcp] is, with certificates on both sides"
            ));
        }
        self.tcp.check()
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            socket: sentinel_api::DEFAULT_SOCKET.into(),
            read_group: "sentinel".to_owned(),
            admin_group: "sentinel-admin".to_owned(),
            connections_max: 128,
            calls_max: 128,
            calls_per_connection_max: 64,
            tcp: tcp::Config::default(),
        }
    }
}

/// The largest request; ours are a few dozen bytes.
const REQUEST_BYTES_MAX: usize = 64 << 10;
/// A client that does not answer within this time is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves until `shutdown` completes.
pub async fn serve(
    config: &Config,
    (socket, tcp): (Socket, Option<TcpListener>),
    facts: Arc<Facts>,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<SentinelServer<rpc::Rpc>>().await;
    let (door, guard) = (Arc::clone(&facts.door), Arc::clone(&facts.door));
    let remote = match tcp {
        Some(listener) => {
            tracing::info!("listening on {} too, for certificates", config.tcp.listen);
            listener.connections(Arc::clone(&facts.door))?
        }
        // Nothing ever comes.
        None => tokio::sync::mpsc::channel(1).1,
    };
    let rpc =
        SentinelServer::new(rpc::Rpc::new(facts)).max_decoding_message_size(REQUEST_BYTES_MAX);
    // A connection that could not be accepted, or found no place, is none of the others'.
    let connections = UnixListenerStream::new(socket.listener()?)
        .filter_map(move |stream| door.admit(stream.ok()?))
        .merge(ReceiverStream::new(remote))
        .map(Ok::<_, std::io::Error>);
    Server::builder()
        .layer(layer_fn(move |inner| Guard::new(inner, Arc::clone(&guard))))
        .max_concurrent_streams(config.calls_per_connection_max)
        .concurrency_limit_per_connection(config.calls_per_connection_max as usize)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(health_service)
        // Older clients ask for the first version of reflection, newer ones for the second.
        .add_service(reflection().build_v1().context(BAD_DESCRIPTION)?)
        .add_service(reflection().build_v1alpha().context(BAD_DESCRIPTION)?)
        .add_service(rpc)
        .serve_with_incoming_shutdown(connections, shutdown)
        .await
        .context("the control plane ended with an error")
}

const BAD_DESCRIPTION: &str = "the API's own description is not valid";

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(sentinel_api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// The severity that a request names; empty means all.
fn min_severity(name: &str) -> Result<sentinel_event::Severity, tonic::Status> {
    if name.is_empty() {
        return Ok(sentinel_event::Severity::Info);
    }
    sentinel_event::Severity::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = sentinel_event::Severity::ALL
            .iter()
            .map(|severity| severity.name())
            .collect();
        tonic::Status::invalid_argument(format!(
            "min_severity is {name:?}, but must be one of {}",
            known.join(", ")
        ))
    })
}
