//! Whoever has only the proto file must learn from it what everything means.

use std::fs;
use std::path::Path;

/// Whether a line declares something: a call, a message, an enumeration, one of its values,
/// or a field.
fn declares(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    match word {
        "service" | "rpc" | "message" | "enum" | "oneof" => true,
        "//" | "syntax" | "package" | "import" | "option" | "reserved" => false,
        _ => line.contains(" = ") && line.contains(';'),
    }
}

fn undocumented(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let bare = lines.windows(2).filter(|pair| {
        declares(pair[1])
            && pair[0]
                .strip_prefix("// ")
                .is_none_or(|words| words.len() < 3)
    });
    bare.map(|pair| pair[1].to_owned()).collect()
}

#[test]
fn everything_in_the_api_is_explained() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/sentinel/v1");
    let mut declared = 0;
    for file in fs::read_dir(proto).expect("is there").flatten() {
        let text = fs::read_to_string(file.path()).expect("is text");
        declared += text.lines().filter(|line| declares(line.trim())).count();
        assert_eq!(undocumented(&text), [""; 0], "{}", file.path().display());
    }
    // As of the first version; a file that is read wrongly has fewer.
    assert!(declared > 300, "{declared}");
}

#[test]
fn what_is_not_explained_is_found() {
    let text = "// A thing.\nmessage Thing {\n  uint32 bare = 1;\n  // Its size.\n  optional \
                uint64 size = 2;\n\n  repeated string names = 3 [deprecated = true];\n}\n";
    assert_eq!(
        undocumented(text),
        [
            "uint32 bare = 1;",
            "repeated string names = 3 [deprecated = true];"
        ]
    );
}
