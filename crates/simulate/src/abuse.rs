//! What burns the host's time, or the sensor's: a miner that mines nothing, and one file
//! opened too often.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Proof, Variant};

const MINING: &[Technique] = &[Technique::new("T1496", "T1496", "Resource Hijacking")];
const IMPAIR: &[Technique] = &[Technique::new(
    "T1685",
    "T1562.001",
    "Disable or Modify Tools",
)];

/// Every way to mine that the simulator knows.
pub(crate) const MINER: Family = Family {
    name: "crypto-miner",
    summary: "a program that looks like one that mines, and does nothing",
    variants: &[
        Variant::of(
            "crypto-miner/command-line",
            Expected::Alert("crypto_miner", Severity::High),
            MINING,
            "a program with the arguments of a miner",
            "execve of a program that does nothing: worker -o stratum+tcp://127.0.0.1:1 --donate-level 1",
            &[
                "pose",
                "{folder}/worker",
                "-o",
                "stratum+tcp://127.0.0.1:1",
                "--donate-level",
                "1",
            ],
        )
        .proven(Proof::Posed),
        Variant::of(
            "crypto-miner/name",
            Expected::Alert("crypto_miner", Severity::Medium),
            MINING,
            "a program with the name of a miner",
            "execve of a program that does nothing: xmrig",
            &["pose", "{folder}/xmrig"],
        )
        .proven(Proof::Posed),
        Variant::of(
            "crypto-miner/pool-name",
            Expected::Alert("crypto_miner", Severity::High),
            MINING,
            "the name of a pool of miners, asked for on this machine",
            "bind(127.83.0.1:53), sendto of a question for sentinel-simulation.minexmr.com",
            &["ask", "sentinel-simulation.minexmr.com"],
        ),
    ],
};

/// Every way to flood that the simulator knows.
pub(crate) const FLOOD: Family = Family {
    name: "sensor-flooding",
    summary: "so many events that others might be lost among them",
    variants: &[Variant::of(
        "sensor-flooding/opens",
        Expected::Alert("sensor_flooding", Severity::Medium),
        IMPAIR,
        "one file opened as often as it goes, for three seconds",
        "open, close, open, close and so on",
        &["flood", "/proc/self/stat", "3"],
    )],
};
