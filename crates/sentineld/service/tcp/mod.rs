//! The control plane for other hosts: TCP, never without certificates on both sides.
//!
//! Owns the settings, the listener and the handshakes. What the files must be like is
//! `files`'s, and who may do what is decided in `access`, as on the Unix socket.

mod files;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

use super::access::{Chain, Connection, Door, Name};

/// What the operator decides about access from other hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen, `ADDRESS:PORT`; empty for not at all.
    pub listen: String,
    /// The daemon's certificate and those that lead to its issuer, PEM.
    pub certificate: PathBuf,
    /// The private key of that certificate, PEM; nobody but its owner may read it.
    pub key: PathBuf,
    /// The issuers of clients' certificates, PEM.
    pub client_ca: PathBuf,
    /// Revocation lists of those issuers, PEM; empty for none. With lists, nobody is
    /// believed whose issuer has none.
    pub client_crl: PathBuf,
    /// Names in the certificates of those who may ask: `CN=...`, `DNS=...`, `URI=...`.
    pub readers: Vec<String>,
    /// Names in the certificates of those who may change, and ask as well.
    pub admins: Vec<String>,
}

/// Handshakes at the same time; whoever has not shown a certificate has no other place.
const HANDSHAKES: usize = 32;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long somebody who was refused is listened to, so that the reason arrives: a
/// connection that is closed with bytes unread is reset, and the reason is lost.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 << 10;
/// Connections that are let in and not yet served.
const WAITING: usize = 16;

/// Why the control plane cannot be served over TCP; each is one line.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is not as it must be.
    #[error("service.tcp.{key}: {path}: {problem}")]
    File {
        /// The setting.
        key: &'static str,
        /// What it names.
        path: PathBuf,
        /// What is wrong with the file, and what to do.
        problem: String,
    },
    /// The files do not fit together.
    #[error("service.tcp: {0}")]
    Unfit(String),
    /// The system refused.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl Config {
    /// Where to listen, if at all; or what is wrong with the values.
    fn address(&self) -> Result<Option<SocketAddr>, String> {
        for (key, names) in [("readers", &self.readers), ("admins", &self.admins)] {
            for name in names {
                Name::from_str(name).map_err(|error| format!("service.tcp.{key}: {error}"))?;
            }
        }
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address = SocketAddr::from_str(&self.listen).map_err(|_| {
            format!(
                "service.tcp.listen is {:?}, but must be an address and a port, such as \
                 192.0.2.1:9443 or [2001:db8::1]:9443",
                self.listen
            )
        })?;
        for (key, path) in [
            ("certificate", &self.certificate),
            ("key", &self.key),
            ("client_ca", &self.client_ca),
        ] {
            if path.as_os_str().is_empty() {
                return Err(format!(
                    "service.tcp.{key} is empty, but service.tcp.listen is {:?}: over TCP both \
                     sides show certificates, and plain TCP is not served",
                    self.listen
                ));
            }
        }
        if self.readers.is_empty() && self.admins.is_empty() {
            return Err(format!(
                "service.tcp.listen is {:?}, but neither readers nor admins names a certificate, \
                 so nobody could do anything",
                self.listen
            ));
        }
        Ok(Some(address))
    }

    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        self.address().map(drop)
    }

    /// Reads the files and says what is wrong with them, if anything is.
    pub fn check_files(&self) -> Result<(), TlsError> {
        match self.listen.is_empty() {
            true => Ok(()),
            false => files::server(self).map(drop),
        }
    }
}

/// A bound listener, and what it shows and demands.
pub struct Listener {
    listener: TcpListener,
    tls: Arc<Tls>,
}

/// What handshakes are made with; connections that are open keep what they were made with.
pub struct Tls(Mutex<Current>);

/// What the files said when they were read.
struct Current {
    server: Arc<ServerConfig>,
    /// Decides whether somebody is believed.
    clients: Arc<dyn ClientCertVerifier>,
    terms: Terms,
}

/// How long what the files say holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// From when to when our own certificate is valid.
    pub certificate: Term,
    /// The same of the issuer of clients that is the first to end.
    pub client_ca: Term,
    /// The same of the revocation list of which a newer one is due first.
    pub client_crl: Option<Term>,
}

/// From when to when something is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When it began.
    pub since: SystemTime,
    /// When it ends.
    pub until: SystemTime,
}

