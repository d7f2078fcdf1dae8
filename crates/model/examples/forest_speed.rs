//! Measures the isolation forest and prints `NAME VALUE` lines: fitting, batches and
//! single events on 170,000 rows of 16 columns. `compare.py` runs it beside
//! scikit-learn and isotree.

use std::hint::black_box;
use std::time::Instant;

use sentinel_model::{ForestParams, IsolationForest};

const ROWS: usize = 170_000;
const COLUMNS: usize = 16;
const ROUNDS: usize = 10;

/// Sums of three uniform numbers from a small generator: unlike one another, and many of
/// them near the middle.
fn table() -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32
    };
    (0..ROWS * COLUMNS)
        .map(|_| uniform() + uniform() + uniform())
        .collect()
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

/// Processor time of this thread: what other programs take of the machine is not in it.
/// Exact to a few milliseconds, which is why work is repeated.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("is a Linux");
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    nanoseconds.expect("begins with a number") / 1e9
}

fn per_round(rounds: usize, mut work: impl FnMut()) -> f64 {
    let begin = processor_seconds();
    (0..rounds).for_each(|_| work());
    (processor_seconds() - begin) / rounds as f64
}

fn main() {
    let rows = table();
    let params = ForestParams::default();
    let fit = || IsolationForest::fit_rows(&rows, COLUMNS, &params).expect("fits");
    let forest = fit();
    let fitting = per_round(20 * ROUNDS, || drop(black_box(fit())));
    println!("fit_ms {:.2}", fitting * 1e3);

    let mut scores = vec![0.0; ROWS];
    let scoring = per_round(ROUNDS, || {
        forest
            .score_rows(black_box(&rows), &mut scores)
            .expect("scores");
    });
    println!("batch_rows_per_s {:.0}", ROWS as f64 / scoring);

    // The clock itself costs some 30 ns, which are part of the figures.
    let times: Vec<f64> = rows
        .chunks_exact(COLUMNS)
        .map(|row| {
            seconds(|| {
                black_box(forest.score(black_box(row)));
            })
        })
        .collect();
    println!("event_median_us {:.2}", quantile(times.clone(), 0.5) * 1e6);
    println!("event_p99_us {:.2}", quantile(times, 0.99) * 1e6);
    println!("nodes {}", forest.nodes());
}
