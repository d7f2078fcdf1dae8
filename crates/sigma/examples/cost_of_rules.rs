//! What rules cost an event: `cargo run --release -p sentinel-sigma --example cost_of_rules`.
//! With the index and without it, for several numbers of rules.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::workload::{cost_ns, events, rules};

fn main() {
    let folders = [common::most_rules()];
    println!(
        "{:>6} {:>18} {:>14} {:>14} {:>10}",
        "rules", "one exec in", "index", "every rule", "load"
    );
    for count in [50, 200, 500, 1_000, 2_000] {
        let begun = Instant::now();
        let mut set = rules(&folders, count);
        let load_ms = begun.elapsed().as_millis();
        for exec_every in [1, 5, 20] {
            let sample = events(5_000, exec_every);
            let before = set.evaluated_total();
            let index = cost_ns(&mut set, &sample);
            let evaluated = (set.evaluated_total() - before) as f64 / (7 * sample.len()) as f64;
            let begun = Instant::now();
            let found: usize = sample
                .iter()
                .map(|event| set.evaluate_all(event).len())
                .sum();
            let all = begun.elapsed().as_nanos() as f64 / sample.len() as f64;
            println!(
                "{count:>6} {exec_every:>18} {index:>11.0} ns {all:>11.0} ns {load_ms:>7} ms, {found} matches, {evaluated:.2} evaluated"
            );
        }
    }
}
