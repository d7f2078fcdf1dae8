//! The decoder on records that no kernel would send: mutations of recorded ones, always the
//! same. `fuzz/` holds the recorded ones and a target for libFuzzer over the same function;
//! `UPDATE_CORPUS=1` records them anew, as a change of `bpf/sentinel.h` demands.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use sentineld::sensor::raw;

use crate::support::{Trigger, can_watch, one_at_a_time};

const MUTATIONS: usize = 60_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decode")
}

/// The recorded records by their names.
fn corpus() -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder()).expect("the corpus is there");
    let paths = entries.map(|entry| entry.expect("can be listed").path());
    paths
        .map(|path| (path.clone(), fs::read(path).expect("can be read")))
        .collect()
}

/// SplitMix64: the mutations are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Changes a record in one of the ways that break decoders.
fn mutate(record: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    const NUMBERS: [u64; 10] = [
        0,
        1,
        0x7f,
        0xff,
        0x7fff,
        0xffff,
        0x7fff_ffff,
        0xffff_ffff,
        1 << 63,
        u64::MAX,
    ];
    let at = random.below(record.len());
    // Most of what decides anything stands at the beginning.
    let early = random.below(record.len().min(256));
    match random.below(8) {
        0 => record[at] ^= 1 << random.below(8),
        1 => record[early] = random.next() as u8,
        2 => record[early] ^= 1 << random.below(8),
        3 | 4 => {
            let number = NUMBERS[random.below(NUMBERS.len())].to_ne_bytes();
            let width = [1, 2, 4, 8][random.below(4)];
            let at = early - early % width;
            for (byte, new) in record[at..].iter_mut().zip(&number[..width]) {
                *byte = *new;
            }
        }
        5 => record.truncate(at),
        6 => record.extend_from_slice(&random.next().to_ne_bytes()),
        _ => {
            let other = &others[random.below(others.len())];
            let length = random.below(other.len().min(record.len() - at) + 1);
            record[at..at + length].copy_from_slice(&other[..length]);
        }
    }
}

/// Feeds records, and many mutations of each, to the decoder. Returns how many of the
/// mutations it took for records.
fn feed(records: &[Vec<u8>]) -> usize {
    let mut random = Random(7);
    let mut taken = 0;
    for number in 0..MUTATIONS {
        let mut record = records[number % records.len()].clone();
        for _ in 0..=random.below(4) {
            if !record.is_empty() {
                mutate(&mut record, records, &mut random);
            }
        }
        taken += usize::from(raw::decode(&record).is_some());
        raw::exercise(&record);
    }
    taken
}

#[test]
fn mutated_records_never_break_the_decoder() {
    let corpus: Vec<Vec<u8>> = corpus().into_values().collect();
    assert!(
        corpus.len() >= 20,
        "the corpus has {} records",
        corpus.len()
    );
    let taken = feed(&corpus);
    // All refused would mean that nothing behind the first check was reached.
    assert!(
        taken > MUTATIONS / 20,
        "only {taken} of {MUTATIONS} were decoded; UPDATE_CORPUS=1 records the corpus anew"
    );
}

/// What the sensor sees while this happens.
fn deeds(trigger: &Trigger) {
    let file = trigger.dir.path().join("file");
    fs::write(&file, "x").expect("writes");
    let text = file.display().to_string();
    for args in [
        &["exit", "0"][..],
        &["exit", "0", &"x".repeat(2_000)],
        &["signal", "9"],
        &["thread-exec", "3"],
        &["open", &text],
        &["openat2", &text],
        &["tcp4"],
        &["tcp6"],
        &["memfd", "spark"],
        &["mmap-anonymous"],
        &["mmap-memfd", "code"],
        &["mprotect"],
    ] {
        // In a folder that says nothing of the machine; what fails is not recorded.
        let _ = trigger.command(args).current_dir("/tmp").output();
    }
    let other = trigger.dir.path().join("other");
    let _ = fs::rename(&file, &other);
    let _ = fs::hard_link(&other, &file);
    let _ = std::os::unix::fs::symlink(&other, trigger.dir.path().join("link"));
    let _ = fs::remove_file(&other);
    let _ = Command::new("/nowhere/to/be/found").status();
    if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
        let _ = socket.send_to(question, "127.0.0.1:53");
    }
}

#[test]
fn records_of_this_kernel_are_decoded_and_their_mutations_survived() {
    const TEST: &str = "records_of_this_kernel_are_decoded_and_their_mutations_survived";
    let _turn = one_at_a_time();
    if !can_watch(TEST) {
        return;
    }
    let trigger = Trigger::new();
    let records = raw::record(|| deeds(&trigger)).expect("records");
    for record in &records {
        let kind = raw::kind(record);
        assert!(raw::decode(record).is_some(), "{kind:?}: {record:?}");
        raw::exercise(record);
    }
    let kinds: std::collections::BTreeSet<_> =
        records.iter().filter_map(|r| raw::kind(r)).collect();
    assert!(kinds.len() >= 10, "only {kinds:?} were recorded");
    assert!(feed(&records) > 0);
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        update(&records);
    }
}

/// Replaces the corpus by two records of each kind and size, of this test's own making and
/// without a word of where it runs.
fn update(records: &[Vec<u8>]) {
    const LARGEST: usize = 8 << 10;
    let own = std::process::id();
    let place: Vec<_> = Path::new(env!("CARGO_MANIFEST_DIR"))
        .iter()
        .filter_map(|part| part.to_str().filter(|part| *part != "/"))
        .collect();
    let _ = fs::remove_dir_all(folder());
    fs::create_dir_all(folder()).expect("makes a folder");
    let mut counts = BTreeMap::new();
    for record in records.iter().filter(|record| record.len() <= LARGEST) {
        let actor = raw::decode(record).map(|observed| observed.actor);
        let is_own = actor.is_some_and(|actor| actor.pid == own || actor.ppid == own);
        let text = String::from_utf8_lossy(record);
        let Some(kind) = raw::kind(record).filter(|_| is_own) else {
            continue;
        };
        if place.iter().any(|part| text.contains(part)) {
            continue;
        }
        let count = counts.entry((kind, record.len())).or_insert(0);
        *count += 1;
        if *count <= 2 {
            let name = format!("{kind}-{}-{count}", record.len());
            fs::write(folder().join(name), record).expect("writes");
        }
    }
}
