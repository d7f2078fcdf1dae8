//! The question of a DNS message, as it is on the wire (RFC 1035, 4.1.2).

use sentinel_event::text;

/// The name and type asked for; `None` when the bytes are no question. Bytes that are no
/// text are kept as [`text`] writes them, a dot within a label as `\.`.
pub(super) fn parse(bytes: &[u8]) -> Option<(String, String)> {
    let mut name = String::new();
    let mut rest = bytes;
    loop {
        let (&length, tail) = rest.split_first()?;
        if length == 0 {
            rest = tail;
            break;
        }
        // A question is the first name of its message, so it cannot point back.
        if length > 63 {
            return None;
        }
        let (label, tail) = tail.split_at_checked(length.into())?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&text::from_bytes(label).replace('.', "\\."));
        rest = tail;
    }
    let kind = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
    if name.is_empty() {
        name.push('.');
    }
    Some((name, type_name(kind)))
}

/// The mnemonic of a type (IANA, DNS parameters), or `TYPEn` (RFC 3597).
fn type_name(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        43 => "DS",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn check(bytes: &[u8], expected: Option<(&str, &str)>) {
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        assert_eq!(parse(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn questions_are_read_and_nonsense_refused() {
        check(
            b"\x07example\x03org\0\0\x01\0\x01",
            Some(("example.org", "A")),
        );
        check(b"\0\0\x02\0\x01", Some((".", "NS")));
        check(b"\x03a.b\0\xff\0\0\x01", Some(("a\\.b", "TYPE65280")));
        check(b"", None);
        check(b"\x07exam", None);
        check(b"\x01a\0\0", None);
        check(b"\xc0\x0c\0\x01\0\x01", None);
    }
}
