//! One allow rule: what it names, and which alerts fit.

use globset::{GlobBuilder, GlobMatcher};
use sentinel_event::{Detail, Event, Process, Sha256};
use serde::{Deserialize, Serialize};

/// Longest text of a field.
const TEXT_CHARS_MAX: usize = 4096;

/// What is allowed, why, and by whom. All that is named has to fit. Nothing here is a
/// display name, which a process gives itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// 8 hexadecimal digits.
    pub id: String,
    /// The detection; empty for every one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detection: String,
    /// Path of the executable.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub exe: String,
    /// Device and inode number of the executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_file: Option<(u32, u64)>,
    /// SHA-256 of the executable.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Path of the executable of an ancestor.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ancestor: String,
    /// Pattern for the file of the event.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The real user, by name or number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// When it ends, Unix time in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ns: Option<i64>,
    /// Why.
    pub reason: String,
    /// Unix time in nanoseconds.
    pub created_ns: i64,
    /// Who.
    pub created_by: String,
    /// The alert that it was made from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from_alert: String,
}

/// What an alert is held against.
pub struct Scope {
    detection: String,
    exe: String,
    exe_file: Option<(u32, u64)>,
    sha256: Option<Sha256>,
    ancestor: String,
    path: Option<GlobMatcher>,
    user: String,
    expires_ns: i64,
}

impl Rule {
    /// What alerts are held against.
    ///
    /// # Errors
    /// What is wrong with the rule, in one sentence.
    pub fn scope(&self) -> Result<Scope, String> {
        let texts = [
            ("the detection", &self.detection),
            ("the executable", &self.exe),
            ("the ancestor", &self.ancestor),
            ("the path", &self.path),
            ("the user", &self.user),
            ("the reason", &self.reason),
        ];
        if let Some((name, _)) = texts.iter().find(|(_, t)| t.len() > TEXT_CHARS_MAX) {
            return Err(format!("{name} is longer than {TEXT_CHARS_MAX} bytes"));
        }
        if self.reason.trim().is_empty() {
            return Err("an allow rule needs a reason".to_owned());
        }
        let named = [
            &self.exe,
            &self.sha256,
            &self.ancestor,
            &self.path,
            &self.user,
        ];
        if named.iter().all(|text| text.is_empty()) {
            return Err(
                "an allow rule needs an executable, a digest, an ancestor, a path or a \
                        user; a whole detection is switched off in the configuration"
                    .to_owned(),
            );
        }
        for (name, path) in [("executable", &self.exe), ("ancestor", &self.ancestor)] {
            if !path.is_empty() && !path.starts_with('/') {
                return Err(format!("the {name} {path:?} is no absolute path"));
            }
        }
        if self.exe_file.is_some() && self.exe.is_empty() {
            return Err("an inode stands for nothing without the path of the executable".into());
        }
        let sha256 = match self.sha256.is_empty() {
            true => None,
            false => Some(Sha256::parse(&self.sha256).ok_or_else(|| {
                format!("{:?} is no SHA-256: 64 hexadecimal digits", self.sha256)
            })?),
        };
        let path = match self.path.is_empty() {
            true => None,
            false => Some(pattern(&self.path)?),
        };
        if self
            .expires_ns
            .is_some_and(|expires| expires <= self.created_ns)
        {
            return Err("it would have expired already".to_owned());
        }
        Ok(Scope {
            detection: self.detection.clone(),
            exe: self.exe.clone(),
            exe_file: self.exe_file,
            sha256,
            ancestor: self.ancestor.clone(),
            path,
            user: self.user.clone(),
            expires_ns: self.expires_ns.unwrap_or(i64::MAX),
        })
    }

    /// An id that none of `taken` has.
    pub fn identity<'a>(&self, taken: impl Iterator<Item = &'a str> + Clone) -> String {
        let mut number = self.created_ns as u64;
        loop {
            // SplitMix64's mix: neighbouring times give ids that are told apart at a glance.
            number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let id = format!("{:08x}", (z ^ (z >> 31)) as u32);
            if taken.clone().all(|other| other != id) {
                return id;
            }
        }
    }

    /// Whether it has ended at `now_ns`.
    pub fn is_expired(&self, now_ns: i64) -> bool {
        self.expires_ns.is_some_and(|expires| expires <= now_ns)
    }
}

fn pattern(text: &str) -> Result<GlobMatcher, String> {
    if !text.starts_with('/') && !text.starts_with("**") {
        return Err(format!(
            "the path {text:?} begins neither with / nor with **"
        ));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| format!("the path {text:?}: {}", error.kind()))?;
    Ok(glob.compile_matcher())
}

impl Scope {
    /// Whether what `detection` concluded from `event` is allowed; `process` is who the event
    /// is about, with all that was found out about it since.
    pub fn fits(&self, detection: &str, process: &Process, event: &Event) -> bool {
        let file = (process.file.dev, process.file.inode);
        let unnamed = |text: &str, is: &str| text.is_empty() || text == is;
        event.time_ns < self.expires_ns
            && unnamed(&self.detection, detection)
            && unnamed(&self.exe, &process.exe)
            && self.exe_file.is_none_or(|wanted| wanted == file)
            && self
                .sha256
                .is_none_or(|wanted| process.sha256 == Some(wanted))
            && (self.ancestor.is_empty() || process.ancestors().any(|a| *a.exe == *self.ancestor))
            && self
                .path
                .as_ref()
                .is_none_or(|glob| paths(event).iter().any(|path| glob.is_match(path)))
            && (self.user.is_empty() || is_user(process, &self.user))
    }
}

fn is_user(process: &Process, user: &str) -> bool {
    process.user.as_deref() == Some(user)
        || user.parse() == Ok(process.uid)
        || (process.uid == 0 && user == "root")
}

/// The files that an event is about.
fn paths(event: &Event) -> Vec<&str> {
    match &event.detail {
        Detail::Open(open) | Detail::Memfd(open) => vec![&open.path],
        Detail::File(action) => vec![&action.path, &action.to],
        Detail::Mmap(memory) | Detail::Mprotect(memory) | Detail::Shmat(memory) => {
            vec![&memory.path]
        }
        Detail::Exec(_) => vec![&event.process.exe],
        _ => Vec::new(),
    }
}
