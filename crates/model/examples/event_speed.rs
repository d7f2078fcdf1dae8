//! Measures what each model but the forest costs per event, at the sizes used by the
//! daemon; prints median and 99th percentile in microseconds, the clock's own 30 ns
//! included.

use std::hint::black_box;
use std::time::Instant;

use sentinel_model::{Autoencoder, Calibration, Dense, Lstm, Ngram, NgramParams};

const EVENTS: usize = 100_000;
const VOCABULARY: usize = 577;

struct Numbers(u64);

impl Numbers {
    fn unit(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// A token; the small ones are the frequent ones.
    fn token(&mut self) -> u32 {
        (self.unit() * self.unit() * self.unit() * VOCABULARY as f32) as u32
    }

    fn vector(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit() - 0.5).collect()
    }

    fn layer(&mut self, inputs: usize, outputs: usize) -> Dense {
        let weights = self.vector(inputs * outputs);
        Dense::new(&weights, &self.vector(outputs)).expect("fits")
    }
}

fn report<T>(name: &str, mut work: impl FnMut(usize) -> T) {
    let mut times: Vec<f64> = (0..EVENTS)
        .map(|at| {
            let begin = Instant::now();
            black_box(work(at));
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    println!(
        "{name:24} {:6.2} us (p99 {:.2})",
        times[EVENTS / 2],
        times[EVENTS / 100 * 99]
    );
}

fn main() {
    let mut numbers = Numbers(1);
    let widths = [32, 16, 6, 16, 32];
    let layers = widths
        .windows(2)
        .map(|w| numbers.layer(w[0], w[1]))
        .collect();
    let network = Autoencoder::new(vec![0.0; 32], vec![1.0; 32], layers).expect("fits");
    let rows = numbers.vector(EVENTS * 32);
    report("autoencoder 32-16-6-16-32", |at| {
        network.score(&rows[at * 32..][..32])
    });

    let (embedding, gates) = (numbers.vector(VOCABULARY * 32), numbers.layer(96, 256));
    let lstm = Lstm::new(embedding, gates, numbers.layer(64, VOCABULARY)).expect("fits");
    let tokens: Vec<u32> = (0..EVENTS).map(|_| numbers.token()).collect();
    let mut state = lstm.start();
    report("lstm 577-32-64, step", |at| {
        lstm.step(&mut state, tokens[at])
    });
    report("lstm 577-32-64, surprise", |at| {
        lstm.surprise(&state, tokens[at])
    });

    let mut ngram = Ngram::new(NgramParams::default()).expect("is valid");
    report("6-gram, score and count", |at| {
        ngram.score_then_observe(&tokens[at.saturating_sub(5)..at], tokens[at])
    });
    let calibration = Calibration::fit(numbers.vector(50_000)).expect("fits");
    report("p-value of 50,000 scores", |at| {
        calibration.p_value(rows[at])
    });
}
