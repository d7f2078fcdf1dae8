//! Compiles the attack program, of either width, for the crate to carry as bytes.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No library, no stack protector, no relocation: nothing but its own instructions.
const FLAGS: [&str; 14] = [
    "-std=gnu11",
    "-Os",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-missing-field-initializers",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-stack-protector",
    "-fno-pie",
    "-fomit-frame-pointer",
    "-fno-asynchronous-unwind-tables",
    "-nostdlib",
    "-static",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("attack");
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let is_x86 = env::var("CARGO_CFG_TARGET_ARCH")? == "x86_64";
    for (name, width) in [("attack64", "-m64"), ("attack32", "-m32")] {
        let program = out.join(name);
        if is_x86 {
            compile(&folder, width, &program)?;
        } else {
            // Its variants say that they are not possible there.
            std::fs::write(&program, [])?;
        }
    }
    Ok(())
}

fn compile(folder: &Path, width: &str, program: &Path) -> Result<(), Box<dyn Error>> {
    let mut sources = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    sources.sort();
    // The same compiler as for the kernel programs. It needs no 32-bit library, only the
    // kernel's headers, which a search for 32-bit ones does not find.
    let status = Command::new("clang")
        .arg(width)
        .args(FLAGS)
        .args(["-idirafter", "/usr/include/x86_64-linux-gnu"])
        .args(["-Wl,--build-id=none", "-Wl,--strip-all", "-o"])
        .arg(program)
        .args(&sources)
        .status()
        .map_err(|error| format!("running clang: {error}"))?;
    if !status.success() {
        return Err(format!("cannot compile {} with {width}", folder.display()).into());
    }
    Ok(())
}
