//! Certificates for one test: an issuer, and what it issues.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};

/// An issuer.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Files of one certificate.
#[derive(Debug, Clone)]
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What is to be in a certificate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The common name of its subject.
    pub common: &'a str,
    /// Its host name or address.
    pub dns: &'a str,
    /// A URI.
    pub uri: &'a str,
    /// Whether it is no longer valid.
    pub expired: bool,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an issuer");
        Authority { issuer }
    }

    /// Writes its own certificate.
    pub fn write(&self, path: &Path) {
        fs::write(path, self.issuer.pem()).expect("writes");
    }

    /// Issues a certificate into `dir`, as NAME.pem and NAME.key.
    pub fn issue(&self, dir: &Path, name: &str, wanted: Wanted<'_>) -> Files {
        let dns: Vec<String> = match wanted.dns {
            "" => Vec::new(),
            dns => vec![dns.to_owned()],
        };
        let mut params = CertificateParams::new(dns).expect("is a name");
        params.distinguished_name.remove(DnType::CommonName);
        if !wanted.common.is_empty() {
            let names = &mut params.distinguished_name;
            names.push(DnType::CommonName, wanted.common);
        }
        if !wanted.uri.is_empty() {
            let uri = wanted.uri.try_into().expect("is ASCII");
            params.subject_alt_names.push(SanType::URI(uri));
        }
        if wanted.expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 2);
        }
        let key = KeyPair::generate().expect("a key");
        let issued = params.signed_by(&key, &self.issuer).expect("is issued");
        let files = Files {
            cert: dir.join(name).with_extension("pem"),
            key: dir.join(name).with_extension("key"),
        };
        fs::write(&files.cert, issued.pem()).expect("writes");
        fs::write(&files.key, key.serialize_pem()).expect("writes");
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o400)).expect("closes");
        files
    }
}
