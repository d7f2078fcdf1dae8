//! Secrets read by a program that is not made for them: one byte, which is forgotten.

use sentinel_event::{Severity, Technique};

use crate::traces::Trace::Prepared;
use crate::{Expected, Family, Variant};

const SHADOW: &[Technique] = &[Technique::new(
    "T1003.008",
    "T1003.008",
    "OS Credential Dumping: /etc/passwd and /etc/shadow",
)];
const KEYS: &[Technique] = &[Technique::new(
    "T1552.004",
    "T1552.004",
    "Unsecured Credentials: Private Keys",
)];
const FILES: &[Technique] = &[Technique::new(
    "T1552.001",
    "T1552.001",
    "Unsecured Credentials: Credentials In Files",
)];

// Somebody on a terminal is taken for milder.
const EXPECTED: Expected = Expected::Alert("credential_access", Severity::Low);

// Files of nobody's home, with nothing in them that is secret.
const KEY: &str = "/var/lib/sentinel-simulation/.ssh/id_ed25519";
const AWS: &str = "/var/lib/sentinel-simulation/.aws/credentials";
const KUBE: &str = "/var/lib/sentinel-simulation/.kube/config";
const NETRC: &str = "/var/lib/sentinel-simulation/.netrc";

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "credential-access",
    summary: "a secret on disk is read by a program that is not made for it",
    variants: &[
        Variant::of(
            "credential-access/shadow",
            EXPECTED,
            SHADOW,
            "the password hashes",
            "open(/etc/shadow), read one byte",
            &["read", "/etc/shadow"],
        ),
        Variant::of(
            "credential-access/shadow-i386",
            EXPECTED,
            SHADOW,
            "the password hashes, by 32-bit system calls",
            "open(/etc/shadow) by int 0x80, read one byte",
            &["read", "/etc/shadow"],
        )
        .narrow(),
        Variant::of(
            "credential-access/shadow-io-uring",
            EXPECTED,
            SHADOW,
            "the password hashes, opened through io_uring",
            "io_uring_setup, IORING_OP_OPENAT(/etc/shadow)",
            &["uring-read", "/etc/shadow"],
        )
        .hiding("open", "io_uring"),
        Variant::of(
            "credential-access/ssh-key",
            EXPECTED,
            KEYS,
            "a private key of ssh, which is none",
            "open(~/.ssh/id_ed25519), read one byte",
            &["read", KEY],
        )
        .leaving(&[Prepared(KEY)]),
        Variant::of(
            "credential-access/cloud",
            EXPECTED,
            FILES,
            "access credentials of a cloud, which are none",
            "open(~/.aws/credentials), read one byte",
            &["read", AWS],
        )
        .leaving(&[Prepared(AWS)]),
        Variant::of(
            "credential-access/harvest",
            Expected::Alert("credential_access", Severity::Medium),
            FILES,
            "secrets of many kinds, one after the other",
            "open and read ~/.aws/credentials, ~/.kube/config, ~/.netrc and ~/.ssh/id_ed25519",
            &["read", AWS, KUBE, NETRC, KEY],
        )
        .leaving(&[
            Prepared(AWS),
            Prepared(KUBE),
            Prepared(NETRC),
            Prepared(KEY),
        ]),
    ],
};
