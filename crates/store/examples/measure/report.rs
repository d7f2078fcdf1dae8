//! Bytes per event, in all and column by column, from the files' own metadata.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

/// Prints what the event partitions below `folder` take.
pub fn sizes(folder: &Path) {
    let (mut rows, mut bytes, mut files, mut groups) = (0u64, 0u64, 0, 0);
    let mut columns: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for path in partitions(&folder.join("events")) {
        let file = std::fs::File::open(&path).expect("a partition");
        bytes += file.metadata().expect("a size").len();
        files += 1;
        let reader = SerializedFileReader::new(file).expect("Parquet");
        let metadata = reader.metadata();
        rows += metadata.file_metadata().num_rows() as u64;
        for group in metadata.row_groups() {
            groups += 1;
            for column in group.columns() {
                let name = column.column_path().parts()[0].clone();
                let entry = columns.entry(name).or_default();
                entry.0 += column.compressed_size();
                entry.1 += i64::from(column.bloom_filter_length().unwrap_or_default());
            }
        }
    }
    let each = bytes as f64 / rows as f64;
    println!(
        "{rows} rows, {bytes} bytes, {each:.2} bytes/event, {files} files, {groups} row groups"
    );
    let data: i64 = columns.values().map(|(data, _)| data).sum();
    let bloom: i64 = columns.values().map(|(_, bloom)| bloom).sum();
    let share = |bytes: i64| bytes as f64 / rows as f64;
    let rest = bytes as i64 - data - bloom;
    println!(
        "  data {:.2}, bloom filters {:.2}, metadata {:.2}",
        share(data),
        share(bloom),
        share(rest)
    );
    let mut sorted: Vec<_> = columns.into_iter().collect();
    sorted.sort_by_key(|(_, (data, bloom))| -(data + bloom));
    for (name, (data, bloom)) in sorted.iter().take(24) {
        println!("  {name:16} {:6.2} + {:.2}", share(*data), share(*bloom));
    }
}

fn partitions(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => paths.extend(partitions(&path)),
            false if path.extension().is_some_and(|e| e == "parquet") => paths.push(path),
            false => {}
        }
    }
    paths.sort();
    paths
}
