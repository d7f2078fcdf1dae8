//! A disk quota that is used up: the store counts what it loses, says why, and writes
//! again by itself when there is room.
//!
//! Btrfs holds root to its quotas, too, and needs no support beyond the file system; so
//! the test makes one in a file. It is skipped, with the reason, where that is not
//! allowed or the tools (btrfs-progs) are missing.

mod common;
#[path = "common/parquet.rs"]
mod parquet;
#[path = "common/pressure.rs"]
mod pressure;

use std::path::{Path, PathBuf};
use std::process::Command;

use pressure::{offer_until, quick};
use sentinel_store::{Store, Writer};

const IMAGE_BYTES: u64 = 160 << 20;

/// A file system in a file, with a folder that has a quota; unmounted when dropped.
struct Volume {
    folder: tempfile::TempDir,
}

impl Volume {
    fn new() -> Option<Volume> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(IMAGE_BYTES).unwrap();
        let mount = folder.path().join("mount");
        std::fs::create_dir(&mount).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        tool("mkfs.btrfs", &["-q", &path(&image)])?;
        tool("mount", &["-o", "loop", &path(&image), &path(&mount)])?;
        let volume = Volume { folder };
        tool("btrfs", &["quota", "enable", &path(&mount)])?;
        tool("btrfs", &["subvolume", "create", &path(&volume.limited())])?;
        Some(volume)
    }

    fn mount(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    /// The folder that has the quota.
    fn limited(&self) -> PathBuf {
        self.mount().join("limited")
    }

    fn limit(&self, size: &str) {
        let folder = self.limited();
        let args = ["qgroup", "limit", size, folder.to_str().unwrap()];
        assert!(tool("btrfs", &args).is_some(), "the quota cannot be set");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.mount()).status();
    }
}

/// Runs a tool; `None`, with the reason printed, when it cannot or fails.
fn tool(name: &str, args: &[&str]) -> Option<()> {
    let reason = match Command::new(name).args(args).output() {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("skipped: {name} {}: {reason}", args.join(" "));
    None
}

#[test]
fn a_used_up_quota_costs_counted_rows_and_writing_resumes() {
    let Some(volume) = Volume::new() else {
        return;
    };
    volume.limit("3M");
    let (store, _) = Store::open(&volume.limited(), "host", quick()).unwrap();
    let writer = Writer::start(store).unwrap();
    let seq = offer_until(&writer, 1, |stats| stats.dropped_total > 0);
    let problem = writer.stats().problem.expect("a problem is shown");
    assert!(problem.ends_with("the disk quota is used up"), "{problem}");
    assert!(writer.stats().written_total > 0);

    volume.limit("none");
    let seq = offer_until(&writer, seq, |stats| stats.problem.is_none());
    let lost = writer.stats().dropped_total;
    let written = writer.stats().written_total;
    let seq = offer_until(&writer, seq, |stats| stats.written_total > written);
    writer.stop().unwrap();

    let rows = parquet::all_seqs(&volume.limited(), "events");
    assert!(rows.windows(2).all(|w| w[0] < w[1]), "rows are doubled");
    let counted = rows.len() as u64 + lost;
    // Btrfs may refuse even to cut half a batch off; then the journal is set aside when
    // its whole batches are sealed.
    assert_eq!(counted, seq - 1, "every event is on disk or counted");
}
