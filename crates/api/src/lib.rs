//! The gRPC types of Sentinel, generated from `proto/`.
//!
//! Owns the generated client, server and messages of `sentinel.v1`, their descriptors,
//! and where the programs of an installation find each other. Conversion from events and
//! alerts is the daemon's, display the CLI's.

#![forbid(unsafe_code)]

mod trainer;

pub use trainer::{TRAINER, trainer};

/// Version 1 of the API.
pub mod v1 {
    tonic::include_proto!("sentinel.v1");
}

/// The encoded `FileDescriptorSet` of every proto file, for reflection and for JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Where the daemon listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/sentinel/sentinel.sock";
