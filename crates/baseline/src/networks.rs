//! The networks that another program trains at night: what they are trained on, and the
//! questions that are asked of them before they are used.
//!
//! Owns the gate of the networks and the record of when one was last trained. Training is
//! `sentinel-train`'s, and when to order it is the daemon's.

use sentinel_model::metrics::Ranking;
use sentinel_model::random::SplitMix64;
use sentinel_model::{Autoencoder, Lstm};
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, Phase};
use crate::chains::{Chains, TOKENS_MIN};
use crate::gate;
use crate::judge::{ROWS_MIN, Subject};
use crate::order::{Order, Tokens, VOCABULARY};
use crate::schema::{COLUMNS, FEATURES, Feature};

/// Networks that are trained, in the order of [`NETWORK_NAMES`].
pub const NETWORKS: usize = NETWORK_NAMES.len();
/// What they are called.
pub const NETWORK_NAMES: [&str; 3] = [
    "autoencoder of program starts",
    "autoencoder of connections",
    "recurrent network",
];
const RECURRENT: usize = 2;

/// How well programs must be told from others in their place, by area under the curve.
const ORDER_AUROC_MIN: f64 = 0.6;
/// What the separation may fall by against the network in use.
const AUROC_LOSS_MAX: f64 = 0.02;
/// Orders that the recurrent networks are compared on, the latest.
const COMPARED: usize = 400;

/// What one network is trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum Training {
    /// For an autoencoder: rows, one after the other.
    Rows {
        /// All values, row after row.
        values: Vec<f32>,
        /// Values of a row.
        columns: usize,
        /// What each column has to differ by, at least, to be one spread away.
        spread_min: Vec<f32>,
    },
    /// For the recurrent network: sequences, one after the other, oldest first.
    Sequences {
        /// All tokens.
        tokens: Vec<u32>,
        /// Tokens of each sequence.
        lengths: Vec<u32>,
        /// Tokens that the network shall know.
        vocabulary: usize,
        /// The programs that the first tokens stand for; handed back with the network.
        programs: Tokens,
    },
}

impl Training {
    /// As the training program reads it: a safetensors file with `rows` and `spread_min`, or
    /// with `tokens` and `lengths`. That is the length of a header, the header, and the values.
    pub fn to_bytes(&self) -> Vec<u8> {
        let flat = |name, values: &[u32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, "U32", values.len().to_string(), bytes)
        };
        let tensors = match self {
            Training::Rows {
                values,
                columns,
                spread_min,
            } => {
                let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
                let shape = format!("{},{columns}", values.len() / (*columns).max(1));
                let each = spread_min.len().to_string();
                vec![
                    ("rows", "F32", shape, bytes(values)),
                    ("spread_min", "F32", each, bytes(spread_min)),
                ]
            }
            Training::Sequences {
                tokens, lengths, ..
            } => vec![flat("lengths", lengths), flat("tokens", tokens)],
        };
        let mut end = 0;
        let named = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let begin = end;
            end += bytes.len();
            format!(
                r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{begin},{end}]}}"#
            )
        });
        let mut header = format!("{{{}}}", named.collect::<Vec<_>>().join(","));
        // The values begin at a multiple of eight.
        while header.len() % 8 != 0 {
            header.push(' ');
        }
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        for (.., bytes) in &tensors {
            file.extend_from_slice(bytes);
        }
        file
    }
}

/// A network that another program has trained.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Which one, below [`NETWORKS`].
    pub network: usize,
    /// The file that the trainer left.
    pub bytes: Vec<u8>,
    /// What the tokens stood for; empty for an autoencoder.
    pub programs: Tokens,
}

/// A column that hardly moved in the rows, as that of the weekend in a week without one,
/// would make the least move the most unusual thing of all: less than a twenty-fourth of
/// the range, one bit of a surprise, is no spread.
fn spread_min(feature: &Feature) -> f32 {
    (feature.range.1 - feature.range.0) / 24.0
}

/// Since when training is owed, in nanoseconds since the Unix epoch; 0 for not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When the last one was trained and taken.
    pub(crate) trained_ns: [i64; NETWORKS],
    /// When the first training was ordered that nothing came of since.
    pub(crate) owed_ns: [i64; NETWORKS],
}

impl Baseline {
    /// What a network is to be trained on; `None` where there is too little.
    pub fn training(&self, network: usize) -> Option<Training> {
        let learned = &self.learned;
        if network != RECURRENT {
            let rows = learned.rows.get(network)?;
            return (rows.len() >= ROWS_MIN).then(|| Training::Rows {
                values: rows.values().to_vec(),
                columns: COLUMNS,
                spread_min: FEATURES.iter().map(spread_min).collect(),
            });
        }
        let chains = &learned.tables.chains;
        if chains.len() < TOKENS_MIN {
            return None;
        }
        let programs = Tokens::of(chains);
        let tokens = chains.iter().flatten();
        Some(Training::Sequences {
            tokens: tokens.map(|program| programs.token(*program)).collect(),
            lengths: chains.iter().map(|order| order.len() as u32).collect(),
            vocabulary: VOCABULARY,
            programs,
        })
    }

