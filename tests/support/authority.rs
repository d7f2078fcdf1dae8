//! Certificates for one test: an issuer, and what it issues.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
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
    serial: u64,
}

static SERIAL: AtomicU64 = AtomicU64::new(1);

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
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(serial.into());
        let key = KeyPair::generate().expect("a key");
        let issued = params.signed_by(&key, &self.issuer).expect("is issued");
        let files = Files {
            cert: dir.join(name).with_extension("pem"),
            key: dir.join(name).with_extension("key"),
            serial,
        };
        fs::write(&files.cert, issued.pem()).expect("writes");
        fs::write(&files.key, key.serialize_pem()).expect("writes");
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o400)).expect("closes");
        files
    }

    /// Writes the list of what was revoked; of one that is `overdue`, a newer one should
    /// have come long ago.
    pub fn revoke(&self, path: &Path, revoked: &[&Files], overdue: bool) {
        let began = date_time_ymd(2020, 1, 1);
        let one = |files: &&Files| RevokedCertParams {
            serial_number: files.serial.into(),
            revocation_time: began,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: began,
            next_update: date_time_ymd(if overdue { 2021 } else { 2120 }, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("is issued");
        fs::write(path, list.pem().expect("PEM")).expect("writes");
    }
}
