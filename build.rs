//! Compiles every `bpf/*.bpf.c`, links the objects into one, and generates one skeleton
//! from it, so that each shared type exists once in Rust.

use std::{
    env, fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use libbpf_cargo::SkeletonBuilder;

const TASKS: &str = "crates/sentineld/sensor/tasks/tasks.bpf.c";

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=bpf");
    println!("cargo:rerun-if-changed={TASKS}");
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    let linked = out.join("sentinel.bpf.o");
    let mut linker = libbpf_rs::Linker::new(&linked).context("cannot create the linked object")?;
    for source in sources()? {
        let object = compile(&source, &out)?;
        linker
            .add_file(&object)
            .with_context(|| format!("cannot link {}", object.display()))?;
    }
    linker.link().context("cannot link the BPF objects")?;
    println!("cargo:rustc-env=SENTINEL_PROGRAMS={:x}", hash(&linked)?);
    // Loaded by itself, so it stays an object of its own.
    compile(Path::new(TASKS), &out)?;
    SkeletonBuilder::new()
        .obj(&linked)
        .generate(out.join("sentinel.skel.rs"))
        .context("cannot generate the skeleton")
}

/// Tells one build of the programs from another, so that a daemon takes over none that are
/// not its own.
fn hash(object: &Path) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(object).context("cannot read the linked object")?);
    Ok(hasher.finish())
}

fn sources() -> Result<Vec<PathBuf>> {
    let mut sources: Vec<PathBuf> = fs::read_dir("bpf")?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<_>>()?;
    sources.retain(|path| path.to_string_lossy().ends_with(".bpf.c"));
    sources.sort();
    Ok(sources)
}

fn compile(source: &Path, out: &Path) -> Result<PathBuf> {
    let name = source.file_name().context("a source has a name")?;
    let object = out.join(name).with_extension("o");
    let headers =
        env::var("DEP_BPF_INCLUDE").context("libbpf-sys did not say where its headers are")?;
    let arch = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => "-D__TARGET_ARCH_x86",
        "aarch64" => "-D__TARGET_ARCH_arm64",
        other => anyhow::bail!("no BPF target is known for {other}"),
    };
    SkeletonBuilder::new()
        .source(source)
        .obj(&object)
        .clang_args([
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-parameter",
            "-Wno-unused-function",
            "-Wno-sign-compare",
            "-Ibpf",
            "-isystem",
            &headers,
            arch,
        ])
        .build()
        .with_context(|| {
            format!(
                "cannot compile {}; clang 14 or later is needed",
                source.display()
            )
        })?;
    Ok(object)
}