impl Tls {
    /// Reads the files again; when one is wrong, what was there before stays.
    pub fn reload(&self, config: &Config) -> Result<(), TlsError> {
        let fresh = files::server(config)?;
        *self.current() = fresh;
        Ok(())
    }

    /// How long what the files say holds.
    pub fn terms(&self) -> Terms {
        self.current().terms
    }

    /// Whether these certificates, a client's own first, would be let in now.
    pub fn believes(&self, chain: &Chain) -> bool {
        let clients = Arc::clone(&self.current().clients);
        chain.split_first().is_some_and(|(own, others)| {
            let now = UnixTime::now();
            clients.verify_client_cert(own, others, now).is_ok()
        })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current().server))
    }
}

/// Listens where the configuration says, if it does.
pub fn bind(config: &Config) -> Result<Option<Listener>, TlsError> {
    let Some(address) = config.address().map_err(TlsError::Unfit)? else {
        return Ok(None);
    };
    let tls = Arc::new(Tls(Mutex::new(files::server(config)?)));
    let refused = |source| TlsError::Refused { address, source };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(Some(Listener { listener, tls }))
}

impl Listener {
    /// What it shows and demands.
    pub fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls)
    }

    /// The connections that `door` lets in, until the receiver is dropped.
    pub fn connections(self, door: Arc<Door>) -> std::io::Result<mpsc::Receiver<Connection>> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (admitted, receiver) = mpsc::channel(WAITING);
        tokio::spawn(accept(listener, self.tls, door, admitted));
        Ok(receiver)
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    tls: Arc<Tls>,
    door: Arc<Door>,
    admitted: mpsc::Sender<Connection>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = admitted.closed() => return,
        };
        let Ok((stream, address)) = accepted else {
            // Out of descriptors, perhaps; not a reason to spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            door.turn_away();
            continue;
        };
        let (acceptor, door) = (tls.acceptor(), Arc::clone(&door));
        let admitted = admitted.clone();
        tokio::spawn(async move {
            let met = tokio::time::timeout(HANDSHAKE, meet(stream, address, acceptor, &door)).await;
            drop(place);
            match met {
                Ok(Some(connection)) => drop(admitted.send(connection).await),
                Ok(None) => {}
                Err(_) => door.refuse_address(address, "it did not finish its handshake in time"),
            }
        });
    }
}

/// One handshake; `None` when it led to nothing.
async fn meet(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    door: &Door,
) -> Option<Connection> {
    // Answers are small and awaited; a connection that cannot be set so works as well.
    let _ = stream.set_nodelay(true);
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => door.admit_certified(stream, address),
        Err((error, mut stream)) => {
            door.refuse_address(address, &error.to_string());
            let farewell = async {
                let _ = stream.shutdown().await;
                let rest = &mut (&mut stream).take(LINGER_BYTES);
                let _ = tokio::io::copy(rest, &mut tokio::io::sink()).await;
            };
            let _ = tokio::time::timeout(LINGER, farewell).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Config {
        Config {
            listen: "127.0.0.1:9443".to_owned(),
            certificate: "/c".into(),
            key: "/k".into(),
            client_ca: "/a".into(),
            client_crl: PathBuf::new(),
            readers: vec!["CN=reader".to_owned()],
            admins: vec![],
        }
    }

    #[test]
    fn plain_tcp_and_roles_without_names_are_refused() {
        let check = |change: &dyn Fn(&mut Config), expected: &str| {
            let mut config = whole();
            change(&mut config);
            match config.check() {
                Ok(()) => assert_eq!(expected, ""),
                Err(error) => assert!(!expected.is_empty() && error.contains(expected), "{error}"),
            }
        };
        check(&|_| {}, "");
        check(&|c| *c = Config::default(), "");
        check(&|c| c.listen = "[::]:9443".to_owned(), "");
        check(&|c| c.certificate = "".into(), "plain TCP is not served");
        check(&|c| c.key = "".into(), "service.tcp.key is empty");
        check(
            &|c| c.client_ca = "".into(),
            "service.tcp.client_ca is empty",
        );
        check(&|c| c.listen = "9443".to_owned(), "an address and a port");
        check(&|c| c.readers.clear(), "nobody could do anything");
        check(
            &|c| c.readers.push("reader".to_owned()),
            "service.tcp.readers: \"reader\" is no name in a certificate",
        );
        check(&|c| c.admins.push("CN=".to_owned()), "service.tcp.admins");
    }
}
