//! How models become bytes: safetensors with one line of metadata.
//!
//! Safetensors, since the trainer writes that format anyway, Python and Rust read it
//! without code of ours, and loading it runs nothing. It has neither versions nor
//! checksums, so the metadata key `sentinel` carries `KIND FORMAT CRC32`. It is one key,
//! because the library writes keys in the order of a random hash map, and equal models
//! must give equal bytes. Owns the envelope, not what the tensors mean.

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::ModelError;

const KEY: &str = "sentinel";

/// What a file must say of itself to be read as this kind of model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) kind: &'static str,
    pub(crate) format: u32,
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Collects named tensors and writes them in one go.
pub(crate) struct Writer {
    stamp: Stamp,
    tensors: Vec<(&'static str, Tensor)>,
}

/// Tensors whose stamp and checksum have been verified.
pub(crate) struct Reader<'data> {
    tensors: SafeTensors<'data>,
}

macro_rules! element {
    ($put:ident, $get:ident, $type:ty, $dtype:expr) => {
        impl Writer {
            pub(crate) fn $put(&mut self, name: &'static str, shape: &[usize], values: &[$type]) {
                debug_assert_eq!(shape.iter().product::<usize>(), values.len());
                let bytes = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                let shape = shape.to_vec();
                let dtype = $dtype;
                self.tensors.push((
                    name,
                    Tensor {
                        dtype,
                        shape,
                        bytes,
                    },
                ));
            }
        }

        impl Reader<'_> {
            /// The shape and the values of a tensor, in row-major order.
            pub(crate) fn $get(&self, name: &str) -> Result<(Vec<usize>, Vec<$type>), ModelError> {
                let view = self.view(name, $dtype)?;
                let values = view.data().chunks_exact(size_of::<$type>());
                let values = values.map(|b| <$type>::from_le_bytes(b.try_into().expect("sized")));
                Ok((view.shape().to_vec(), values.collect()))
            }
        }
    };
}

element!(put_f32, get_f32, f32, Dtype::F32);
element!(put_u32, get_u32, u32, Dtype::U32);
element!(put_u64, get_u64, u64, Dtype::U64);

impl Writer {
    pub(crate) fn new(stamp: Stamp) -> Self {
        let tensors = Vec::new();
        Self { stamp, tensors }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let views = || {
            self.tensors.iter().map(|(name, tensor)| {
                let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
                (
                    *name,
                    view.expect("each tensor was given with its own shape"),
                )
            })
        };
        let Stamp { kind, format } = self.stamp;
        let line = format!("{kind} {format} {:08x}", checksum(views()));
        let metadata = HashMap::from([(KEY.to_owned(), line)]);
        safetensors::serialize(views(), Some(metadata))
            .expect("names are distinct and a header of a few tensors is small")
    }
}

impl<'data> Reader<'data> {
    pub(crate) fn new(bytes: &'data [u8], stamp: Stamp) -> Result<Self, ModelError> {
        let malformed =
            |error: safetensors::SafeTensorError| ModelError::Malformed(error.to_string());
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let line = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
        let line =
            line.ok_or_else(|| ModelError::Malformed(format!("no {KEY:?} in its header")))?;
        let saved = verify(line, stamp)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let found = checksum(tensors.iter());
        if found != saved {
            return Err(ModelError::Checksum { found, saved });
        }
        Ok(Self { tensors })
    }

    fn view(&self, name: &str, dtype: Dtype) -> Result<TensorView<'data>, ModelError> {
        let view = self.tensors.tensor(name);
        let view = view.map_err(|_| ModelError::inconsistent(format!("{name:?} is missing")))?;
        if view.dtype() != dtype {
            return Err(ModelError::inconsistent(format!(
                "{name:?} is not of type {dtype}"
            )));
        }
        Ok(view)
    }
}

/// Reads the stamp line and returns the checksum it names.
fn verify(line: &str, stamp: Stamp) -> Result<u32, ModelError> {
    let malformed = || ModelError::Malformed(format!("its header says {line:?}"));
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or_else(malformed);
    let (kind, format, crc) = (word()?, word()?, word()?);
    if kind != stamp.kind {
        let (found, wanted) = (kind.to_owned(), stamp.kind);
        return Err(ModelError::Kind { found, wanted });
    }
    let found = format.parse().map_err(|_| malformed())?;
    if found != stamp.format {
        let (kind, known) = (stamp.kind, stamp.format);
        return Err(ModelError::Version { kind, found, known });
    }
    u32::from_str_radix(crc, 16).map_err(|_| malformed())
}

/// CRC-32 over names, types, shapes and bytes, in the order of the names.
fn checksum<'a>(tensors: impl Iterator<Item = (&'a str, TensorView<'a>)>) -> u32 {
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|(name, _)| *name);
    let mut crc = crc32fast::Hasher::new();
    for (name, view) in tensors {
        crc.update(format!("{name} {} {:?};", view.dtype(), view.shape()).as_bytes());
        crc.update(view.data());
    }
    crc.finalize()
}

#[cfg(test)]
#[path = "artifact_tests.rs"]
mod tests;
