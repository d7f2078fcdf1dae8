use super::*;

fn learned() -> (Vec<u8>, Standing) {
    let baseline = Baseline::new(Default::default());
    (baseline.to_bytes(), baseline.standing())
}

#[test]
fn three_generations_are_kept_and_the_last_is_current() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(dir.path()).expect("opens");
    let (bytes, mut standing) = learned();
    for generation in 1..=5 {
        standing.generation = generation;
        folder.keep(&bytes, &standing).expect("keeps");
    }
    let list = folder.list();
    let numbers: Vec<u32> = list.iter().map(|(number, _)| *number).collect();
    assert_eq!((numbers, folder.current()), (vec![3, 4, 5], Some(5)));
    assert!(
        list.iter()
            .all(|(n, m)| m.as_ref().is_ok_and(|m| m.generation == *n))
    );
    assert_eq!(folder.read(4).expect("is whole"), bytes);
    assert!(folder.read(1).is_err());
}

/// Generations 1 and 2, and what a daemon would say that starts after `spoil`.
fn said_after(spoil: impl FnOnce(&Folder, &[u8])) -> (Vec<String>, Option<u32>) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(dir.path()).expect("opens");
    let (bytes, mut standing) = learned();
    for generation in [1, 2] {
        standing.generation = generation;
        folder.keep(&bytes, &standing).expect("keeps");
    }
    spoil(&folder, &bytes);
    let said = folder.load(&mut Baseline::new(Default::default()));
    (said, folder.current())
}

/// Replaces the state of generation 2, with a manifest that fits it or without.
fn put(folder: &Folder, state: &[u8], with_manifest: bool) {
    let path = folder.path(2);
    if with_manifest {
        let (_, manifest) = folder.list().pop().expect("there is one");
        let manifest = Generation {
            state_sha256: hash(state),
            ..manifest.expect("is whole")
        };
        let text = serde_json::to_vec(&manifest).expect("is JSON");
        replace(&path.join(MANIFEST), &text).expect("writes");
    }
    replace(&path.join(STATE), state).expect("writes");
}

#[test]
fn what_is_damaged_or_newer_falls_back_one_generation_with_a_sentence() {
    type Spoil = fn(&Folder, &[u8]);
    let cases: [(&str, Spoil, &str); 6] = [
        (
            "a bit differs",
            |folder, bytes| {
                let mut bytes = bytes.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                put(folder, &bytes, false);
            },
            "its SHA-256 is",
        ),
        (
            "it is cut",
            |folder, bytes| put(folder, &bytes[..bytes.len() - 7], false),
            "its SHA-256 is",
        ),
        (
            "it is of a later version",
            |folder, bytes| {
                let mut bytes = bytes.to_vec();
                bytes[8] += 1;
                put(folder, &bytes, true);
            },
            "it was learned in format 6, and this program reads format 5",
        ),
        (
            "it has other columns",
            |folder, bytes| {
                let mut bytes = bytes.to_vec();
                bytes[12] ^= 1;
                put(folder, &bytes, true);
            },
            "other features",
        ),
        (
            "its manifest is nonsense",
            |folder, _| {
                replace(&folder.path(2).join(MANIFEST), b"{").expect("writes");
            },
            "manifest.json is damaged",
        ),
        (
            "its state is gone",
            |folder, _| {
                fs::remove_file(folder.path(2).join(STATE)).expect("removes");
            },
            "No such file",
        ),
    ];
    for (what, spoil, words) in cases {
        let (said, current) = said_after(spoil);
        let [sentence] = &said[..] else {
            panic!("{what}: {said:?}");
        };
        assert!(
            sentence.starts_with("generation 2 is refused: ")
                && sentence.contains(words)
                && sentence.ends_with("; going on with generation 1"),
            "{what}: {sentence}"
        );
        assert!(!sentence.contains('\n'), "{what}: one line");
        assert_eq!(current, Some(1), "{what}");
    }
}

#[test]
fn the_running_state_comes_before_generations_and_after_all_learning_begins_anew() {
    let (said, current) = said_after(|_, _| {});
    assert_eq!((said, current), (vec![], Some(2)));
    let (said, _) = said_after(|folder, bytes| {
        folder.save(&bytes[..9]).expect("saves");
    });
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("the learned state is refused")
            && said[0].ends_with("; going on with generation 2"),
        "{said:?}"
    );
    let (said, _) = said_after(|folder, bytes| {
        folder.save(bytes).expect("saves");
        put(folder, b"nonsense", false);
    });
    assert!(said.is_empty(), "what is not needed is not read: {said:?}");
    let (said, _) = said_after(|folder, _| {
        for generation in [1, 2] {
            replace(&folder.path(generation).join(STATE), b"nonsense").expect("writes");
        }
    });
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].ends_with("; learning begins anew"), "{said:?}");
    let empty = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(empty.path()).expect("opens");
    let said = folder.load(&mut Baseline::new(Default::default()));
    assert!(said.is_empty(), "a new host has nothing to complain of");
}
