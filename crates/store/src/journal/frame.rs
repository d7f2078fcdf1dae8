//! One Arrow IPC message with its checksums.
//!
//! ```text
//! FFFFFFFF | length | Message flatbuffer | zeros | crc of all before | crc of body | body
//!  4 bytes   4 bytes                        0..7     4 bytes             4 bytes
//! ```
//!
//! `length` counts from the flatbuffer to the second checksum, which readers of Arrow
//! skip as padding.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::RecordBatchDecoder;
use arrow_ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
    write_message,
};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{ArrowError, Schema, SchemaRef};

/// Bytes before the flatbuffer: continuation marker and length.
pub(super) const PREFIX_BYTES: usize = 8;
/// Bytes of the two checksums.
const SUMS_BYTES: usize = 8;
const ALIGNMENT: usize = 8;
/// What each message begins with.
pub(super) const MARKER: [u8; 4] = [0xff; 4];
/// No message's metadata is longer; a longer length is damage.
const METADATA_BYTES_MAX: usize = 16 << 20;
/// No message's body is longer; a longer length is damage.
const BODY_BYTES_MAX: usize = 1 << 31;
/// The journal lives for minutes, so speed counts more than size.
const ZSTD_LEVEL: i32 = 1;

/// Makes messages out of batches.
pub(super) struct Encoder {
    options: IpcWriteOptions,
    dictionaries: DictionaryTracker,
    context: IpcWriteContext,
}

impl Encoder {
    pub fn new() -> Result<Encoder, ArrowError> {
        Ok(Encoder {
            options: IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?
                .try_with_compression(Some(CompressionType::ZSTD))?
                .try_with_compression_level(Some(ZSTD_LEVEL))?,
            dictionaries: DictionaryTracker::new(true),
            context: IpcWriteContext::default(),
        })
    }

    /// The message that a stream begins with.
    pub fn schema(&mut self, schema: &Schema) -> Result<Vec<u8>, ArrowError> {
        let encoded = IpcDataGenerator {}.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut self.dictionaries,
            &self.options,
        );
        self.frame(encoded)
    }

    /// A batch as one message. The schema has no dictionaries, so there is only one.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let (_, encoded) = IpcDataGenerator {}.encode(
            batch,
            &mut self.dictionaries,
            &self.options,
            &mut self.context,
        )?;
        self.frame(encoded)
    }

    fn frame(&self, mut encoded: EncodedData) -> Result<Vec<u8>, ArrowError> {
        let metadata = &mut encoded.ipc_message;
        metadata.resize(metadata.len().next_multiple_of(ALIGNMENT), 0);
        let length = metadata.len() + SUMS_BYTES;
        let prefix = u64::from(u32::MAX) | (length as u64) << 32;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&prefix.to_le_bytes());
        sum.update(metadata);
        metadata.extend_from_slice(&sum.finalize().to_le_bytes());
        metadata.extend_from_slice(&crc32fast::hash(&encoded.arrow_data).to_le_bytes());
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + length + encoded.arrow_data.len());
        write_message(&mut bytes, encoded, &self.options)?;
        Ok(bytes)
    }
}

/// The length of the metadata that a prefix announces; `None` when it is no prefix.
pub(super) fn metadata_bytes(prefix: [u8; PREFIX_BYTES]) -> Option<usize> {
    let [a, b, c, d, length @ ..] = prefix;
    let length = u32::from_le_bytes(length) as usize;
    let plausible = (SUMS_BYTES..=METADATA_BYTES_MAX).contains(&length);
    ([a, b, c, d] == MARKER && plausible && length.is_multiple_of(ALIGNMENT)).then_some(length)
}

/// What intact metadata says about the body.
pub(super) struct Body {
    pub bytes: usize,
    pub sum: u32,
    /// Rows of the batch; 0 for the schema.
    pub rows: u64,
}

/// Checks metadata, prefix included, against its checksum; `None` when it is damaged.
pub(super) fn check_metadata(bytes: &[u8]) -> Option<Body> {
    let (rest, body_sum) = bytes.split_last_chunk::<4>()?;
    let (checked, sum) = rest.split_last_chunk::<4>()?;
    if crc32fast::hash(checked) != u32::from_le_bytes(*sum) {
        return None;
    }
    let message = arrow_ipc::root_as_message(checked.get(PREFIX_BYTES..)?).ok()?;
    let bytes = usize::try_from(message.bodyLength()).ok()?;
    let rows = message.header_as_record_batch().map_or(0, |b| b.length());
    (bytes <= BODY_BYTES_MAX).then_some(Body {
        bytes,
        sum: u32::from_le_bytes(*body_sum),
        rows: u64::try_from(rows).ok()?,
    })
}

/// Checks a body against its checksum.
pub(super) fn check_body(body: &Body, bytes: &[u8]) -> bool {
    crc32fast::hash(bytes) == body.sum
}

/// The schema in a message, prefix included; `None` when it is no schema.
pub(super) fn schema(bytes: &[u8]) -> Option<Schema> {
    let message = arrow_ipc::root_as_message(bytes.get(PREFIX_BYTES..)?).ok()?;
    try_fb_to_schema(message.header_as_schema()?).ok()
}

/// Some columns of the batch in a message, prefix included; `None` when it holds none.
/// The others are not even decompressed.
pub(super) fn columns(
    message: &Buffer,
    schema: SchemaRef,
    columns: &[usize],
) -> Result<Option<RecordBatch>, ArrowError> {
    let malformed = || ArrowError::IpcError("a batch is malformed".to_owned());
    let prefix = message.first_chunk().ok_or_else(malformed)?;
    let body_start = PREFIX_BYTES + metadata_bytes(*prefix).ok_or_else(malformed)?;
    let metadata = message
        .get(PREFIX_BYTES..body_start)
        .ok_or_else(malformed)?;
    let root = arrow_ipc::root_as_message(metadata).map_err(|_| malformed())?;
    let Some(batch) = root.header_as_record_batch() else {
        return Ok(None);
    };
    let body = message.slice(body_start);
    let dictionaries = HashMap::new();
    RecordBatchDecoder::try_new(&body, batch, schema, &dictionaries, &root.version())?
        .with_projection(Some(columns))
        .read_record_batch()
        .map(Some)
}
