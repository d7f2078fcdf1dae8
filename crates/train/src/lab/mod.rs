//! Measures the models on anyone's labelled data, with the code that learns and scores in
//! the daemon.
//!
//! Owns how a Parquet file becomes rows, sequences or command lines with labels, and what
//! is printed about each model. Writes nothing, and asks the host nothing.

mod commands;
mod fold;
mod forms;
mod input;
mod labels;
mod lines;
mod matrix;
mod report;
mod sequences;
mod table;
mod windows;
mod words;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use input::Frame;
use report::Report;

/// What to measure.
#[derive(Subcommand)]
pub enum Lab {
    /// Rows of numbers: forest, autoencoder, and both combined
    ///
    /// Every column but the label is a feature where it holds numbers or truth values; a
    /// column of strings becomes the rarity of its values in TRAIN. What is missing gets
    /// the median of TRAIN.
    Table(Files),
    /// Sequences of tokens, a list of integers or strings in each row: n-gram, LSTM, and
    /// both combined
    Sequences {
        /// The data
        #[command(flatten)]
        files: Files,
        /// The column with the sequences
        #[arg(long, value_name = "COL")]
        column: String,
    },
    /// Command lines as strings: their form, their words, and both combined; or lists of
    /// command names: single commands, pairs, and both combined
    Commands {
        /// The data
        #[command(flatten)]
        files: Files,
        /// The column with the commands
        #[arg(long, value_name = "COL")]
        column: String,
        /// A column that says whose commands they are: each is compared with his own only
        #[arg(long, value_name = "COL")]
        group: Option<String>,
    },
}

/// The data, and what is done with them.
#[derive(Args)]
pub struct Files {
    /// Parquet file to learn from
    train: PathBuf,
    /// Parquet file to be judged; may be the same
    test: PathBuf,
    /// The column with the labels: true and false, 1 and 0, or words, of which normal,
    /// benign, ok, good, clean and legitimate are not anomalies. A row without one is
    /// learned from, and not judged
    #[arg(long, value_name = "COL")]
    label: String,
    /// Leave out what TRAIN labels as an anomaly
    #[arg(long)]
    one_class: bool,
    /// Decides every random choice: the same data and seed give the same figures
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Both files with their labels: `train` holds what may be learned from, and `test` what
/// is to be judged.
struct Task {
    train: Frame,
    test: Frame,
    anomalies: Vec<bool>,
    /// Where TRAIN and TEST are one file, the row of `train` that each row of `test` is,
    /// so that nothing is judged by what it said itself.
    same: Option<Vec<Option<usize>>>,
    label: String,
    seed: u64,
}

/// Measures, and prints what came out.
///
/// # Errors
/// Where the files or their columns are not what they have to be.
pub fn run(lab: &Lab) -> Result<()> {
    let (files, report) = match lab {
        Lab::Table(files) => (files, table::measure(&files.task()?)?),
        Lab::Sequences { files, column } => (files, sequences::measure(&files.task()?, column)?),
        Lab::Commands {
            files,
            column,
            group,
        } => {
            let task = files.task()?;
            (files, commands::measure(&task, column, group.as_deref())?)
        }
    };
    report.print(files.json);
    Ok(())
}

impl Files {
    fn task(&self) -> Result<Task> {
        let train = Frame::read("TRAIN", &self.train)?;
        let test = Frame::read("TEST", &self.test)?;
        let same_file = self.train.canonicalize().ok() == self.test.canonicalize().ok();
        let [train_labels, test_labels] = labels::both(&train, &test, &self.label)?;
        let learned: Vec<usize> = (0..train.rows())
            .filter(|row| !(self.one_class && train_labels[*row] == Some(true)))
            .collect();
        ensure!(
            !learned.is_empty(),
            "{} has no row left to learn from: column {:?} says of all {} that they are anomalies",
            train.name,
            self.label,
            train.rows()
        );
        let judged: Vec<usize> = (0..test.rows())
            .filter(|row| test_labels[*row].is_some())
            .collect();
        let anomalies: Vec<bool> = judged.iter().filter_map(|row| test_labels[*row]).collect();
        let found = anomalies.iter().filter(|anomaly| **anomaly).count();
        ensure!(
            found > 0 && found < anomalies.len(),
            "{} needs anomalies and others to be judged by: column {:?} names {found} of {} \
             labelled rows an anomaly",
            test.name,
            self.label,
            anomalies.len()
        );
        let same = same_file.then(|| {
            let place = |row| learned.binary_search(row).ok();
            judged.iter().map(place).collect()
        });
        Ok(Task {
            train: train.take(&learned)?,
            test: test.take(&judged)?,
            anomalies,
            same,
            label: self.label.clone(),
            seed: self.seed,
        })
    }
}

impl Task {
    fn report(&self) -> Report {
        Report::new(self.anomalies.clone())
    }
}
