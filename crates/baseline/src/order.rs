//! How unexpected the next program of a process tree is, by the recurrent network.
//!
//! The network reads only where the back-off model is surprised already: most programs are
//! those that follow these each time, and their order need not be asked for twice. What a
//! tree did since is then read at once, so common trees cost nothing.

use sentinel_model::{Lstm, LstmState, ModelError};
use serde::{Deserialize, Serialize};

use crate::chains::{Chain, Chains};
use crate::hash;

/// Programs that have a token of their own, the most frequent.
const PROGRAMS: usize = 512;
/// Tokens that all others share.
const BUCKETS: usize = 64;
/// Tokens of the network, the last one standing for none of them.
pub(crate) const VOCABULARY: usize = PROGRAMS + BUCKETS + 1;
/// Bits of surprise by the back-off model from which on the network is asked.
const ASKED_FROM: f32 = 4.0;

/// The share of programs that may be any one.
const ANY: f32 = 0.05;

/// Which token stands for which program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Ascending.
    programs: Vec<u32>,
}

impl Tokens {
    /// The most frequent programs of the orders.
    pub(crate) fn of(chains: &Chains) -> Tokens {
        let mut all: Vec<u32> = chains.iter().flatten().copied().collect();
        all.sort_unstable();
        let mut counted: Vec<(usize, u32)> = all
            .chunk_by(|a, b| a == b)
            .map(|equal| (equal.len(), equal[0]))
            .collect();
        counted.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        counted.truncate(PROGRAMS);
        let mut programs: Vec<u32> = counted.into_iter().map(|(_, program)| program).collect();
        programs.sort_unstable();
        Tokens { programs }
    }

    /// The token of a program.
    pub(crate) fn token(&self, program: u32) -> u32 {
        match self.programs.binary_search(&program) {
            Ok(place) => place as u32,
            Err(_) => (PROGRAMS + hash::mix(u64::from(program)) as usize % BUCKETS) as u32,
        }
    }

    /// Programs that have a token of their own.
    pub(crate) fn programs(&self) -> &[u32] {
        &self.programs
    }

    /// Whether what was read back can be used.
    pub(crate) fn sound(&self) -> bool {
        self.programs.len() <= PROGRAMS && self.programs.is_sorted_by(|a, b| a < b)
    }
}

/// A network with the meaning of its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) network: Lstm,
    pub(crate) tokens: Tokens,
    /// Differs from that of every other network of this run.
    epoch: u32,
}

/// How far a tree was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    state: Option<LstmState>,
    read: usize,
    epoch: u32,
}

impl Order {
    /// # Errors
    /// Where the network has another vocabulary.
    pub(crate) fn new(network: Lstm, tokens: Tokens, epoch: u32) -> Result<Order, ModelError> {
        if network.vocabulary() != VOCABULARY || !tokens.sound() {
            let sentence = "the recurrent network has other tokens";
            return Err(ModelError::Input(sentence.to_owned()));
        }
        Ok(Order {
            network,
            tokens,
            epoch,
        })
    }

    /// Bits of surprise at `program` after what the chain holds; 0 where the back-off
    /// model, with `surprise`, finds it common.
    pub(crate) fn score(
        &self,
        chain: &Chain,
        reading: &mut Reading,
        program: u32,
        surprise: f32,
    ) -> f32 {
        if surprise < ASKED_FROM {
            return 0.0;
        }
        if reading.epoch != self.epoch || reading.read > chain.programs.len() {
            *reading = Reading {
                epoch: self.epoch,
                ..Reading::default()
            };
        }
        let state = reading.state.get_or_insert_with(|| self.network.start());
        for program in &chain.programs[reading.read..] {
            self.network.step(state, self.tokens.token(*program));
        }
        reading.read = chain.programs.len();
        calm(self.network.surprise(state, self.tokens.token(program)))
    }

    /// The surprise at each program of an order, given those before it.
    pub(crate) fn surprises(&self, order: &[u32]) -> Vec<f32> {
        let mut state = self.network.start();
        let tokens = order.iter().map(|program| self.tokens.token(*program));
        tokens
            .map(|token| calm(self.network.score_then_step(&mut state, token)))
            .collect()
    }
}

/// How sure of itself a network is far out differs from night to night, by many bits and
/// without a reason. So one program in twenty may be any, which leaves the order of scores
/// as it is and at most some thirteen bits.
fn calm(bits: f32) -> f32 {
    -((1.0 - ANY) * (-bits).exp2() + ANY / VOCABULARY as f32).log2()
}

impl Reading {
    /// The chain was cut: what was read is no longer its begin.
    pub(crate) fn restart(&mut self) {
        *self = Reading::default();
    }
}
