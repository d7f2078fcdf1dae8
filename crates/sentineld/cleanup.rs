//! `sentinel cleanup`: removes the kernel programs of daemons that are gone.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};

use crate::sensor::{check_privileges, orphans};

/// Removes them, and says which.
pub fn run() -> Result<()> {
    check_privileges()?;
    let orphans = orphans();
    let (mut text, mut left) = (String::new(), Vec::new());
    for orphan in &orphans {
        orphan.remove();
        if orphan.path.exists() {
            left.push(orphan.path.display().to_string());
            continue;
        }
        text.push_str(&format!(
            "removed {}, left by a daemon with data folder {}\n",
            orphan.path.display(),
            orphan.data_dir.display()
        ));
    }
    if orphans.is_empty() {
        text.push_str("no daemon left kernel programs behind\n");
    }
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.context("cannot write to standard output")?;
    ensure!(left.is_empty(), "cannot remove {}", left.join(", "));
    Ok(())
}
