//! The program, from its input file to a network that the daemon can read.

use std::path::Path;
use std::process::{Command, Output};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use sentinel_model::{Autoencoder, Lstm};

fn train(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel-train"));
    command
        .args(words)
        .current_dir(folder)
        .output()
        .expect("starts")
}

fn bytes<const N: usize>(values: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

fn put(path: &Path, tensors: &[(&str, Dtype, &[usize], &[u8])]) {
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (
            *name,
            TensorView::new(*dtype, shape.to_vec(), data).expect("fits"),
        )
    });
    std::fs::write(
        path,
        safetensors::serialize(views, None).expect("serializes"),
    )
    .expect("writes");
}

#[test]
fn leaves_an_autoencoder() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = bytes((0..400_u16).map(|at| f32::from(at % 17).to_le_bytes()));
    put(
        &folder.path().join("in"),
        &[("rows", Dtype::F32, &[100, 4], &rows)],
    );
    let output = train(folder.path(), &["autoencoder", "in", "out"]);
    assert!(output.status.success(), "{output:?}");
    let model =
        Autoencoder::from_bytes(&std::fs::read(folder.path().join("out")).expect("is there"));
    assert_eq!(model.expect("reads").columns(), 4);
}

#[test]
fn leaves_a_recurrent_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = bytes((0..300_u32).map(|at| (at % 7).to_le_bytes()));
    let lengths = bytes([30_u32; 10].map(u32::to_le_bytes));
    let tensors: [(&str, Dtype, &[usize], &[u8]); 2] = [
        ("tokens", Dtype::U32, &[300], &tokens),
        ("lengths", Dtype::U32, &[10], &lengths),
    ];
    put(&folder.path().join("in"), &tensors);
    let output = train(folder.path(), &["lstm", "in", "out", "--vocabulary", "9"]);
    assert!(output.status.success(), "{output:?}");
    let model = Lstm::from_bytes(&std::fs::read(folder.path().join("out")).expect("is there"));
    assert_eq!(model.expect("reads").vocabulary(), 9);
}

/// A sixteenth of the most that a night trains on, within a sixteenth of three minutes of
/// processor time; the limit of 500 MB of address space is the program's own default.
#[test]
fn a_week_is_trained_within_three_minutes_and_half_a_gigabyte() {
    const TOKENS: usize = 131_072 / 16;
    let folder = tempfile::tempdir().expect("a folder");
    let program = |at: u32| at.wrapping_mul(2_654_435_761) >> 20;
    // Most programs follow from the one before, every fifth is any.
    let tokens = (0..TOKENS as u32).scan(0, |now, at| {
        *now = if at % 5 == 0 {
            program(at)
        } else {
            program(*now)
        };
        *now %= 577;
        Some(now.to_le_bytes())
    });
    let (tokens, lengths) = (
        bytes(tokens),
        bytes(vec![32_u32.to_le_bytes(); TOKENS / 32]),
    );
    let tensors: [(&str, Dtype, &[usize], &[u8]); 2] = [
        ("tokens", Dtype::U32, &[TOKENS], &tokens),
        ("lengths", Dtype::U32, &[TOKENS / 32], &lengths),
    ];
    put(&folder.path().join("orders"), &tensors);
    let values = bytes((0..750 * 34_u32).map(|at| (program(at) as f32 / 500.0).to_le_bytes()));
    let rows: [(&str, Dtype, &[usize], &[u8]); 1] = [("rows", Dtype::F32, &[750, 34], &values)];
    put(&folder.path().join("rows"), &rows);
    for (network, input) in [("lstm", "orders"), ("autoencoder", "rows")] {
        // The kernel ends a process whose processor time is used up. It may have eleven
        // seconds and takes three; where threads wait for each other in circles, eleven.
        let limited = format!("ulimit -t 8; exec \"$0\" {network} {input} out");
        let output = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_sentinel-train")])
            .current_dir(folder.path())
            .output()
            .expect("starts");
        assert!(output.status.success(), "{network}: {output:?}");
    }
}

