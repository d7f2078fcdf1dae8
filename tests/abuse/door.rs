//! The two ways in, so that each abuse is tried at both.

use std::any::Any;
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Channel, Endpoint, Error};

use crate::remote::{ADMIN, Host, READER};
use crate::support::Daemon;
use crate::support::authority::Wanted;

/// One way in.
pub enum Door {
    /// The socket of this host, as the user that the test runs as.
    Host(PathBuf),
    /// The network, with a certificate.
    Network {
        port: u16,
        config: Arc<ClientConfig>,
    },
}

/// A daemon that serves the network too.
pub struct Doors(Host);

impl Doors {
    /// Starts it; `None` where the kernel cannot be watched.
    pub fn open(test: &str, config: &str) -> Option<Doors> {
        Host::start_with(test, config).map(Doors)
    }

    pub fn daemon(&self) -> &Daemon {
        &self.0.daemon
    }

    pub fn stop(self) {
        self.0.daemon.stop();
    }

    pub fn of_reader(&self) -> Door {
        self.of("reader", READER)
    }

    pub fn of_admin(&self) -> Door {
        self.of("admin", ADMIN)
    }

    fn of(&self, name: &str, wanted: Wanted<'_>) -> Door {
        let files = self.0.issue(name, wanted);
        let mut roots = RootCertStore::empty();
        let issuer = CertificateDer::from_pem_file(self.0.path("sensors.pem")).expect("PEM");
        roots.add(issuer).expect("an issuer");
        let own = CertificateDer::from_pem_file(files.cert).expect("PEM");
        let key = PrivateKeyDer::from_pem_file(files.key).expect("PEM");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![own], key)
            .expect("fits");
        config.alpn_protocols = vec![b"h2".to_vec()];
        Door::Network {
            port: self.0.port,
            config: Arc::new(config),
        }
    }
}

impl Door {
    pub fn of_host(daemon: &Daemon) -> Door {
        Door::Host(daemon.socket())
    }

    /// Opens a connection that could hold as much of a stream that is not read as the daemon
    /// lets it.
    pub async fn connect(&self) -> Result<Channel, Error> {
        let address = match self {
            Door::Host(socket) => format!("unix://{}", socket.display()),
            Door::Network { .. } => "http://sensor".to_owned(),
        };
        let endpoint = Endpoint::try_from(address)
            .expect("is an address")
            .initial_stream_window_size(1 << 30)
            .initial_connection_window_size(1 << 30)
            .connect_timeout(Duration::from_secs(10));
        let (port, tls) = match self {
            Door::Host(_) => return endpoint.connect().await,
            Door::Network { port, config } => (*port, TlsConnector::from(Arc::clone(config))),
        };
        let connector = tower::service_fn(move |_| {
            let tls = tls.clone();
            async move {
                let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
                let name = "127.0.0.1".try_into().expect("an address");
                Ok::<_, io::Error>(TokioIo::new(tls.connect(name, stream).await?))
            }
        });
        endpoint.connect_with_connector(connector).await
    }

    /// So many connections as are let in, which say nothing.
    pub fn flood(&self, connections: usize) -> Vec<Box<dyn Any>> {
        let open = |_| match self {
            Door::Host(socket) => boxed(UnixStream::connect(socket)),
            Door::Network { port, .. } => boxed(TcpStream::connect(("127.0.0.1", *port))),
        };
        (0..connections).filter_map(open).collect()
    }
}

fn boxed<T: 'static>(opened: io::Result<T>) -> Option<Box<dyn Any>> {
    opened.ok().map(|stream| Box::new(stream) as Box<dyn Any>)
}
