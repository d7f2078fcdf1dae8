//! Standard output: colour only where it is wanted, and no fuss when the reader leaves.

use std::env;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::thread;

use clap::ColorChoice;
use jiff::tz::TimeZone;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::render::Look;

/// Bytes of rows that are printed at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Where results go.
pub struct Output {
    /// Whether JSON was asked for.
    pub json: bool,
    /// How text is to look.
    pub look: Look,
}

impl Output {
    /// Standard output, with colour as the user and the environment want it.
    pub fn new(color: ColorChoice, json: bool) -> Output {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: any value but the empty one.
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        Output {
            json,
            look: Look {
                colour: match color {
                    ColorChoice::Always => true,
                    ColorChoice::Never => false,
                    ColorChoice::Auto => terminal && !no_color && !dumb,
                },
                width: terminal
                    .then(terminal_size::terminal_size)
                    .flatten()
                    .map(|(width, _)| width.0.into()),
                // JSON has all times in UTC.
                zone: if json { TimeZone::UTC } else { local_zone() },
            },
        }
    }

    /// Prints the text at once: who follows a stream wants to see it now.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::writing(&error))
    }

    /// Prints without a flush: for rows of which there may be millions.
    pub fn buffered(&mut self) -> Buffered {
        Buffered(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()))
    }

    /// Prints the text as one line.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.print(&format!("{text}\n"))
    }

    /// Shows on a terminal how far a long command has come; the last step wipes it away.
    pub fn progress(&self, done: usize, total: usize) {
        let mut stderr = io::stderr();
        if !stderr.is_terminal() {
            return;
        }
        let text = match done < total {
            true => format!("\r{done} of {total} "),
            false => "\r\x1b[K".to_owned(),
        };
        // It is only for comfort: who cannot see it misses nothing.
        let _ = stderr.write_all(text.as_bytes());
    }

    /// Tells the user something that is not a result; programs get an object.
    pub fn note(&self, text: &str) {
        match self.json {
            true => eprintln!("{}", serde_json::json!({ "note": text })),
            false => eprintln!("sentinelctl: {text}"),
        }
    }
}

/// Standard output behind a buffer, which [`Buffered::finish`] empties.
pub struct Buffered(BufWriter<io::StdoutLock<'static>>);

impl Buffered {
    /// Prints the text, now or later.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.0.write_all(text.as_bytes());
        written.map_err(|error| Failure::writing(&error))
    }

    /// Prints what still waits.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|error| Failure::writing(&error))
    }
}

/// The zone of this host. jiff would look up its name too and for that walk through
/// the whole zone database: hundreds of opened files for the sensor to record.
pub fn local_zone() -> TimeZone {
    if env::var_os("TZ").is_some_and(|value| !value.is_empty()) {
        return TimeZone::system();
    }
    let rules = fs::read("/etc/localtime").ok();
    rules
        .and_then(|rules| TimeZone::tzif("local", &rules).ok())
        .unwrap_or(TimeZone::UTC)
}

/// Notices when whoever reads our output leaves while we have nothing to print.
/// Without it `sentinelctl alerts --follow | head -1` would stay until the second alert.
pub struct Reader(oneshot::Receiver<()>);

impl Reader {
    /// The reader of standard output.
    pub fn new() -> Reader {
        let (sender, gone) = oneshot::channel();
        // A thread, because a wait in the runtime would need standard output to be
        // non-blocking, for us and for everybody who shares it. It ends with the program.
        thread::spawn(move || {
            let stdout = io::stdout();
            // Nothing is asked for: errors and hang-ups are reported anyway. A file
            // has neither and is waited for in vain.
            let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
            while poll(&mut watched, PollTimeout::NONE) == Err(Errno::EINTR) {}
            // The command may have ended meanwhile, and then nobody listens.
            let _ = sender.send(());
        });
        Reader(gone)
    }

    /// Waits for the future as long as somebody reads our output.
    pub async fn present<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            result = future => Ok(result),
            _ = &mut self.0 => Err(Failure::closed_pipe()),
        }
    }
}
