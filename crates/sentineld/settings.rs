//! The configuration in use, where each of its values comes from, and what a reload of
//! the file changes.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, DEFAULT_PATH};
use crate::service::TcpConfig;

/// The settings that a reload applies; all others are read at the start, because they
/// concern what is loaded into the kernel, files that are open, or memory that is taken.
pub const RELOADED: &[&str] = &[
    "detect.min_severity",
    "log_level",
    "rules.folders",
    "sensor.filter.cgroups",
    "sensor.filter.executables",
    "sensor.filter.folders",
    "service.admin_group",
    "service.read_group",
    "service.tcp.admins",
    "service.tcp.certificate",
    "service.tcp.client_ca",
    "service.tcp.client_crl",
    "service.tcp.key",
    "service.tcp.readers",
];

/// What the command line decides, whatever the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file says it.
    File,
    /// The command line says it.
    Flag,
}

impl Origin {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::File => "file",
            Origin::Flag => "flag",
        }
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its path, such as `store.retention_days`.
    pub key: String,
    /// The value as TOML writes it.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The configuration in use and what it was made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// The file; it need not exist when it is the usual one.
    pub file: PathBuf,
    named: bool,
    written: toml::Table,
    flags: Flags,
}

impl Settings {
    /// Reads the named file, or the one at its usual place where there is one.
    pub fn read(file: Option<&Path>, flags: Flags) -> Result<Settings, ConfigError> {
        let named = file.is_some();
        let file = file.unwrap_or(Path::new(DEFAULT_PATH)).to_owned();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !named => String::new(),
            Err(source) => return Err(ConfigError::Unreadable { path: file, source }),
        };
        let mut config = Config::parse(&file, &text)?;
        config.data_dir = flags.data_dir.clone().unwrap_or(config.data_dir);
        config.service.socket = flags.socket.clone().unwrap_or(config.service.socket);
        Ok(Settings {
            config,
            file,
            named,
            // It parsed as a configuration, so it is a table.
            written: text.parse().unwrap_or_default(),
            flags,
        })
    }

    /// Reads the same file again.
    pub fn read_again(&self) -> Result<Settings, ConfigError> {
        Settings::read(self.named.then_some(&*self.file), self.flags.clone())
    }

    /// Takes over the values of `other` that a reload applies.
    pub fn adopt(&mut self, other: &Settings) {
        let (own, new) = (&mut self.config, &other.config);
        own.log_level = new.log_level;
        own.detect.min_severity = new.detect.min_severity;
        own.rules = new.rules.clone();
        own.sensor.filter = new.sensor.filter.clone();
        own.service.read_group = new.service.read_group.clone();
        own.service.admin_group = new.service.admin_group.clone();
        own.service.tcp = TcpConfig {
            listen: own.service.tcp.listen.clone(),
            ..new.service.tcp.clone()
        };
        for key in RELOADED {
            place(&mut self.written, key, find(&other.written, key).cloned());
        }
    }

    /// Every value, in the order of the keys.
    pub fn values(&self) -> Vec<Setting> {
        let mut found = Vec::new();
        // A configuration is made of what TOML can write.
        let all = toml::Table::try_from(&self.config).unwrap_or_default();
        flatten("", &all, &mut found);
        for setting in &mut found {
            setting.origin = self.origin(&setting.key);
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    }

    fn origin(&self, key: &str) -> Origin {
        let flagged = match key {
            "data_dir" => self.flags.data_dir.is_some(),
            "service.socket" => self.flags.socket.is_some(),
            _ => false,
        };
        let value = find(&self.written, key);
        match (flagged, value) {
            (true, _) => Origin::Flag,
            (false, Some(_)) => Origin::File,
            (false, None) => Origin::Default,
        }
    }

    /// The keys whose values differ in `other`.
    pub fn changed(&self, other: &Settings) -> Vec<String> {
        let (own, others) = (self.values(), other.values());
        let missing = |list: &[Setting], wanted: &Setting| {
            !list
                .iter()
                .any(|s| s.key == wanted.key && s.value == wanted.value)
        };
        let mut keys: Vec<String> = own
            .iter()
            .filter(|s| missing(&others, s))
            .map(key)
            .collect();
        keys.extend(others.iter().filter(|s| missing(&own, s)).map(key));
        keys.sort();
        keys.dedup();
        keys
    }
}

fn key(setting: &Setting) -> String {
    setting.key.clone()
}

/// The value at a path such as `store.retention_days`.
fn find<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    match key.split_once('.') {
        Some((part, rest)) => find(table.get(part)?.as_table()?, rest),
        None => table.get(key),
    }
}

