//! The floor: empty programs on the hooks that the sensor uses here. What they cost, no
//! monitor on these hooks can avoid.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use libbpf_rs::{Link, ObjectBuilder};
use sentineld::sensor::{HookState, HookStatus};

/// Empty programs, attached until this is dropped.
pub struct Floor {
    _links: Vec<Link>,
    _object: libbpf_rs::Object,
}

/// Writes and compiles one empty program for each place at which a hook runs.
pub fn compile(hooks: &[HookStatus], dir: &Path) -> Result<()> {
    let mut places: Vec<&str> = hooks
        .iter()
        .filter(|status| status.state == HookState::Running)
        .map(|status| status.hook.attach_point)
        .collect();
    places.sort_unstable();
    places.dedup();
    let mut source =
        String::from("char floor_license[] __attribute__((section(\"license\"))) = \"GPL\";\n");
    for (number, place) in places.iter().enumerate() {
        writeln!(
            source,
            "__attribute__((section(\"{place}\"), used)) int empty_{number}(void *ctx)\n{{\n\treturn 0;\n}}"
        )?;
    }
    let file = dir.join("floor.bpf.c");
    std::fs::write(&file, source).context("cannot write the empty programs")?;
    let status = Command::new("clang")
        .args(["-target", "bpf", "-O2", "-g", "-c", "-o"])
        .arg(dir.join("floor.bpf.o"))
        .arg(&file)
        .status()
        .context("cannot run clang")?;
    ensure!(status.success(), "clang refuses the empty programs");
    Ok(())
}

impl Floor {
    /// Loads and attaches them.
    pub fn start(dir: &Path) -> Result<Floor> {
        let object = ObjectBuilder::default()
            .open_file(dir.join("floor.bpf.o"))
            .context("cannot open the empty programs")?
            .load()
            .context("the kernel refuses the empty programs")?;
        let mut links = Vec::new();
        for program in object.progs_mut() {
            let name = program.name().to_string_lossy().into_owned();
            links.push(
                program
                    .attach()
                    .with_context(|| format!("cannot attach {name}"))?,
            );
        }
        Ok(Floor {
            _links: links,
            _object: object,
        })
    }
}
