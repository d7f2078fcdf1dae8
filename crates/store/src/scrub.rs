//! Reads every partition once per run of the daemon, a little at a time, so that a
//! changed byte is found by us and not by whoever needs the evidence.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::layout::Layout;
use crate::partition;
use crate::{Problem, StoreError, Table, recovery};

/// How much is read per run of maintenance, which is once a minute at least.
const BYTES: u64 = 64 << 20;

/// Remembers what was read already.
#[derive(Default)]
pub(crate) struct Scrubber {
    intact: BTreeSet<PathBuf>,
}

impl Scrubber {
    /// Checks the next few partitions; damaged ones are set aside.
    pub fn run(&mut self, layout: &Layout) -> Result<Vec<Problem>, StoreError> {
        let mut problems = Vec::new();
        let mut left = BYTES;
        for table in Table::ALL {
            let partitions = layout.list_partitions(table)?;
            for partition in partitions {
                if left == 0 || self.intact.contains(&partition.path) {
                    continue;
                }
                left = left.saturating_sub(partition.size_bytes);
                match partition::verify(&partition.path, table) {
                    Ok(()) => {
                        self.intact.insert(partition.path);
                    }
                    Err(error) if error.is_unusable() => {
                        let what = error.to_string();
                        problems.push(recovery::set_aside(layout, &partition.path, &what)?);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.intact.retain(|path| path.exists());
        Ok(problems)
    }
}
