//! The files of the control plane over TCP: certificate, key, and the issuers of clients.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use nix::unistd::{Uid, User};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
};
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::{Config, Current, Term, Terms, TlsError};

/// What handshakes are made with now, from the files that `config` names.
pub fn server(config: &Config) -> Result<Current, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    let issuers = certificates("client_ca", &config.client_ca)?;
    let chain = certificates("certificate", &config.certificate)?;
    let lists = revocation_lists(&config.client_crl)?;
    let terms = Terms {
        certificate: first_to_end("certificate", &config.certificate, &chain[..1])?,
        client_ca: first_to_end("client_ca", &config.client_ca, &issuers)?,
        client_crl: lists
            .iter()
            .filter_map(|(_, term)| *term)
            .min_by_key(|t| t.until),
    };
    for issuer in issuers {
        roots.add(issuer).map_err(|error| {
            let problem = format!("holds a certificate that cannot be used: {error}");
            file("client_ca", &config.client_ca, problem)
        })?;
    }
    let key = private_key(&config.key)?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .with_crls(lists.into_iter().map(|(list, _)| list))
            .build()
            .map_err(|error| match error {
                VerifierBuilderError::InvalidCrl(error) => {
                    let problem = format!("holds a list that cannot be used: {error:?}");
                    file("client_crl", &config.client_crl, problem)
                }
                error => file("client_ca", &config.client_ca, error.to_string()),
            })?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unfit(error.to_string()))?
        .with_client_cert_verifier(Arc::clone(&clients))
        .with_single_cert(chain, key)
        .map_err(|error| {
            TlsError::Unfit(format!(
                "{} is no key for {}: {error}",
                config.key.display(),
                config.certificate.display()
            ))
        })?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    // A session that is taken up again shows no certificate, so it would outlive one that
    // has expired.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(Current {
        server: Arc::new(server),
        clients,
        terms,
    })
}

/// The term of the certificate that is the first to end.
fn first_to_end(
    key: &'static str,
    path: &Path,
    certificates: &[CertificateDer<'_>],
) -> Result<Term, TlsError> {
    let terms: Option<Vec<Term>> = certificates.iter().map(validity).collect();
    terms
        .and_then(|terms| terms.into_iter().min_by_key(|term| term.until))
        .ok_or_else(|| file(key, path, "cannot be read"))
}

fn validity(certificate: &CertificateDer<'_>) -> Option<Term> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    term(&validity.not_before, &validity.not_after)
}

fn term(since: &Time, until: &Time) -> Option<Term> {
    Some(Term {
        since: UNIX_EPOCH.checked_add(since.to_unix_duration())?,
        until: UNIX_EPOCH.checked_add(until.to_unix_duration())?,
    })
}

type RevocationList = (CertificateRevocationListDer<'static>, Option<Term>);

/// The lists of revoked certificates, each with its term where it has one; none where no
/// file is named.
fn revocation_lists(path: &Path) -> Result<Vec<RevocationList>, TlsError> {
    const KEY: &str = "client_crl";
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let bytes = fs::read(path).map_err(|error| file(KEY, path, error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| file(KEY, path, format!("is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(file(KEY, path, "holds no revocation list in PEM"));
    }
    let read = |list: CertificateRevocationListDer<'static>| {
        let parsed: CertificateList = CertificateList::from_der(&list).ok()?;
        let list_term = parsed.tbs_cert_list;
        let due = list_term.next_update.as_ref();
        let term = due.and_then(|until| term(&list_term.this_update, until));
        Some((list, term))
    };
    let lists: Option<Vec<_>> = found.into_iter().map(read).collect();
    lists.ok_or_else(|| file(KEY, path, "holds a list that cannot be read"))
}

fn file(key: &'static str, path: &Path, problem: impl Into<String>) -> TlsError {
    TlsError::File {
        key,
        path: path.to_owned(),
        problem: problem.into(),
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = fs::read(path).map_err(|error| file(key, path, error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| file(key, path, format!("is not PEM: {error}")))?;
    match found.is_empty() {
        true => Err(file(key, path, "holds no certificate in PEM")),
        false => Ok(found),
    }
}

/// Whoever can read the key can be the daemon, so it must be its owner's alone.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let refused = |problem: String| file("key", path, problem);
    let metadata = fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(refused(format!(
            "its mode is {mode:04o}, but nobody except its owner may use a private key: chmod 0400"
        )));
    }
    // A service reads it again long after it has given up reading everybody's files.
    let own = nix::unistd::geteuid();
    if !own.is_root() && metadata.uid() != own.as_raw() {
        return Err(refused(format!(
            "it belongs to user {}, but must belong to the daemon's: chown {}",
            metadata.uid(),
            name(own)
        )));
    }
    let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|error| refused(format!("holds no private key in PEM: {error}")))
}

fn name(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// One that signs itself, with its key, in a folder.
    fn pair(dir: &Path) -> Config {
        let made =
            rcgen::generate_simple_self_signed(vec!["sensor.example".to_owned()]).expect("is made");
        let write = |name: &str, text: &str, mode| {
            let path = dir.join(name);
            fs::write(&path, text).expect("writes");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changes");
            path
        };
        Config {
            listen: "127.0.0.1:0".to_owned(),
            certificate: write("cert.pem", &made.cert.pem(), 0o644),
            key: write("key.pem", &made.signing_key.serialize_pem(), 0o400),
            client_ca: write("ca.pem", &made.cert.pem(), 0o644),
            client_crl: "".into(),
            readers: vec!["CN=x".to_owned()],
            admins: vec![],
        }
    }

    #[test]
    fn files_that_are_not_as_they_must_be_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let good = pair(dir.path());
        good.check_files().expect("these are good");
        let other = dir.path().join("other");
        fs::create_dir(&other).expect("makes");
        let foreign = pair(&other);
        let empty = dir.path().join("empty.pem");
        fs::write(&empty, "").expect("writes");
        fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).expect("changes");
        let check = |change: &dyn Fn(&mut Config), expected: &str| {
            let mut config = good.clone();
            change(&mut config);
            let error = config.check_files().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error:?} lacks {expected:?}");
            assert_eq!(error.lines().count(), 1, "{error:?}");
        };
        check(
            &|c| c.certificate = "/nonexistent".into(),
            "service.tcp.certificate: /nonexistent: No such file",
        );
        check(
            &|c| c.certificate = empty.clone(),
            "empty.pem: holds no certificate in PEM",
        );
        check(&|c| c.client_ca = c.key.clone(), "service.tcp.client_ca: ");
        check(
            &|c| c.client_crl = c.client_ca.clone(),
            "ca.pem: holds no revocation list in PEM",
        );
        check(
            &|c| c.client_crl = "/nonexistent".into(),
            "service.tcp.client_crl: /nonexistent: No such file",
        );
        check(&|c| c.key = empty.clone(), "holds no private key in PEM");
        check(&|c| c.key = foreign.key.clone(), "is no key for");
        for mode in [0o644, 0o440, 0o620, 0o604] {
            fs::set_permissions(&good.key, fs::Permissions::from_mode(mode)).expect("changes");
            check(&|_| {}, &format!("its mode is {mode:04o}, but nobody"));
        }
    }
}
