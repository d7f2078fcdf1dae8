//! Measures the isolation forest and prints `NAME VALUE` lines: fitting, batches and
//! single events on 170,000 rows of 16 columns. `benches/compare.py` runs it beside
//! scikit-learn and isotree.

use std::hint::black_box;
use std::time::Instant;

use sentinel_model::{ForestParams, IsolationForest};

const ROWS: usize = 170_000;
const COLUMNS: usize = 16;
const ROUNDS: usize = 9;

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

fn median(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

fn seconds(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

fn main() {
    let rows = table();
    let params = ForestParams::default();
    let fit = || IsolationForest::fit_rows(&rows, COLUMNS, &params).expect("fits");
    let forest = fit();
    let times = (0..ROUNDS)
        .map(|_| seconds(|| drop(black_box(fit()))))
        .collect();
    println!("fit_ms {:.2}", median(times, 0.5) * 1e3);

    let mut scores = vec![0.0; ROWS];
    let times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            seconds(|| {
                forest
                    .score_rows(black_box(&rows), &mut scores)
                    .expect("scores")
            })
        })
        .collect();
    println!(
        "batch_rows_per_s {:.0}",
        ROWS as f64 / median(times.clone(), 0.5)
    );
    println!(
        "batch_best_rows_per_s {:.0}",
        ROWS as f64 / median(times, 0.0)
    );

    // The clock itself costs some 30 ns, which are part of the figures.
    let times: Vec<f64> = rows
        .chunks_exact(COLUMNS)
        .map(|row| {
            seconds(|| {
                black_box(forest.score(black_box(row)));
            })
        })
        .collect();
    println!("event_median_us {:.2}", median(times.clone(), 0.5) * 1e6);
    println!("event_p99_us {:.2}", median(times, 0.99) * 1e6);
    println!("nodes {}", forest.nodes());
}
