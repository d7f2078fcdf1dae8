//! The metrics for Prometheus: one page of text over HTTP, on a Unix socket or a loopback
//! address, off unless configured. It tells counts and names of parts, nothing of what
//! was observed, since whoever reaches it may read it.

mod page;
mod text;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use crate::service::{Facts, Socket};

/// What the operator decides about the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where they are served: `unix:/PATH`, `127.0.0.1:PORT`, `[::1]:PORT`; empty for not
    /// at all.
    pub listen: String,
}

/// Requests at the same time; one scraper makes one.
const REQUESTS: usize = 8;
/// How long one request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Config {
    fn place(&self) -> Result<Option<Place>, String> {
        let listen = &self.listen;
        if listen.is_empty() {
            return Ok(None);
        }
        if let Some(path) = listen.strip_prefix("unix:").filter(|p| p.starts_with('/')) {
            return Ok(Some(Place::Unix(path.into())));
        }
        match SocketAddr::from_str(listen) {
            Ok(address) if address.ip().is_loopback() => Ok(Some(Place::Tcp(address))),
            Ok(_) => Err(format!(
                "metrics.listen is {listen:?}, but metrics are for this host alone: it must be \
                 unix:/PATH, 127.0.0.1:PORT or [::1]:PORT"
            )),
            Err(_) => Err(format!(
                "metrics.listen is {listen:?}, but must be unix:/PATH, 127.0.0.1:PORT or [::1]:PORT"
            )),
        }
    }

    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        self.place().map(drop)
    }
}

/// A bound listener.
pub enum Listener {
    /// On a Unix socket.
    Unix(Socket),
    /// On a loopback address.
    Tcp(std::net::TcpListener),
}

/// Listens where the configuration says, if it does.
pub fn bind(config: &Config) -> Result<Option<Listener>> {
    let Some(place) = config.place().map_err(anyhow::Error::msg)? else {
        return Ok(None);
    };
    Ok(Some(match place {
        // Its owner and its group: a scraper becomes a member of the latter.
        Place::Unix(path) => Listener::Unix(Socket::bind_with_mode(&path, 0o660)?),
        Place::Tcp(address) => {
            let listener = std::net::TcpListener::bind(address)
                .with_context(|| format!("cannot listen on {address} for metrics"))?;
            listener.set_nonblocking(true)?;
            Listener::Tcp(listener)
        }
    }))
}

/// Answers until this is dropped.
pub async fn serve(listener: Listener, facts: Arc<Facts>) -> Result<()> {
    let places = Arc::new(Semaphore::new(REQUESTS));
    match listener {
        Listener::Unix(socket) => {
            let listener: UnixListener = socket.listener()?;
            loop {
                accept(
                    listener.accept().await.map(|(stream, _)| stream),
                    &places,
                    &facts,
                )
                .await;
            }
        }
        Listener::Tcp(listener) => {
            let listener = TcpListener::from_std(listener)?;
            loop {
                accept(
                    listener.accept().await.map(|(stream, _)| stream),
                    &places,
                    &facts,
                )
                .await;
            }
        }
    }
}

async fn accept<S>(stream: std::io::Result<S>, places: &Arc<Semaphore>, facts: &Arc<Facts>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(stream) = stream else {
        // Out of descriptors, perhaps; not a reason to spin.
        tokio::time::sleep(Duration::from_millis(100)).await;
        return;
    };
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        return;
    };
    let facts = Arc::clone(facts);
    tokio::spawn(async move {
        let _place = place;
        let answer = service_fn(move |request| {
            let answer = answer(&request, &facts);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answer);
        // Whoever broke off or was too slow gets nothing, and nobody else notices.
        let _ = tokio::time::timeout(PATIENCE, connection).await;
    });
}

fn answer(request: &Request<Incoming>, facts: &Facts) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, text::page(&facts.status())),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "only /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_can_be_served() {
        let check = |listen: &str, expected: &str| {
            let config = Config {
                listen: listen.to_owned(),
            };
            match config.check() {
                Ok(()) => assert_eq!(expected, "", "{listen}"),
                Err(error) => assert!(!expected.is_empty() && error.contains(expected), "{error}"),
            }
        };
        check("", "");
        check("unix:/run/sentinel/metrics.sock", "");
        check("127.0.0.1:9187", "");
        check("[::1]:9187", "");
        check("0.0.0.0:9187", "for this host alone");
        check("192.0.2.1:9187", "for this host alone");
        check("unix:relative", "must be unix:/PATH");
        check("localhost:9187", "must be unix:/PATH");
    }
}
