//! `sentinel cleanup`: removes the kernel programs of daemons that are gone.

use std::io::{self, Write};

use anyhow::{Context, Result};

use crate::sensor::{check_privileges, orphans};

/// Removes them, and says which.
pub fn run() -> Result<()> {
    check_privileges()?;
    let orphans = orphans();
    let mut text = String::new();
    for orphan in &orphans {
        orphan.remove();
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
    written.context("cannot write to standard output")
}
