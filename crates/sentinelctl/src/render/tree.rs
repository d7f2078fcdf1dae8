//! The process tree, drawn with lines.

use std::collections::{BTreeMap, BTreeSet};

use sentinel_api::v1::TreeProcess;
use sentinel_event::text::escape;

use super::target::command_line;
use super::{BOLD, DIM, Look, cut};

/// Where one process is in the drawing.
struct Place {
    pid: u32,
    /// For each level above: whether lines go on below it.
    open: Vec<bool>,
}

/// The trees, each under its eldest; `marked` stands out.
pub fn tree(processes: &[TreeProcess], marked: Option<u32>, look: &Look) -> String {
    let by_pid: BTreeMap<u32, &TreeProcess> = processes.iter().map(|p| (p.pid, p)).collect();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut roots = Vec::new();
    for process in processes {
        match by_pid.contains_key(&process.parent) && process.parent != process.pid {
            true => children
                .entry(process.parent)
                .or_default()
                .push(process.pid),
            false => roots.push(process.pid),
        }
    }
    let mut out = String::new();
    let mut seen = BTreeSet::new();
    let open = Vec::new;
    let mut waiting: Vec<Place> = roots
        .into_iter()
        .rev()
        .map(|pid| Place { pid, open: open() })
        .collect();
    // No recursion: a chain of processes may be deeper than a stack.
    while let Some(Place { pid, open }) = waiting.pop() {
        if !seen.insert(pid) {
            continue;
        }
        out.push_str(&line(by_pid[&pid], &open, marked, look));
        let children = children.remove(&pid).unwrap_or_default();
        let last = children.last().copied();
        waiting.extend(children.into_iter().rev().map(|child| Place {
            pid: child,
            open: [&open[..], &[Some(child) != last]].concat(),
        }));
    }
    out
}

fn line(process: &TreeProcess, open: &[bool], marked: Option<u32>, look: &Look) -> String {
    let mut lines = String::new();
    if let Some((own, above)) = open.split_last() {
        for goes_on in above {
            lines.push_str(if *goes_on { "│  " } else { "   " });
        }
        lines.push_str(if *own { "├─ " } else { "└─ " });
    }
    let name = match process.exe.is_empty() {
        true => format!("[{}]", escape(&process.comm)),
        false => escape(&process.exe).into_owned(),
    };
    let name = match marked == Some(process.pid) {
        true => look.paint(BOLD, &name),
        false => name,
    };
    let user = match &process.user {
        Some(user) => escape(user).into_owned(),
        None => process.uid.to_string(),
    };
    let mut facts = format!("{} {user}", process.pid);
    for (what, value) in [("unit", &process.unit), ("container", &process.container)] {
        if let Some(value) = value {
            facts += &format!(" {what} {}", escape(cut_id(value)));
        }
    }
    let args = command_line(process.argv.get(1..).unwrap_or_default());
    let width = look.width.unwrap_or(usize::MAX);
    let used = [&*lines, &*name, &*facts].map(|text| text.chars().count());
    let room = width.saturating_sub(used.iter().sum::<usize>() + 2);
    format!(
        "{lines}{name} {}{}\n",
        look.paint(DIM, &facts),
        match args.is_empty() || room < 8 {
            true => String::new(),
            false => format!(" {}", cut(&args, room)),
        }
    )
}

/// A container's id in the length that container tools show.
fn cut_id(id: &str) -> &str {
    match id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => &id[..12],
        false => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::PLAIN;

    fn process(pid: u32, parent: u32, exe: &str, args: &[&str]) -> TreeProcess {
        TreeProcess {
            pid,
            parent,
            exe: exe.to_owned(),
            comm: format!("c{pid}"),
            argv: args.iter().map(|arg| (*arg).to_owned()).collect(),
            user: Some("root".to_owned()),
            ..TreeProcess::default()
        }
    }

    #[test]
    fn lines_lead_from_parents_to_children() {
        let all = [
            process(1, 0, "/sbin/init", &["init"]),
            process(2, 0, "", &[]),
            process(10, 1, "/bin/sh", &["sh", "-c", "a b"]),
            process(11, 10, "/bin/\x1b[2J", &[]),
            process(12, 10, "/bin/b", &[]),
            process(20, 1, "/bin/c", &[]),
            // Nobody's child, and its own parent.
            process(30, 99, "/bin/d", &[]),
            process(31, 31, "/bin/e", &[]),
        ];
        let expected = "\
/sbin/init 1 root
├─ /bin/sh 10 root -c 'a b'
│  ├─ /bin/\\x1b[2J 11 root
│  └─ /bin/b 12 root
└─ /bin/c 20 root
[c2] 2 root
/bin/d 30 root
/bin/e 31 root
";
        assert_eq!(tree(&all, None, &PLAIN), expected);
    }

    #[test]
    fn a_deep_tree_and_a_ring_are_drawn_to_the_end() {
        let chain: Vec<_> = (1..=3000)
            .map(|pid| process(pid, pid - 1, "/x", &[]))
            .collect();
        let drawn = tree(&chain, None, &PLAIN);
        assert_eq!(drawn.lines().count(), 3000);
        let ring = [process(1, 2, "/x", &[]), process(2, 1, "/x", &[])];
        assert_eq!(tree(&ring, None, &PLAIN), "");
    }
}
