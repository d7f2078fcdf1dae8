//! The model of sequences as bytes.

use super::pairs::Pair;
use super::{Context, Ngram, NgramParams};
use crate::ModelError;
use crate::artifact::{Reader, Stamp, Writer};

const STAMP: Stamp = Stamp {
    kind: "ngram",
    format: 1,
};

impl Ngram {
    /// The model as a safetensors file: per pair `context`, `token` and `count`; per
    /// context `key`, `total` (the bits of a double) and `distinct`; `shape` with the
    /// parameters and the evictions. Equal models give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(STAMP);
        let pairs: Vec<&Pair> = self.pairs.iter().collect();
        let column: Vec<u64> = pairs.iter().map(|pair| pair.context).collect();
        writer.put_u64("context", &[pairs.len()], &column);
        let column: Vec<u32> = pairs.iter().map(|pair| pair.token).collect();
        writer.put_u32("token", &[pairs.len()], &column);
        let column: Vec<f32> = pairs.iter().map(|pair| pair.count).collect();
        writer.put_f32("count", &[pairs.len()], &column);
        let mut contexts: Vec<_> = self.contexts.iter().collect();
        contexts.sort_unstable_by_key(|(key, _)| **key);
        let column: Vec<u64> = contexts.iter().map(|(key, _)| **key).collect();
        writer.put_u64("key", &[contexts.len()], &column);
        let column: Vec<u64> = contexts.iter().map(|(_, c)| c.total.to_bits()).collect();
        writer.put_u64("total", &[contexts.len()], &column);
        let column: Vec<u32> = contexts.iter().map(|(_, c)| c.distinct).collect();
        writer.put_u32("distinct", &[contexts.len()], &column);
        let NgramParams {
            order,
            vocabulary,
            pairs_max,
            seed,
        } = self.params;
        let shape = [
            order as u64,
            vocabulary.into(),
            pairs_max as u64,
            seed,
            self.evicted,
        ];
        writer.put_u64("shape", &[shape.len()], &shape);
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// Refuses other files, other formats, damage, and counts that do not add up.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let reader = Reader::new(bytes, STAMP)?;
        let (_, shape) = reader.get_u64("shape")?;
        let &[order, vocabulary, pairs_max, seed, evicted] = &shape[..] else {
            return Err(ModelError::inconsistent("its shape is not five numbers"));
        };
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let mut ngram = Self::new(NgramParams {
            order: small(order),
            vocabulary: u32::try_from(vocabulary).unwrap_or(0),
            pairs_max: small(pairs_max),
            seed,
        })?;
        ngram.evicted = evicted;
        ngram.read_pairs(&reader)?;
        ngram.read_contexts(&reader)?;
        Ok(ngram)
    }

    fn read_pairs(&mut self, reader: &Reader<'_>) -> Result<(), ModelError> {
        let contexts = reader.get_u64("context")?.1;
        let tokens = reader.get_u32("token")?.1;
        let counts = reader.get_f32("count")?.1;
        if [tokens.len(), counts.len()] != [contexts.len(); 2] {
            return Err(ModelError::inconsistent("its pairs differ in length"));
        }
        for ((context, token), count) in contexts.into_iter().zip(tokens).zip(counts) {
            if !(count > 0.0 && count.is_finite()) {
                return Err(ModelError::inconsistent("a count is not above zero"));
            }
            if !self.pairs.restore(Pair {
                context,
                token,
                count,
            }) {
                return Err(ModelError::inconsistent("its pairs do not fit its table"));
            }
        }
        Ok(())
    }

    fn read_contexts(&mut self, reader: &Reader<'_>) -> Result<(), ModelError> {
        let keys = reader.get_u64("key")?.1;
        let totals = reader.get_u64("total")?.1;
        let distinct = reader.get_u32("distinct")?.1;
        if [totals.len(), distinct.len()] != [keys.len(); 2] {
            return Err(ModelError::inconsistent("its contexts differ in length"));
        }
        for ((key, total), distinct) in keys.into_iter().zip(totals).zip(distinct) {
            let total = f64::from_bits(total);
            self.contexts.insert(key, Context { total, distinct });
        }
        // Each pair must be counted by its context, and no context may count more.
        let mut left = self.contexts.clone();
        for pair in self.pairs.iter() {
            let context = left
                .get_mut(&pair.context)
                .filter(|context| context.distinct > 0);
            let context =
                context.ok_or_else(|| ModelError::inconsistent("a pair is not counted"))?;
            context.distinct -= 1;
            context.total -= f64::from(pair.count);
        }
        let settled = |context: &Context| context.distinct == 0 && context.total.abs() < 1.0;
        if left.values().all(settled) {
            Ok(())
        } else {
            Err(ModelError::inconsistent("its counts do not add up"))
        }
    }
}
