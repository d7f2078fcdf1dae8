//! The way to the daemon: one connection, over its Unix socket or, to another host, over
//! TLS with certificates on both sides.

mod remote;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use sentinel_api::v1::sentinel_client::SentinelClient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::failure::Failure;

pub use remote::{Remote, Url};

/// How long the daemon may take for an answer; it takes milliseconds.
const ANSWER_SECONDS: u64 = 10;
/// A page of alerts with long command lines can pass gRPC's usual 4 MiB.
const MESSAGE_BYTES: usize = 64 << 20;

/// A connection to the daemon.
pub type Client = SentinelClient<Channel>;

/// Where the daemon is.
#[derive(Debug)]
pub enum Target {
    /// On this host, behind its Unix socket.
    Socket(PathBuf),
    /// On another host.
    Remote(Remote),
}

/// Connects to the daemon. The stream is opened here rather than by tonic, whose
/// error would not say which of the many reasons it was.
pub async fn connect(target: &Target) -> Result<Client, Failure> {
    match target {
        Target::Socket(path) => greet(open(path).await?, &path.display().to_string()).await,
        Target::Remote(remote) => {
            let stream = within_limit(remote.open()).await??;
            greet(stream, &remote.url.to_string()).await
        }
    }
}

async fn open(socket: &Path) -> Result<UnixStream, Failure> {
    let opened = UnixStream::connect(socket).await;
    opened.map_err(|error| Failure::connecting(socket, &error))
}

async fn greet(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    place: &str,
) -> Result<Client, Failure> {
    let mut stream = Some(stream);
    let connector = tower::service_fn(move |_| {
        let stream = stream.take().map(TokioIo::new);
        // One command is one connection: a second would talk to another daemon.
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    // The name is what HTTP/2 wants to hear; it is never looked up.
    let endpoint = Endpoint::from_static("http://sentinel.local");
    let channel = within_limit(endpoint.connect_with_connector(connector))
        .await?
        .map_err(|error| match Failure::of_certificate(&error) {
            Some(refused) => refused,
            None => Failure::gone(format!(
                "what listens at {place} does not speak gRPC: {error}"
            )),
        })?;
    Ok(SentinelClient::new(channel).max_decoding_message_size(MESSAGE_BYTES))
}

/// Waits for an answer, but not for ever.
pub async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    Ok(within_limit(call).await??.into_inner())
}

async fn within_limit<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS), future)
        .await
        .map_err(|_| Failure::silent(ANSWER_SECONDS))
}