#[test]
fn least_spreads_fit_the_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = bytes((0..400_u16).map(|at| f32::from(at % 17).to_le_bytes()));
    let score = |least: &[f32]| {
        let spreads = bytes(least.iter().map(|least| least.to_le_bytes()));
        let tensors: [(&str, Dtype, &[usize], &[u8]); 2] = [
            ("rows", Dtype::F32, &[100, 4], &values),
            ("spread_min", Dtype::F32, &[least.len()], &spreads),
        ];
        put(&folder.path().join("in"), &tensors);
        let output = train(folder.path(), &["autoencoder", "in", "out"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let model = std::fs::read(folder.path().join("out")).expect("is there");
        let model = Autoencoder::from_bytes(&model).expect("reads");
        (said, model.score(&[40.0; 4]))
    };
    let (said, narrow) = score(&[0.1; 4]);
    assert_eq!(said, "");
    let (_, wide) = score(&[100.0; 4]);
    assert!(wide < narrow / 10.0, "{wide} and {narrow}");
    let (said, _) = score(&[1.0; 3]);
    assert!(
        said.contains("3 least spreads do not fit rows of 4"),
        "{said}"
    );
}

#[test]
fn says_what_is_wrong_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let lengths = bytes([30_u32, 300].map(u32::to_le_bytes));
    let tensors: [(&str, Dtype, &[usize], &[u8]); 2] = [
        ("tokens", Dtype::U32, &[2], &lengths),
        ("lengths", Dtype::U32, &[2], &lengths),
    ];
    put(&folder.path().join("in"), &tensors);
    for (words, sentence) in [
        (
            ["lstm", "in", "out"],
            "add up to more than there are tokens",
        ),
        (["autoencoder", "in", "out"], "has no \"rows\""),
        (["autoencoder", "none", "out"], "cannot read none"),
    ] {
        let output = train(folder.path(), &words);
        let said = String::from_utf8_lossy(&output.stderr);
        let one_line = said.starts_with("sentinel-train: ") && said.lines().count() == 1;
        assert!(
            !output.status.success() && one_line && said.contains(sentence),
            "{said}"
        );
        assert!(!folder.path().join("out").exists());
    }
}

#[test]
fn ends_where_memory_does_not_suffice() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = bytes((0..4_000_000_u32).map(|at| ((at % 17) as f32).to_le_bytes()));
    put(
        &folder.path().join("in"),
        &[("rows", Dtype::F32, &[1_000_000, 4], &rows)],
    );
    let words = ["autoencoder", "in", "out", "--memory-max", "40000000"];
    let output = train(folder.path(), &words);
    assert!(!output.status.success(), "{output:?}");
    assert!(!folder.path().join("out").exists());
}

/// Looks at the program while it trains on more than it can finish.
#[test]
fn puts_itself_behind_everything_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = bytes((0..4_000_000_u32).map(|at| ((at % 17) as f32).to_le_bytes()));
    put(
        &folder.path().join("in"),
        &[("rows", Dtype::F32, &[1_000_000, 4], &rows)],
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_sentinel-train"))
        .args(["autoencoder", "in", "out"])
        .current_dir(folder.path())
        .spawn()
        .expect("starts");
    let of = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id()));
    // Field 19 of stat is the niceness and field 41 the policy, of which 5 is the idle one;
    // the name in parentheses is field 2.
    let modest = || {
        let stat = of("stat").unwrap_or_default();
        let fields: Vec<_> = stat
            .rsplit(") ")
            .next()
            .unwrap_or("")
            .split(' ')
            .map(str::to_owned)
            .collect();
        let limits = of("limits").unwrap_or_default();
        fields.get(16).is_some_and(|nice| nice == "19")
            && fields.get(38).is_some_and(|policy| policy == "5")
            && of("oom_score_adj").is_ok_and(|score| score.trim() == "900")
            && limits
                .lines()
                .any(|line| line.starts_with("Max address space") && line.contains("500000000"))
    };
    let mut seen = false;
    for _ in 0..200 {
        seen = modest();
        if seen {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().expect("is there");
    child.wait().expect("ends");
    assert!(seen, "it never became modest");
}
