//! Bytes from the kernel as text: lossless in data, harmless on display.
//!
//! Paths and arguments are bytes, Parquet and JSON want UTF-8. [`from_bytes`]
//! keeps valid UTF-8 as it is and maps every other byte `b` to the private-use
//! code point U+EF00 + b (the OPTU-8 mapping of MirBSD); the code points
//! U+EF80..=U+EFFF themselves are treated as invalid bytes, so [`to_bytes`] is
//! an exact inverse. [`escape`] makes any text safe for a terminal.

use std::borrow::Cow;

/// Decodes bytes losslessly: see the module's description.
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_mapped) => Cow::Borrowed(text),
        _ => Cow::Owned(map_invalid(bytes)),
    }
}

fn map_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_mapped(c) {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer)
                    .bytes()
                    .for_each(|b| out.push(mapped(b)));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&b| out.push(mapped(b)));
    }
    out
}

/// The bytes from which [`from_bytes`] made the text.
pub fn to_bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        if is_mapped(c) {
            out.push((u32::from(c) & 0xff) as u8);
        } else {
            let mut buffer = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
    }
    out
}

fn is_mapped(c: char) -> bool {
    ('\u{ef80}'..='\u{efff}').contains(&c)
}

fn mapped(byte: u8) -> char {
    // Bytes that are not valid UTF-8 are never ASCII, so this stays in U+EF80..=U+EFFF.
    char::from_u32(0xef00 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The text with everything that could steer a terminal or fake a line written
/// as an escape: control characters as `\n`, `\t`, `\xHH` or `\u{HHHH}`, undecodable
/// bytes as `\xHH`, invisible and direction-changing characters as `\u{HHHH}`, and the
/// backslash itself as `\\` wherever an escape was needed.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_mapped(c) || (c as u32) < 0x100 && is_unsafe(c) => {
                out.push_str(&format!("\\x{:02x}", (c as u32) & 0xff));
            }
            c if is_unsafe(c) => out.push_str(&format!("\\u{{{:04x}}}", c as u32)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || is_mapped(c)
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_round_trip(bytes: &[u8], text: &str) {
        let decoded = from_bytes(bytes);
        assert_eq!(decoded, text);
        assert_eq!(to_bytes(&decoded), bytes);
    }

    #[test]
    fn bytes_survive_as_text() {
        check_round_trip(b"/bin/ls", "/bin/ls");
        check_round_trip("/tmp/\u{e9}".as_bytes(), "/tmp/\u{e9}");
        check_round_trip(b"/tmp/\xff\xfe", "/tmp/\u{efff}\u{effe}");
        check_round_trip(b"a\xc3", "a\u{efc3}");
        // A genuine U+EF80 must not be confused with the mapped byte 0x80.
        check_round_trip("\u{ef80}".as_bytes(), "\u{efee}\u{efbe}\u{ef80}");
    }

    #[test]
    fn every_two_byte_string_survives() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                assert_eq!(to_bytes(&from_bytes(&[a, b])), [a, b]);
            }
        }
    }

    #[test]
    fn terminal_control_is_neutralised() {
        let cases = [
            ("plain", "plain"),
            ("C:\\x", "C:\\x"),
            ("a\nb\\", "a\\nb\\\\"),
            ("\x1b[2J", "\\x1b[2J"),
            ("\u{9b}31m", "\\x9b31m"),
            ("\u{efff}", "\\xff"),
            ("\u{202e}txt", "\\u{202e}txt"),
        ];
        for (text, shown) in cases {
            assert_eq!(escape(text), shown);
        }
    }
}
