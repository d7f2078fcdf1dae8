//! Compiles proto/ with a protobuf compiler written in Rust, so that no protoc is needed.

use std::{env, fs, path::PathBuf};

const INCLUDE: &str = "../../proto";
const FILES: [&str; 1] = ["sentinel/v1/sentinel.proto"];

fn main() {
    println!("cargo:rerun-if-changed={INCLUDE}");
    let descriptors = match protox::Compiler::new([INCLUDE]).and_then(|mut compiler| {
        compiler
            .include_source_info(true)
            .include_imports(true)
            .open_files(FILES)
            .map(|compiler| compiler.file_descriptor_set())
    }) {
        Ok(descriptors) => descriptors,
        Err(error) => panic!("proto files do not compile: {error}"),
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // Source information is what carries the comments into the generated Rust, but it
    // would triple the size of what the reflection service has to hold.
    let mut reflected = descriptors.clone();
    for file in &mut reflected.file {
        file.source_code_info = None;
    }
    let bytes = prost::Message::encode_to_vec(&reflected);
    fs::write(out.join("descriptors.bin"), bytes).expect("OUT_DIR is writable");
    tonic_prost_build::configure()
        .compile_fds(descriptors)
        .expect("generated code is written to OUT_DIR");
}
