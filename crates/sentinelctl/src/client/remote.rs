//! A daemon on another host: its address, the certificates, and the handshake.

use std::fmt::{self, Display};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::codegen::http::Uri;

use crate::failure::Failure;

/// Where a daemon listens: `https://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    host: String,
    port: u16,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        let form = || "it must be https://HOST:PORT".to_owned();
        let uri: Uri = text.parse().map_err(|_| form())?;
        if uri.scheme_str() == Some("http") {
            return Err("plain TCP is not served; it must be https://HOST:PORT".to_owned());
        }
        let (scheme, host, port) = (uri.scheme_str(), uri.host(), uri.port_u16());
        match (scheme, host, port, uri.path()) {
            (Some("https"), Some(host), Some(port), "" | "/") if uri.query().is_none() => {
                let host = host
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned();
                Ok(Url { host, port })
            }
            _ => Err(form()),
        }
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "https://[{}]:{}", self.host, self.port),
            false => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

/// A daemon on another host, and what is shown to it.
#[derive(Debug)]
pub struct Remote {
    /// Where it listens.
    pub url: Url,
    /// Our certificate and those that lead to its issuer, PEM.
    pub cert: PathBuf,
    /// The private key of that certificate, PEM.
    pub key: PathBuf,
    /// The issuers of the daemon's certificate, PEM.
    pub ca: PathBuf,
}

impl Remote {
    /// Connects, and makes sure of who answers.
    pub async fn open(&self) -> Result<TlsStream<TcpStream>, Failure> {
        let connector = TlsConnector::from(Arc::new(self.config()?));
        let Url { host, port } = &self.url;
        let name = ServerName::try_from(host.clone())
            .map_err(|error| Failure::usage(format!("--endpoint {}: {error}", self.url)))?;
        let stream = TcpStream::connect((host.as_str(), *port))
            .await
            .map_err(|error| {
                Failure::unreachable(format!("cannot reach {}: {error}", self.url))
                    .hint("see service.tcp.listen of that sensor")
            })?;
        // Requests are small and awaited; a connection that cannot be set so works as well.
        let _ = stream.set_nodelay(true);
        connector.connect(name, stream).await.map_err(|error| {
            Failure::of_certificate(&error).unwrap_or_else(|| {
                Failure::unreachable(format!(
                    "what answers at {} is not believed: {error}",
                    self.url
                ))
                .hint("--ca names who may vouch for it")
            })
        })
    }

    fn config(&self) -> Result<ClientConfig, Failure> {
        let mut roots = RootCertStore::empty();
        for issuer in certificates("--ca", &self.ca)? {
            let added = roots.add(issuer);
            added.map_err(|error| unusable("--ca", &self.ca, &error))?;
        }
        let chain = certificates("--cert", &self.cert)?;
        let key = private_key(&self.key)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable("--key", &self.key, &error))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn unusable(option: &str, path: &Path, problem: &dyn Display) -> Failure {
    Failure::usage(format!("{option} {}: {problem}", path.display()))
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let bytes = fs::read(path).map_err(|error| unusable(option, path, &error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| unusable(option, path, &error))?;
    match found.is_empty() {
        true => Err(unusable(option, path, &"holds no certificate in PEM")),
        false => Ok(found),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let failed = |problem: &dyn Display| unusable("--key", path, problem);
    let mode = fs::metadata(path).map_err(|error| failed(&error))?.mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(failed(&format!(
            "its mode is {mode:04o}, so everybody may use your key: chmod 0400"
        )));
    }
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|error| failed(&format!("holds no private key in PEM: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_with_a_port_is_a_daemon() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = text.parse::<Url>();
            match (&found, expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.to_string(), expected),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                _ => panic!("{text}: {found:?}"),
            }
        };
        check("https://a.example:9443", Ok("https://a.example:9443"));
        check("https://[2001:db8::1]:1/", Ok("https://[2001:db8::1]:1"));
        check("http://a.example:9443", Err("plain TCP is not served"));
        for text in [
            "a.example:9443",
            "https://a.example",
            "https://a:1/x",
            "",
            "https://a:1?x",
        ] {
            check(text, Err("must be https://HOST:PORT"));
        }
    }
}
