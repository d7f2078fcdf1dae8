//! How far long work is: a line on standard error that is there only on a terminal, only
//! once a second has passed, and gone when the work is done.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::render::unit;

/// Work that takes less is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);
const BAR_CHARS: u64 = 24;

/// A line that is shown until this is dropped.
pub struct Meter {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Meter {
    /// Shows how far the work is, by the parts done and the parts in all; `None` where
    /// nobody looks.
    pub fn start(
        what: &'static str,
        progress: impl Fn() -> (u64, u64) + Send + 'static,
    ) -> Option<Meter> {
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return None;
        }
        let (done, is_done) = channel::<()>();
        let began = Instant::now();
        let thread = thread::spawn(move || {
            let mut wait = PATIENCE;
            while is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = INTERVAL;
                let (parts, all) = progress();
                let text = line(what, parts, all, began.elapsed());
                // Whoever closed it does not want to know.
                let _ = write!(io::stderr(), "\r\x1b[K{text}");
            }
            if wait == INTERVAL {
                let _ = write!(io::stderr(), "\r\x1b[K");
            }
        });
        Some(Meter {
            done: Some(done),
            thread: Some(thread),
        })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}

fn line(what: &str, parts: u64, all: u64, elapsed: Duration) -> String {
    let elapsed = unit::duration(elapsed.as_secs());
    if all == 0 {
        return format!("{what}, {elapsed}");
    }
    let parts = parts.min(all);
    let full = (parts * BAR_CHARS / all) as usize;
    let empty = BAR_CHARS as usize - full;
    let percent = parts * 100 / all;
    format!(
        "{what} [{}{}] {percent} %, {elapsed}",
        "#".repeat(full),
        "-".repeat(empty)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_longer_than_its_work() {
        let check = |parts, all, expected: &str| {
            assert_eq!(line("x", parts, all, Duration::from_secs(61)), expected);
        };
        check(0, 0, "x, 1 min 1 s");
        check(0, 3, "x [------------------------] 0 %, 1 min 1 s");
        check(1, 3, "x [########----------------] 33 %, 1 min 1 s");
        check(3, 3, "x [########################] 100 %, 1 min 1 s");
        check(9, 3, "x [########################] 100 %, 1 min 1 s");
    }
}
