//! The weights of a network while it is trained, by name.
//!
//! Owns their first values, which candle would draw from a source that takes no seed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use candle_nn::VarBuilder;
use sentinel_model::random::SplitMix64;

pub(crate) struct Weights {
    vars: BTreeMap<String, Var>,
    random: SplitMix64,
}

impl Weights {
    pub(crate) fn new(seed: u64) -> Self {
        let vars = BTreeMap::new();
        let random = SplitMix64::stream(seed, 1);
        Self { vars, random }
    }

    /// Adds a weight of even numbers between `-bound` and `bound`.
    pub(crate) fn draw(&mut self, name: &str, shape: &[usize], bound: f64) -> Result<Tensor> {
        let count = shape.iter().product();
        let number = |_: usize| ((self.random.unit() * 2.0 - 1.0) * bound) as f32;
        let values: Vec<f32> = (0..count).map(number).collect();
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)?;
        let tensor = var.as_tensor().clone();
        self.vars.insert(name.to_owned(), var);
        Ok(tensor)
    }

    /// All weights, in the order of their names, for the optimiser.
    pub(crate) fn all(&self) -> Vec<Var> {
        self.vars.values().cloned().collect()
    }

    /// The weights as candle's layers ask for them.
    pub(crate) fn builder(&self) -> VarBuilder<'static> {
        let tensor = |(name, var): (&String, &Var)| (name.clone(), var.as_tensor().clone());
        let tensors = self.vars.iter().map(tensor).collect();
        VarBuilder::from_tensors(tensors, candle_core::DType::F32, &Device::Cpu)
    }

    /// The values of one weight in row-major order.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<f32>> {
        let var = self
            .vars
            .get(name)
            .with_context(|| format!("no weight {name}"))?;
        Ok(var.flatten_all()?.to_vec1()?)
    }

    /// A copy of all values, to come back to.
    pub(crate) fn snapshot(&self) -> Result<Vec<Tensor>> {
        self.vars
            .values()
            .map(|var| Ok(var.as_tensor().copy()?))
            .collect()
    }

    pub(crate) fn restore(&self, snapshot: &[Tensor]) -> Result<()> {
        for (var, tensor) in self.vars.values().zip(snapshot) {
            var.set(tensor)?;
        }
        Ok(())
    }
}

/// The indices `0..count` in random order.
pub(crate) fn shuffled(count: usize, random: &mut SplitMix64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
