//! Standard output, whose reader may leave at any time and may want no colour.

use std::io::{self, IsTerminal, Write};

/// Writes; a reader that has left is no reason to stop.
pub fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Colour goes to terminals only, and not to those who asked for none (no-color.org).
pub fn colour_wanted() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}