    /// Notes that a network is about to be trained at this time of the events.
    pub fn owe_training(&mut self, network: usize, time_ns: i64) {
        if let Some(owed) = self.learned.training.owed_ns.get_mut(network)
            && *owed == 0
        {
            *owed = time_ns;
        }
    }

    /// Since when a training is owed that did not succeed, in nanoseconds since the Unix
    /// epoch; `None` for none.
    pub fn untrained_since_ns(&self) -> Option<i64> {
        let owed = self.learned.training.owed_ns.into_iter();
        owed.filter(|owed| *owed > 0).min()
    }

    /// Takes a trained network into use if it passes the gate, and says what was found. Its
    /// scores count from the next night on, when they can be compared.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence; the one before stays in use.
    pub fn take_network(&mut self, trained: Trained, time_ns: i64) -> Result<String, String> {
        let network = trained.network;
        let name = NETWORK_NAMES
            .get(network)
            .ok_or("there is no such network")?;
        let sentence = match network {
            RECURRENT => self.take_order(trained),
            _ => self.take_autoencoder(network, &trained.bytes),
        };
        let sentence = sentence.map_err(|why| format!("the {name} is refused: {why}"))?;
        let record = &mut self.learned.training;
        (record.trained_ns[network], record.owed_ns[network]) = (time_ns, 0);
        Ok(format!("the {name} is in use: {sentence}"))
    }

    fn take_autoencoder(&mut self, network: usize, bytes: &[u8]) -> Result<String, String> {
        let new = Autoencoder::from_bytes(bytes).map_err(|error| error.to_string())?;
        if new.columns() != COLUMNS {
            return Err("it has other columns".to_owned());
        }
        let old = self.models[network].autoencoder.as_ref();
        let old = old.filter(|_| self.phase() == Phase::Detect);
        let subject = [Subject::Start, Subject::Contact][network];
        let sentence = gate::judge_autoencoder(subject, old, &new, &self.learned.rows[network])?;
        self.models[network].take_autoencoder(new, &self.learned.rows[network]);
        Ok(sentence)
    }

    fn take_order(&mut self, trained: Trained) -> Result<String, String> {
        let network = Lstm::from_bytes(&trained.bytes).map_err(|error| error.to_string())?;
        self.epoch += 1;
        let new = Order::new(network, trained.programs, self.epoch);
        let new = new.map_err(|error| error.to_string())?;
        let old = self.order.as_ref();
        let old = old.filter(|_| self.phase() == Phase::Detect);
        let sentence = judge_order(old, &new, &self.learned.tables.chains)?;
        self.order = Some(new);
        Ok(sentence)
    }
}

/// How well a network tells the programs of the latest orders from others that run here,
/// put in their place.
fn order_separation(order: &Order, chains: &Chains, strangers: &[u32]) -> (f64, f32) {
    let mut random = SplitMix64::stream(23, 1);
    let (mut scores, mut labels) = (Vec::new(), Vec::new());
    let count = chains.iter().count();
    for chain in chains.iter().skip(count.saturating_sub(COMPARED)) {
        let place = random.below(chain.len().max(1));
        let Some(usual) = order.surprises(&chain[..=place.min(chain.len() - 1)]).pop() else {
            continue;
        };
        let mut changed = chain[..=place].to_vec();
        changed[place] = strangers[random.below(strangers.len())];
        scores.push(usual);
        scores.extend(order.surprises(&changed).pop());
        labels.extend([false, true]);
    }
    let usual: Vec<f32> = scores.iter().step_by(2).copied().collect();
    let mean = usual.iter().sum::<f32>() / usual.len().max(1) as f32;
    let auroc = Ranking::new(&scores, &labels).map_or(0.0, |ranking| ranking.auroc());
    (auroc, mean)
}

fn judge_order(old: Option<&Order>, new: &Order, chains: &Chains) -> Result<String, String> {
    let strangers = Tokens::of(chains);
    let strangers = strangers.programs();
    if strangers.is_empty() {
        return Err("there is nothing to judge it by".to_owned());
    }
    let (found, mean) = order_separation(new, chains, strangers);
    if !mean.is_finite() || found < ORDER_AUROC_MIN {
        return Err(format!(
            "it tells usual programs from others in their place with AUROC {found:.3}, where chance has 0.5"
        ));
    }
    let before = old.map(|old| order_separation(old, chains, strangers).0);
    match before {
        Some(before) if before - found >= AUROC_LOSS_MAX => Err(format!(
            "it tells usual programs from others with AUROC {found:.3}, where the present one has {before:.3}"
        )),
        _ => Ok(format!(
            "AUROC {found:.3} of usual programs against others in their place, {mean:.1} bits a program"
        )),
    }
}

#[cfg(test)]
#[path = "networks_tests.rs"]
mod tests;