/// Writes the value at a path, or removes it.
fn place(table: &mut toml::Table, key: &str, value: Option<toml::Value>) {
    match (key.split_once('.'), value) {
        (Some((part, rest)), value) => {
            let inner = table
                .entry(part)
                .or_insert_with(|| toml::Table::new().into());
            if let Some(inner) = inner.as_table_mut() {
                place(inner, rest, value);
            }
        }
        (None, Some(value)) => drop(table.insert(key.to_owned(), value)),
        (None, None) => drop(table.remove(key)),
    }
}

fn flatten(prefix: &str, table: &toml::Table, found: &mut Vec<Setting>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => {
                flatten(&format!("{key}."), inner, found);
            }
            value => found.push(Setting {
                key,
                value: value.to_string(),
                origin: Origin::Default,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str, flags: Flags) -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.toml");
        fs::write(&path, text).expect("writes");
        let settings = Settings::read(Some(&path), flags).expect("is valid");
        (dir, settings)
    }

    #[test]
    fn every_value_says_where_it_comes_from() {
        let flags = Flags {
            socket: Some("/tmp/s".into()),
            ..Flags::default()
        };
        let text = "data_dir = \"/x\"\n[detect.grouping]\nburst = 3\n[service]\nsocket = \"/y\"\n";
        let (_dir, settings) = settings(text, flags);
        let values = settings.values();
        let check = |key: &str, value: &str, origin| {
            let found = values.iter().find(|s| s.key == key).expect(key);
            assert_eq!((&*found.value, found.origin), (value, origin), "{key}");
        };
        check("data_dir", "\"/x\"", Origin::File);
        check("detect.grouping.burst", "3", Origin::File);
        check("detect.grouping.refill_seconds", "30", Origin::Default);
        check("service.socket", "\"/tmp/s\"", Origin::Flag);
        check(
            "detect.persistence.trusted_writers",
            "[\"/usr/bin/cloud-init\"]",
            Origin::Default,
        );
    }

    #[test]
    fn what_a_reload_applies_exists_and_changes_are_found() {
        let (dir, before) = settings("", Flags::default());
        let keys: Vec<String> = before.values().iter().map(key).collect();
        for name in RELOADED {
            assert!(keys.iter().any(|key| key == name), "{name} is no setting");
        }
        let text = "log_level = \"debug\"\n[store]\nretention_days = 3\nflush_rows = 8192\n";
        fs::write(dir.path().join("x.toml"), text).expect("writes");
        let after = before.read_again().expect("is valid");
        assert_eq!(
            before.changed(&after),
            ["log_level", "store.retention_days"]
        );
        let mut adopted = before.clone();
        adopted.adopt(&after);
        assert_eq!(before.changed(&adopted), ["log_level"]);
        assert_eq!(adopted.origin("log_level"), Origin::File);
        assert_eq!(adopted.origin("store.retention_days"), Origin::Default);
        // Every setting that a reload applies is taken over.
        for key in RELOADED {
            let text = match *key {
                "log_level" => "log_level = \"trace\"\n",
                "detect.min_severity" => "[detect]\nmin_severity = \"high\"\n",
                "rules.folders" => "[rules]\nfolders = [\"/x\"]\n",
                "sensor.filter.cgroups" => "[sensor.filter]\ncgroups = [\"/x\"]\n",
                "sensor.filter.executables" => "[sensor.filter]\nexecutables = [\"/x\"]\n",
                "sensor.filter.folders" => "[sensor.filter]\nfolders = [\"/x\"]\n",
                "service.read_group" => "[service]\nread_group = \"x\"\n",
                "service.admin_group" => "[service]\nadmin_group = \"x\"\n",
                "service.tcp.admins" => "[service.tcp]\nadmins = [\"CN=x\"]\n",
                "service.tcp.certificate" => "[service.tcp]\ncertificate = \"/x\"\n",
                "service.tcp.client_ca" => "[service.tcp]\nclient_ca = \"/x\"\n",
                "service.tcp.client_crl" => "[service.tcp]\nclient_crl = \"/x\"\n",
                "service.tcp.key" => "[service.tcp]\nkey = \"/x\"\n",
                "service.tcp.readers" => "[service.tcp]\nreaders = [\"CN=x\"]\n",
                other => panic!("{other} has no example here"),
            };
            fs::write(dir.path().join("x.toml"), text).expect("writes");
            let after = before.read_again().expect("is valid");
            let mut adopted = before.clone();
            adopted.adopt(&after);
            assert_eq!(before.changed(&adopted), [*key]);
        }
        fs::write(dir.path().join("x.toml"), "nonsense").expect("writes");
        assert!(before.read_again().is_err());
    }
}
