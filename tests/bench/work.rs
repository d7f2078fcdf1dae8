//! The loads: a C program for the storms, `make -j2` for the compile.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// What is done, for how long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One of the storms, at full speed.
    Storm(&'static str),
    /// Compiling with two jobs.
    Compile,
    /// Starts of programs at this rate.
    Execs(u32),
}

/// What was done.
pub struct Done {
    /// Operations.
    pub count: u64,
    /// Seconds that they took.
    pub seconds: f64,
}

impl Done {
    /// Operations per second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

const FILES: usize = 24;

/// Compiles the storms and writes the sources that are compiled later.
pub fn prepare(dir: &Path) -> Result<()> {
    let status = Command::new("cc")
        .args(["-O2", "-pthread", "-o"])
        .arg(dir.join("load"))
        .arg("tests/bench/load.c")
        .status()
        .context("cannot run cc")?;
    ensure!(status.success(), "cc refuses tests/bench/load.c");
    let project = dir.join("project");
    fs::create_dir_all(&project).context("cannot make a folder")?;
    for file in 0..FILES {
        let mut source = String::from(
            "#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
             #include <sys/socket.h>\n#include <time.h>\n#include <unistd.h>\n",
        );
        for number in 0..60 {
            writeln!(
                source,
                "int f{file}_{number}(const char *a, int n)\n{{\n\tchar b[64];\n\tfor (int i = 0; i < n; i++)\n\
                 \t\tsnprintf(b, sizeof(b), \"%s %d\", a, i * {number});\n\treturn (int)strlen(b);\n}}"
            )?;
        }
        fs::write(project.join(format!("f{file}.c")), source).context("cannot write a source")?;
    }
    let makefile = "all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\tcc -O1 -c -o $@ $<\n";
    fs::write(project.join("Makefile"), makefile).context("cannot write a makefile")?;
    Ok(())
}

/// Does it, for this many seconds where it has no end of its own.
pub fn run(work: Work, seconds: f64, dir: &Path) -> Result<Done> {
    let (name, rate) = match work {
        Work::Compile => return compile(dir),
        Work::Storm(name) => (name, None),
        Work::Execs(rate) => ("exec", Some(rate)),
    };
    let mut command = Command::new(dir.join("load"));
    command.arg(name).arg(seconds.to_string());
    command.args(rate.map(|rate| rate.to_string()));
    let output = command.output().context("cannot run the load")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (count, seconds) = text.trim().split_once(' ').with_context(|| {
        format!(
            "the load failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })?;
    Ok(Done {
        count: count.parse().context("the load printed no count")?,
        seconds: seconds.parse().context("the load printed no time")?,
    })
}

/// One operation is a compiled file.
fn compile(dir: &Path) -> Result<Done> {
    let begun = Instant::now();
    let status = Command::new("make")
        .args(["-s", "-B", "-j2", "-C"])
        .arg(dir.join("project"))
        .env_remove("MAKEFLAGS")
        .stdout(Stdio::null())
        .status()
        .context("cannot run make")?;
    ensure!(status.success(), "make failed");
    Ok(Done {
        count: FILES as u64,
        seconds: begun.elapsed().as_secs_f64(),
    })
}
