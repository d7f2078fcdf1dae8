//! `sentinel-train`: one file in, one trained network out.
//!
//! Started by the daemon, and made to be ended at any time: the output appears whole or
//! not at all. It puts itself behind everything else on the host, and limits its memory.

#![forbid(unsafe_code)]

mod background;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use safetensors::{Dtype, SafeTensors};
use sentinel_train::lab::{self, Lab};
use sentinel_train::{AutoencoderParams, LstmParams, train_autoencoder, train_lstm};

/// Trains the networks of Sentinel.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Train(Network),
    /// Measures the models on labelled data
    #[command(subcommand)]
    Lab(Lab),
}

#[derive(Subcommand)]
enum Network {
    /// Trains the autoencoder on `rows`, a matrix of 32-bit floats, all of them normal, and,
    /// where given, `spread_min`, the least spread of each column
    Autoencoder(Files),
    /// Trains the recurrent network on `tokens` and `lengths`, 32-bit numbers: sequences one
    /// after the other in the order of time, and how many tokens each has
    Lstm {
        #[command(flatten)]
        files: Files,
        /// Tokens that the network knows, the last one standing for all others
        #[arg(long, default_value_t = 577)]
        vocabulary: usize,
    },
}

#[derive(Args)]
struct Files {
    /// Training data, a safetensors file
    input: PathBuf,
    /// Where to put the trained network; replaced in one step
    output: PathBuf,
    /// Decides every random choice: the same data and seed give the same file
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Address space that may be used; training ends where it does not suffice
    #[arg(long, value_name = "BYTES", default_value_t = 500_000_000)]
    memory_max: u64,
    /// Somebody waits for it: train with the priority that the program was started with
    #[arg(long)]
    eager: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = background::use_one_thread().and_then(|()| match command {
        Command::Train(network) => run(network),
        // Somebody waits for this one.
        Command::Lab(lab) => lab::run(&lab),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes in one line: whoever started us passes it on. The name is that by
            // which we were called, since `sentinelctl lab` becomes this program.
            let called = std::env::args_os().next().unwrap_or_default();
            let name = Path::new(&called)
                .file_name()
                .unwrap_or("sentinel-train".as_ref());
            eprintln!("{}: {error:#}", name.display());
            ExitCode::FAILURE
        }
    }
}

fn run(network: Network) -> Result<()> {
    let (Network::Autoencoder(files) | Network::Lstm { files, .. }) = &network;
    if !files.eager {
        background::yield_to_others();
    }
    background::limit_memory(files.memory_max)?;
    match network {
        Network::Autoencoder(files) => {
            let bytes = read(&files.input)?;
            let (shape, rows) = tensor(&bytes, "rows", Dtype::F32, f32::from_le_bytes)?;
            ensure!(shape.len() == 2, "\"rows\" is not a matrix");
            let spread_min = match SafeTensors::deserialize(&bytes) {
                Ok(tensors) if tensors.tensor("spread_min").is_ok() => {
                    tensor(&bytes, "spread_min", Dtype::F32, f32::from_le_bytes)?.1
                }
                _ => Vec::new(),
            };
            let params = AutoencoderParams {
                seed: files.seed,
                spread_min,
                ..AutoencoderParams::default()
            };
            let model = train_autoencoder(&rows, shape[1], &params)?;
            write(&files.output, &model.to_bytes())
        }
        Network::Lstm { files, vocabulary } => {
            let sequences = sequences(&read(&files.input)?)?;
            let seed = files.seed;
            let params = LstmParams {
                vocabulary,
                seed,
                ..LstmParams::default()
            };
            let model = train_lstm(&sequences, &params)?;
            write(&files.output, &model.to_bytes())
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes beside the output first, so that whoever reads it never sees half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let context = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(context)
}

/// The shape and the values of a tensor.
fn tensor<T>(
    bytes: &[u8],
    name: &str,
    dtype: Dtype,
    value: fn([u8; 4]) -> T,
) -> Result<(Vec<usize>, Vec<T>)> {
    let tensors = SafeTensors::deserialize(bytes).context("the input is not a safetensors file")?;
    let view = tensors
        .tensor(name)
        .with_context(|| format!("the input has no {name:?}"))?;
    ensure!(view.dtype() == dtype, "{name:?} is not of type {dtype}");
    let values = view.data().as_chunks::<4>().0.iter();
    Ok((
        view.shape().to_vec(),
        values.map(|bytes| value(*bytes)).collect(),
    ))
}

fn sequences(bytes: &[u8]) -> Result<Vec<Vec<u32>>> {
    let (_, tokens) = tensor(bytes, "tokens", Dtype::U32, u32::from_le_bytes)?;
    let (_, lengths) = tensor(bytes, "lengths", Dtype::U32, u32::from_le_bytes)?;
    let mut rest = &tokens[..];
    let mut sequences = Vec::with_capacity(lengths.len());
    for length in lengths {
        let sequence = rest.split_off(..length as usize);
        let sequence = sequence.context("\"lengths\" add up to more than there are tokens")?;
        sequences.push(sequence.to_vec());
    }
    ensure!(
        rest.is_empty(),
        "\"lengths\" add up to fewer than there are tokens"
    );
    Ok(sequences)
}
