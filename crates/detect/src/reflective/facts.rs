//! The facts that turn executable memory into a suspicion, and their weight.

use sentinel_event::{Backing, Process, Severity};

use crate::facts::is_installed;
use crate::paths;

/// What speaks against a process that makes memory executable. Each fact is a
/// sentence for the reason; an absent one says nothing.
pub struct Facts {
    /// The memory itself.
    pub shape: Option<String>,
    /// Where the executable lies.
    pub executable: Option<String>,
    /// Whom the process spoke to before.
    pub network: Option<String>,
    /// That the executable was never seen to do so.
    pub settled: Option<String>,
}

impl Facts {
    /// How many facts there are.
    pub fn count(&self) -> usize {
        self.all().count()
    }

    /// One fact is a curiosity: every one of them has honest causes, the place of the
    /// executable the fewest. Two together are worth a look, three are very likely an
    /// attack.
    pub fn weigh(&self) -> (Severity, u8) {
        match self.count() {
            1 if self.executable.is_some() => (Severity::Low, 40),
            0 | 1 => (Severity::Info, 30),
            2 => (Severity::Medium, 55),
            _ => (Severity::High, 75),
        }
    }

    /// The facts as one reason.
    pub fn reason(&self) -> String {
        let all: Vec<&str> = self.all().collect();
        all.join("; ")
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        [&self.shape, &self.executable, &self.network, &self.settled]
            .into_iter()
            .filter_map(|fact| fact.as_deref())
    }
}

/// What is unusual about the executable: no name, memory, or a place where any user
/// can leave a file.
pub fn unusual_executable(process: &Process) -> Option<String> {
    let what = match process.backing {
        Backing::Memfd => "exists only in memory",
        Backing::Unlinked => "has no name on disk",
        _ if paths::is_shared_place(&process.exe) => "lies where any user can leave a file",
        Backing::Tmpfs if !is_installed(&process.exe, &process.file, process.backing) => {
            "lies in a memory file system"
        }
        _ => return None,
    };
    Some(format!("the executable {what}"))
}
