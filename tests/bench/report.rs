//! The tables.

use std::fs;

/// One load in its turns.
pub struct Load {
    name: &'static str,
    counts: bool,
    /// What was measured.
    pub turns: Vec<Turn>,
}

/// One load alone, above the floor, and watched.
pub struct Turn {
    /// Speed above empty programs, as a part of the speed alone.
    pub floor: f64,
    /// Speed while Sentinel watches, as a part of the speed alone.
    pub ratio: f64,
    /// Operations per second alone.
    pub alone_rate: f64,
    /// Operations while Sentinel watched.
    pub done: u64,
    /// Its processor seconds for them.
    pub seconds: f64,
    /// The same by thread.
    pub threads: Vec<(String, f64)>,
    /// Events of the load's kind and program in the history that it wrote.
    pub seen: u64,
    /// Events of any kind that came to it.
    pub received: u64,
    /// Events that were counted into others.
    pub aggregated: u64,
    /// Events that found no room.
    pub lost: u64,
    /// The most memory that it held.
    pub peak_bytes: u64,
}

/// How far Sentinel is to go, from the best full peers: speed and microseconds.
const GOALS: [(&str, f64, Option<f64>); 4] = [
    ("exec storm", 0.93, Some(15.0)),
    ("open storm", 0.85, Some(0.1)),
    ("connect storm", 0.88, Some(2.0)),
    ("make -j2", 0.98, None),
];

impl Load {
    /// A load that nobody has run yet; `counts` says whether its events are counted.
    pub fn new(name: &'static str, counts: bool) -> Load {
        Load {
            name,
            counts,
            turns: Vec::new(),
        }
    }

    fn median(&self, get: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(get).collect())
    }

    fn spread(&self, get: impl Fn(&Turn) -> f64) -> String {
        let values: Vec<f64> = self.turns.iter().map(get).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        format!("{:.2} ({least:.2}-{most:.2})", median(values))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// What it is measured on.
pub fn machine() {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "Linux {}, {cores} cores, load before the start {}",
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    );
}

/// Speed, cost, loss and memory by load.
pub fn loads(loads: &[Load]) {
    println!(
        "\n{:<14} {:>9} {:<17} {:<17} {:>5} {:>7} {:>6} {:>7} {:>9} {:>6} {:>5}",
        "LOAD",
        "ALONE/S",
        "EMPTY PROGRAMS",
        "SENTINEL",
        "GOAL",
        "US/OP",
        "GOAL",
        "SEEN",
        "S/MILLION",
        "LOST%",
        "MB"
    );
    for load in loads.iter().filter(|load| !load.turns.is_empty()) {
        let goal = GOALS.iter().find(|goal| goal.0 == load.name);
        let (ratio_goal, us_goal) = goal.map_or((0.0, None), |goal| (goal.1, goal.2));
        let sent = |t: &Turn| (t.received + t.aggregated + t.lost).max(1) as f64;
        println!(
            "{:<14} {:>9.0} {:<17} {:<17} {ratio_goal:>5.2} {:>7.2} {:>6} {:>7} {:>9.2} {:>6.2} {:>5.0}",
            load.name,
            load.median(|t| t.alone_rate),
            load.spread(|t| t.floor),
            load.spread(|t| t.ratio),
            load.median(|t| t.seconds / t.done as f64 * 1e6),
            us_goal.map_or("-".to_owned(), |us| us.to_string()),
            match load.counts {
                true => format!("{:.3}", load.median(|t| t.seen as f64 / t.done as f64)),
                false => "-".to_owned(),
            },
            load.median(|t| t.seconds / sent(t) * 1e6),
            load.median(|t| t.lost as f64 / sent(t) * 100.0),
            load.turns.iter().map(|t| t.peak_bytes).max().unwrap_or(0) as f64 / 1e6,
        );
    }
    println!(
        "US/OP: the daemon's processor time per operation. SEEN: events in the history that it\n\
         wrote, per operation. S/MILLION: processor seconds per million events. MB: peak\n\
         resident memory (goal 80), both rings included."
    );
}

/// Where the daemon's processor time goes.
pub fn threads(loads: &[Load]) {
    println!("\nProcessor time of the daemon by thread, microseconds per operation:");
    for load in loads.iter().filter(|load| !load.turns.is_empty()) {
        let names = load.turns[0].threads.iter().map(|(name, _)| name);
        let parts: Vec<String> = names
            .map(|name| {
                let us = load.median(|t| {
                    let own = t.threads.iter().find(|(known, _)| known == name);
                    own.map_or(0.0, |(_, s)| s / t.done as f64 * 1e6)
                });
                format!("{name} {us:.2}")
            })
            .collect();
        println!("  {:<14} {}", load.name, parts.join(", "));
    }
}

/// By how much each thread's time grew; those that grew are named, the most first.
pub fn grown(before: &[(String, f64)], after: &[(String, f64)]) -> Vec<(String, f64)> {
    let mut grown: Vec<(String, f64)> = after
        .iter()
        .map(|(name, seconds)| {
            let old = before.iter().find(|(known, _)| known == name);
            (name.clone(), seconds - old.map_or(0.0, |(_, s)| *s))
        })
        .collect();
    grown.sort_by(|a, b| b.1.total_cmp(&a.1));
    grown
}
