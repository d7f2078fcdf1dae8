//! The names in a client's certificate. Whether it is valid is decided before, in the
//! handshake.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use x509_cert::der::Decode;
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::{Certificate, TbsCertificate};

/// One name in a certificate, by which the configuration gives its holder a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The common name of its subject.
    Common(String),
    /// A host name among its alternative names.
    Dns(String),
    /// A URI among its alternative names.
    Uri(String),
}

/// Not a name; one sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name in a certificate; it must be CN=NAME, DNS=HOST or URI=URI")]
pub struct NoName(String);

impl FromStr for Name {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Name, NoName> {
        match text.split_once('=') {
            Some((_, "")) | None => Err(NoName(text.to_owned())),
            Some(("CN", name)) => Ok(Name::Common(name.to_owned())),
            // Host names do not tell great from small letters.
            Some(("DNS", name)) => Ok(Name::Dns(name.to_ascii_lowercase())),
            Some(("URI", name)) => Ok(Name::Uri(name.to_owned())),
            Some(_) => Err(NoName(text.to_owned())),
        }
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Common(name) => write!(f, "CN={name}"),
            Name::Dns(name) => write!(f, "DNS={name}"),
            Name::Uri(name) => write!(f, "URI={name}"),
        }
    }
}

/// Every name in a certificate, the common name first; `None` when it cannot be read.
pub fn names(der: &[u8]) -> Option<Vec<Name>> {
    let certificate = Certificate::from_der(der).ok()?;
    let certificate: &TbsCertificate = certificate.tbs_certificate();
    let mut names = Vec::new();
    for attribute in certificate.subject().iter().filter(|a| a.oid == CN) {
        let name: DirectoryString = attribute.value.decode_as().ok()?;
        names.push(Name::Common(name.value().into_owned()));
    }
    if let Some((_, SubjectAltName(alternatives))) = certificate.get_extension().ok()? {
        names.extend(
            alternatives
                .iter()
                .filter_map(|alternative| match alternative {
                    GeneralName::DnsName(name) => {
                        Some(Name::Dns(name.as_str().to_ascii_lowercase()))
                    }
                    GeneralName::UniformResourceIdentifier(name) => {
                        Some(Name::Uri(name.as_str().to_owned()))
                    }
                    _ => None,
                }),
        );
    }
    Some(names)
}

/// When a certificate ends to be valid; `None` when it cannot be read.
pub fn valid_until(der: &[u8]) -> Option<SystemTime> {
    let certificate = Certificate::from_der(der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    UNIX_EPOCH.checked_add(validity.not_after.to_unix_duration())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn names_are_read_from_a_certificate() {
        let mut params = CertificateParams::new(vec!["Ops.Example".to_owned()]).expect("is valid");
        params.distinguished_name.remove(DnType::CommonName);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "CN=admin");
        params
            .distinguished_name
            .push(DnType::CommonName, "Ops, Ünit");
        let uri = "spiffe://example/ops".try_into().expect("is ASCII");
        params.subject_alt_names.push(SanType::URI(uri));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("is signed");
        let found = names(certificate.der()).expect("is read");
        let texts: Vec<String> = found.iter().map(Name::to_string).collect();
        assert_eq!(
            texts,
            [
                "CN=Ops, Ünit",
                "DNS=ops.example",
                "URI=spiffe://example/ops"
            ]
        );
        for text in &texts {
            assert!(found.contains(&text.parse().expect("is a name")), "{text}");
        }
        assert_eq!(names(&certificate.der()[1..]), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "ops", "CN=", "cn=ops", "EMAIL=a@b", "=x"] {
            assert_eq!(text.parse::<Name>(), Err(NoName(text.to_owned())));
        }
        let equal: Name = "URI=https://x/?a=b".parse().expect("a name");
        assert_eq!(equal, Name::Uri("https://x/?a=b".to_owned()));
    }
}
