//! Texts in records: paths as components, arguments, names.

use std::sync::Arc;

use sentinel_event::{Backing, text};

use super::types;

/// The components of a span, leaf first; `None` when the span lies outside.
pub(super) fn components<'a>(
    names: &'a [u8],
    span: &types::sentinel_span,
) -> Option<Vec<&'a [u8]>> {
    let end = span.offset.checked_add(span.length)?;
    let run = names.get(span.offset as usize..end as usize)?;
    let mut parts: Vec<&[u8]> = run.split(|&b| b == 0).collect();
    parts.pop();
    Some(parts)
}

/// A path from its components. A memfd has no place in any tree, only its name.
pub(super) fn path_of(
    names: &[u8],
    span: &types::sentinel_span,
    backing: Backing,
) -> Option<Arc<str>> {
    let parts = components(names, span)?;
    let mut path = Vec::with_capacity(span.length as usize + 1);
    // Files of the kernel's own, such as namespaces, may be called "/".
    for part in parts.iter().rev().filter(|part| **part != b"/") {
        if backing != Backing::Memfd {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    if path.is_empty() {
        path.push(b'/');
    }
    Some(shared(&path))
}

/// Arguments as the kernel laid them out: each ends with a NUL, the last may be cut.
pub(super) fn split_argv(argv: &[u8]) -> Vec<Box<str>> {
    let whole = argv.strip_suffix(&[0]).unwrap_or(argv);
    if argv.is_empty() {
        return Vec::new();
    }
    whole.split(|&b| b == 0).map(owned).collect()
}

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

pub(super) fn bytes_of<const N: usize>(chars: &[i8; N]) -> [u8; N] {
    chars.map(|c| c as u8)
}

pub(super) fn shared(bytes: &[u8]) -> Arc<str> {
    Arc::from(text::from_bytes(bytes))
}

pub(super) fn owned(bytes: &[u8]) -> Box<str> {
    Box::from(text::from_bytes(bytes))
}

/// A path that the caller wrote: its first component is the caller's text, the others are
/// the folder that it is relative to. `.`, `..` and doubled slashes are taken out as if
/// no component were a symbolic link, which only the kernel could know.
pub(super) fn user_path_of(names: &[u8], span: &types::sentinel_span) -> Option<Arc<str>> {
    let parts = components(names, span)?;
    let mut whole: Vec<&[u8]> = Vec::new();
    let text = parts.first().copied().unwrap_or_default();
    for part in parts.iter().skip(1).rev() {
        whole.push(part);
    }
    if text.starts_with(b"/") {
        whole.clear();
    }
    for part in text.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    let mut path = Vec::with_capacity(span.length as usize + 1);
    for part in whole {
        path.push(b'/');
        path.extend_from_slice(part);
    }
    if path.is_empty() && !parts.is_empty() {
        path.push(b'/');
    }
    Some(shared(&path))
}

/// A text that is no path, whole.
pub(super) fn text_of(names: &[u8], span: &types::sentinel_span) -> Option<Arc<str>> {
    let parts = components(names, span)?;
    Some(shared(parts.first().copied().unwrap_or_default()))
}
