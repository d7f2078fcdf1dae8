//! The one visible list of detections.

use crate::{Config, Detection};

/// One detection: how it is called, what it does, how it is made.
pub struct Registration {
    /// Its name in alerts, configuration and documentation.
    pub name: &'static str,
    /// What it finds, in one line.
    pub doc: &'static str,
    /// Makes it from the whole configuration, of which it reads its own table.
    pub start: fn(&Config) -> Start,
}

/// How a detection starts.
pub enum Start {
    /// It runs.
    Running(Box<dyn Detection>),
    /// The configuration says no.
    Off,
    /// It cannot run, and why.
    Failed(String),
}

/// Every detection, in the order in which they see an event.
pub const DETECTIONS: &[Registration] = &[
    Registration {
        name: "fileless_execution",
        doc: "a program, script or library that runs from memory or from a file without a name",
        start: |config| crate::fileless::start(&config.fileless_execution),
    },
    Registration {
        name: "reflective_loading",
        doc: "code that gets into a process other than from a named file",
        start: |config| crate::reflective::start(&config.reflective_loading),
    },
    Registration {
        name: "reverse_shell",
        doc: "a shell that is commanded from another host",
        start: |config| crate::reverse::start(&config.reverse_shell),
    },
    Registration {
        name: "persistence",
        doc: "files that decide what runs or who may log in later are changed",
        start: |config| crate::persistence::start(&config.persistence),
    },
    Registration {
        name: "credential_access",
        doc: "secrets on disk are read by a program that is not made for them",
        start: |config| crate::credentials::start(&config.credential_access),
    },
    Registration {
        name: "service_shell",
        doc: "a web server, a database or another server starts a shell",
        start: |config| crate::service::start(&config.service_shell),
    },
    Registration {
        name: "process_injection",
        doc: "a process puts code into another, or makes programs load it",
        start: |config| crate::injection::start(&config.process_injection),
    },
    Registration {
        name: "log_wiping",
        doc: "records of what happened on the host are removed, emptied or overwritten",
        start: |config| crate::logs::start(&config.log_wiping),
    },
    Registration {
        name: "defence_impairment",
        doc: "what watches, records or guards the host is stopped or changed",
        start: |config| crate::impairment::start(&config.defence_impairment),
    },
    Registration {
        name: "privilege_escalation",
        doc: "a program gets rights without an honest way, or a file is marked to lend them",
        start: |config| crate::privilege::start(&config.privilege_escalation),
    },
    Registration {
        name: "container_escape",
        doc: "what is inside a container reaches for the host",
        start: |config| crate::escape::start(&config.container_escape),
    },
    Registration {
        name: "kernel_loading",
        doc: "code gets into the kernel",
        start: |config| crate::kernel::start(&config.kernel_loading),
    },
    Registration {
        name: "crypto_miner",
        doc: "a program mines a currency for somebody else",
        start: |config| crate::miner::start(&config.crypto_miner),
    },
    Registration {
        name: "sensor_flooding",
        doc: "a process makes so many events that others may go unseen",
        start: |config| crate::flooding::start(&config.sensor_flooding),
    },
];

#[cfg(test)]
mod tests {
    use super::DETECTIONS;

    #[test]
    fn names_are_unique_and_described() {
        for (i, detection) in DETECTIONS.iter().enumerate() {
            assert!(!detection.doc.is_empty(), "{}", detection.name);
            assert!(
                DETECTIONS[..i].iter().all(|d| d.name != detection.name),
                "{} twice",
                detection.name
            );
        }
    }
}
