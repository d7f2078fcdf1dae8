//! Reads the two arrays of a labelled table from a NumPy archive: a zip file of deflated
//! `.npy` members. Knows just what `numpy.savez_compressed` writes.

use std::path::Path;

/// Features in row-major order and one label per row.
pub struct Table {
    pub features: Vec<f32>,
    pub columns: usize,
    pub anomalies: Vec<bool>,
}

impl Table {
    pub fn read(path: &Path) -> Table {
        let bytes = std::fs::read(path).expect("the table can be read");
        let (shape, by_column) = array(&member(&bytes, "X.npy"));
        let (_, labels) = array(&member(&bytes, "y.npy"));
        let (rows, columns) = (shape[0], shape[1]);
        let at = |row: usize, column: usize| by_column[column * rows + row] as f32;
        let features = (0..rows * columns).map(|i| at(i / columns, i % columns));
        Table {
            features: features.collect(),
            columns,
            anomalies: labels.iter().map(|&label| label == 1.0).collect(),
        }
    }
}

fn number(bytes: &[u8], at: usize, size: usize) -> usize {
    let digits = bytes[at..at + size].iter().rev();
    digits.fold(0, |sum, &byte| sum << 8 | usize::from(byte))
}

/// Finds a member by way of the central directory, whose sizes are always filled in.
fn member(zip: &[u8], name: &str) -> Vec<u8> {
    let end = zip.windows(4).rposition(|w| w == b"PK\x05\x06");
    let end = end.expect("has a central directory");
    let mut at = number(zip, end + 16, 4);
    for _ in 0..number(zip, end + 10, 2) {
        let lengths = [28, 30, 32].map(|field| number(zip, at + field, 2));
        if &zip[at + 46..][..lengths[0]] == name.as_bytes() {
            let local = number(zip, at + 42, 4);
            let skip = 30 + number(zip, local + 26, 2) + number(zip, local + 28, 2);
            let packed = &zip[local + skip..][..number(zip, at + 20, 4)];
            return match number(zip, at + 10, 2) {
                0 => packed.to_vec(),
                8 => miniz_oxide::inflate::decompress_to_vec(packed).expect("inflates"),
                method => panic!("{name} is packed by method {method}"),
            };
        }
        at += 46 + lengths.iter().sum::<usize>();
    }
    panic!("{name} is not in the archive");
}

/// The shape and the values of an array, in the order in which they are stored.
fn array(npy: &[u8]) -> (Vec<usize>, Vec<f64>) {
    let header_bytes = number(npy, 8, 2);
    let header = str::from_utf8(&npy[10..][..header_bytes]).expect("is text");
    let shape = header.split(['(', ')']).nth(1).expect("has a shape");
    let shape: Vec<usize> = shape
        .split(", ")
        .filter_map(|n| n.trim_end_matches(',').parse().ok())
        .collect();
    assert!(
        shape.len() == 1 || header.contains("'fortran_order': True"),
        "{header}"
    );
    let data = &npy[10 + header_bytes..];
    let wide = || data.as_chunks::<8>().0.iter();
    let values = if header.contains("'<f8'") {
        wide().map(|b| f64::from_le_bytes(*b)).collect()
    } else if header.contains("'<i8'") {
        wide().map(|b| i64::from_le_bytes(*b) as f64).collect()
    } else {
        assert!(header.contains("'|u1'"), "{header}");
        data.iter().map(|&b| f64::from(b)).collect()
    };
    (shape, values)
}
