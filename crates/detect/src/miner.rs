//! `crypto_miner`: a program mines a currency for somebody else.
//!
//! Signs are what the command line says, the name of a pool that is asked for, the port of
//! the pools' protocol, and what miners do to the machine to be faster. One strong sign is
//! enough; weak ones add up per process.

use sentinel_event::{Access, Detail, Event, ExecId, Kind, Process, Severity};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::connections::is_local;
use crate::facts::is_installed;
use crate::registry::Start;
use crate::techniques::MINING;
use crate::{Detection, Finding, Findings, KindSet, words};

/// Settings of `crypto_miner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Further domains of pools, whose names below count too.
    pub pool_domains: Vec<String>,
    /// Processes that are remembered.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            pool_domains: Vec::new(),
            remembered: 4096,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    Start::Running(Box::new(CryptoMiner {
        signs: Bounded::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct CryptoMiner {
    config: Config,
    /// The weak signs of each image, as bits.
    signs: Bounded<ExecId, u8>,
}

/// Domains under which pools are reached.
const POOLS: [&str; 32] = [
    "2miners.com",
    "antpool.com",
    "c3pool.com",
    "c3pool.org",
    "crypto-pool.fr",
    "dwarfpool.com",
    "ethermine.org",
    "f2pool.com",
    "flypool.org",
    "gulf.moneroocean.stream",
    "hashvault.pro",
    "herominers.com",
    "kryptex.network",
    "minergate.com",
    "minexmr.com",
    "miningpoolhub.com",
    "monerohash.com",
    "moneroocean.stream",
    "monero.hashvault.pro",
    "nanopool.org",
    "nicehash.com",
    "p2pool.io",
    "poolin.com",
    "prohashing.com",
    "rplant.xyz",
    "slushpool.com",
    "supportxmr.com",
    "unmineable.com",
    "viabtc.com",
    "woolypooly.com",
    "xmrpool.eu",
    "zpool.ca",
];

/// File names of common miners.
const MINERS: [&str; 13] = [
    "xmrig",
    "xmr-stak",
    "minerd",
    "cpuminer",
    "ccminer",
    "ethminer",
    "nbminer",
    "t-rex",
    "lolMiner",
    "phoenixminer",
    "cgminer",
    "bfgminer",
    "srbminer-multi",
];

/// Parts of command lines that only miners have.
const STRONG_PARTS: [&str; 6] = [
    "stratum+tcp://",
    "stratum+ssl://",
    "stratum2+tcp://",
    "stratum://",
    "--donate-level",
    "--randomx-",
];

/// Ports on which pools usually serve.
const PORTS: [u16; 9] = [3333, 4444, 5555, 7777, 9999, 14433, 14444, 45560, 45700];

const NAME: u8 = 1;
const ALGORITHM: u8 = 2;
const PORT: u8 = 4;
const TUNING: u8 = 8;

impl Detection for CryptoMiner {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Exec, Kind::Connect, Kind::Dns, Kind::Open])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        let process = &event.process;
        match &event.detail {
            Detail::Exec(_) => findings.extend(self.started(event)),
            Detail::Network(action) if action.kind == Kind::Dns => {
                if let Some(pool) = self.pool(&action.name) {
                    let what = format!("asked for {pool}, a pool of miners");
                    let reason =
                        "nothing but miners, and who reads about them, asks for such names";
                    findings.push(finding(event, "pool_name", Severity::High, what, reason));
                }
            }
            Detail::Connect(connection)
                if PORTS.contains(&connection.peer.port()) && !is_local(connection.peer) =>
            {
                findings.extend(self.weak(event, PORT));
            }
            Detail::Open(file)
                if file.access != Access::Read
                    && is_tuning(&file.path)
                    && !is_installed(&process.exe, &process.file, process.backing) =>
            {
                findings.extend(self.weak(event, TUNING));
            }
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.signs.evicted_total()
    }
}

/// What miners change to be faster: large pages, and the prefetchers of the processor.
fn is_tuning(path: &str) -> bool {
    path.ends_with("/nr_hugepages") || (path.starts_with("/dev/cpu/") && path.ends_with("/msr"))
}

impl CryptoMiner {
    fn started(&mut self, event: &Event) -> Option<Finding> {
        let process = &event.process;
        let line = || process.argv.iter().skip(1).map(|argument| &**argument);
        let part = line().find_map(|argument| {
            STRONG_PARTS
                .iter()
                .find(|part| argument.contains(**part))
                .copied()
        });
        if let Some(part) = part
            && !mentions(process)
        {
            let what = "was started with the arguments of a miner".to_owned();
            let reason = format!("its command line says {part}, which only miners understand");
            return Some(finding(
                event,
                "command_line",
                Severity::High,
                what,
                &reason,
            ));
        }
        let mut signs = 0;
        let name = words::program(&process.exe);
        if MINERS.iter().any(|miner| name.eq_ignore_ascii_case(miner)) {
            signs |= NAME;
        }
        let algorithm = |argument: &str| {
            [
                "randomx",
                "rx/0",
                "cryptonight",
                "kawpow",
                "ethash",
                "--coin",
            ]
            .iter()
            .any(|word| argument.contains(word))
        };
        if line().any(algorithm) && line().any(|a| matches!(a, "-o" | "--url" | "-u" | "--user")) {
            signs |= ALGORITHM;
        }
        if signs == 0 {
            return None;
        }
        self.weak(event, signs)
    }

    /// One weak sign is a curiosity, two are a miner.
    fn weak(&mut self, event: &Event, sign: u8) -> Option<Finding> {
        let process = &event.process;
        let signs = self.signs.entry(process.exec_id, || 0);
        *signs |= sign;
        let signs = *signs;
        let installed = is_installed(&process.exe, &process.file, process.backing);
        let severity = match signs.count_ones() {
            1 if signs == NAME || signs == ALGORITHM => Severity::Medium,
            1 if installed || signs == TUNING => return None,
            1 => Severity::Info,
            _ => Severity::High,
        };
        let all = [
            (NAME, "its file is called as a known miner"),
            (
                ALGORITHM,
                "its arguments name a miner's algorithm and an account",
            ),
            (PORT, "it connected to a port on which pools serve"),
            (
                TUNING,
                "it changed large pages or registers of the processor, which makes miners faster",
            ),
        ];
        let said: Vec<&str> = all
            .iter()
            .filter(|(sign, _)| signs & sign != 0)
            .map(|(_, text)| *text)
            .collect();
        let what = "looks like a miner".to_owned();
        let variant = if signs.count_ones() > 1 {
            "signs"
        } else {
            "sign"
        };
        Some(finding(event, variant, severity, what, &said.join("; ")))
    }

    fn pool(&self, name: &str) -> Option<String> {
        let name = name.trim_end_matches('.');
        let below = |domain: &str| {
            name.len() >= domain.len()
                && name[name.len() - domain.len()..].eq_ignore_ascii_case(domain)
                && (name.len() == domain.len()
                    || name.as_bytes()[name.len() - domain.len() - 1] == b'.')
        };
        let own = self.config.pool_domains.iter().map(String::as_str);
        let known = POOLS.into_iter().chain(own);
        let is_ascii = name.is_ascii();
        (is_ascii && known.into_iter().any(below)).then(|| words::shown(name))
    }
}

/// Whether the program only handles texts in which such words stand: editors, searches.
fn mentions(process: &Process) -> bool {
    const READERS: [&str; 12] = [
        "grep", "rg", "sed", "awk", "gawk", "mawk", "vi", "vim", "nano", "echo", "less", "git",
    ];
    READERS.contains(&words::program(&process.exe))
        && is_installed(&process.exe, &process.file, process.backing)
}

fn finding(
    event: &Event,
    variant: &'static str,
    severity: Severity,
    what: String,
    reason: &str,
) -> Finding {
    let process = &event.process;
    Finding {
        variant,
        subject: "".into(),
        severity,
        confidence: 80,
        summary: format!(
            "{} {what}{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason: reason.to_owned(),
        techniques: vec![MINING].into(),
        earlier: Vec::new(),
        shows: format!("{}: {reason}", event.kind()),
    }
}
