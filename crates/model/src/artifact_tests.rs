use super::*;

const STAMP: Stamp = Stamp {
    kind: "scale",
    format: 2,
};

fn saved(stamp: Stamp) -> Vec<u8> {
    let mut writer = Writer::new(stamp);
    writer.put_f32("weights", &[2, 2], &[1.0, -2.5, f32::INFINITY, 0.0]);
    writer.put_u64("seed", &[1], &[u64::MAX]);
    writer.finish()
}

fn refusal(bytes: &[u8]) -> ModelError {
    Reader::new(bytes, STAMP).err().expect("must be refused")
}

#[test]
fn what_is_written_is_read() {
    let bytes = saved(STAMP);
    assert_eq!(bytes, saved(STAMP), "equal models give equal bytes");
    let reader = Reader::new(&bytes, STAMP).expect("reads");
    let (shape, weights) = reader.get_f32("weights").expect("is there");
    assert_eq!(
        (shape, weights),
        (vec![2, 2], vec![1.0, -2.5, f32::INFINITY, 0.0])
    );
    assert_eq!(reader.get_u64("seed").expect("is there").1, [u64::MAX]);
    assert!(reader.get_f32("seed").is_err(), "of another type");
    assert!(reader.get_f32("bias").is_err(), "missing");
}

#[test]
fn another_version_or_kind_is_refused_with_a_sentence() {
    let future = saved(Stamp { format: 3, ..STAMP });
    let sentence = refusal(&future).to_string();
    assert!(
        sentence.contains("saved in format 3") && sentence.contains("reads format 2"),
        "{sentence}"
    );
    let other = saved(Stamp {
        kind: "forest",
        ..STAMP
    });
    assert!(matches!(refusal(&other), ModelError::Kind { found, .. } if found == "forest"));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let bytes = saved(STAMP);
    for at in 0..bytes.len() {
        assert!(Reader::new(&bytes[..at], STAMP).is_err(), "cut at {at}");
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        if let Ok(reader) = Reader::new(&damaged, STAMP) {
            // Spaces pad the header; damage there changes no number.
            assert_eq!(
                reader.get_f32("weights").expect("reads").1[1],
                -2.5,
                "bit at {at}"
            );
        }
    }
}
