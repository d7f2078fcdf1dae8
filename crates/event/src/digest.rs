//! What an executable contains, as far as that could be found out.

use std::sync::Arc;

use crate::{Backing, FileIdentity};

/// A SHA-256 digest; its text form is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Reads the 64 hexadecimal digits that `Display` writes.
    pub fn parse(text: &str) -> Option<Sha256> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Sha256(bytes))
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// The answer for one executable, given once when its image is first seen. The event's
/// process is the first that ran it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Absolute path of the executable.
    pub path: Arc<str>,
    /// Its inode as it was when it was executed.
    pub file: FileIdentity,
    /// What stands behind it.
    pub backing: Backing,
    /// How it went.
    pub outcome: Outcome,
    /// The digest, when it is one.
    pub sha256: Option<Sha256>,
    /// Size of the file in bytes; 0 when it is not known.
    pub length: u64,
}

/// How the computation of a digest went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Outcome {
    /// The digest is that of the file that was executed.
    Hashed,
    /// The daemon may not read the file, or no file can be reached under its name.
    #[default]
    Unreadable,
    /// The file is larger than the limit in the configuration.
    TooLarge,
    /// What lies under the name now, or is in it now, is not what was executed.
    Changed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] = &[
        Outcome::Hashed,
        Outcome::Unreadable,
        Outcome::TooLarge,
        Outcome::Changed,
    ];

    /// The name used in Parquet, JSON and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Hashed => "hashed",
            Outcome::Unreadable => "unreadable",
            Outcome::TooLarge => "too_large",
            Outcome::Changed => "changed",
        }
    }

    /// The outcome with this name.
    pub fn from_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.iter().copied().find(|o| o.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Sha256(std::array::from_fn(|at| at as u8 * 8));
        let text = digest.to_string();
        assert!(text.starts_with("000810") && text.len() == 64, "{text}");
        assert_eq!(Sha256::parse(&text), Some(digest));
        for wrong in ["", "00", &text[1..], &"\u{e9}".repeat(32), &"+1".repeat(32)] {
            assert_eq!(Sha256::parse(wrong), None, "{wrong}");
        }
    }
}
