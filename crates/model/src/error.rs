//! What can go wrong, as sentences for the person who reads the log.

/// Why a model could not be fitted, loaded or compared.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ModelError {
    /// The bytes are no safetensors file, or one without Sentinel's mark.
    #[error("this is not a model file of Sentinel: {0}")]
    Malformed(String),
    /// The file is intact and holds another model.
    #[error("the file holds the model {found:?} where {wanted:?} is needed")]
    Kind {
        /// The kind named in the file.
        found: String,
        /// The kind that was asked for.
        wanted: &'static str,
    },
    /// The file was written in a format that this program does not know.
    #[error(
        "the model {kind:?} was saved in format {found}, and this program reads format {known}: \
         learn again, or use the program that saved it"
    )]
    Version {
        /// The kind named in the file.
        kind: &'static str,
        /// The format named in the file.
        found: u32,
        /// The format that this program reads and writes.
        known: u32,
    },
    /// The contents differ from those that were saved.
    #[error("the model is damaged: its checksum is {found:08x}, and {saved:08x} was saved with it")]
    Checksum {
        /// CRC-32 of what was read.
        found: u32,
        /// CRC-32 named in the file.
        saved: u32,
    },
    /// The contents are those that were saved, and make no model.
    #[error("the model contradicts itself: {0}")]
    Inconsistent(String),
    /// The data or the parameters given by the caller cannot be used.
    #[error("{0}")]
    Input(String),
}

impl ModelError {
    pub(crate) fn input(sentence: impl Into<String>) -> Self {
        Self::Input(sentence.into())
    }

    pub(crate) fn inconsistent(sentence: impl Into<String>) -> Self {
        Self::Inconsistent(sentence.into())
    }
}
