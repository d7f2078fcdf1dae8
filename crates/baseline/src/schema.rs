//! The columns of a row: what is measured of an event, one line each. Surprises are in
//! bits, `-log2 P`, from 0 to 24.

/// Columns of a row.
pub const COLUMNS: usize = FEATURES.len();

/// One row of features.
pub(crate) type Row = [f32; COLUMNS];

/// What is learned about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Who starts whom, and in which order.
    Graph,
    /// How often, how long known, from where.
    Frequency,
    /// On whose behalf, and with which rights.
    Users,
    /// When.
    Time,
    /// With which arguments.
    Arguments,
    /// With whom it talks.
    Network,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// Its name in alerts and files.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// Least and largest value.
    pub range: (f32, f32),
    /// What it is about.
    pub concern: Concern,
    /// Whether the forest over program starts sees it.
    pub exec: bool,
    /// Whether the forest over connections sees it.
    pub connect: bool,
}

macro_rules! features {
    ($($constant:ident $name:literal $concern:ident $low:literal $high:literal $exec:literal $connect:literal $doc:literal;)*) => {
        /// Every column, in the order of a row.
        pub const FEATURES: &[Feature] = &[$(Feature {
            name: $name, doc: $doc, range: ($low, $high), concern: Concern::$concern,
            exec: $exec, connect: $connect,
        }),*];
        #[allow(clippy::upper_case_acronyms, non_camel_case_types)]
        #[derive(Clone, Copy)]
        enum Index { $($constant),* }
        $(pub(crate) const $constant: usize = Index::$constant as usize;)*
    };
}

features! {
    PC "pc_surprise" Graph 0.0 24.0 true true "the program, given the one that starts it";
    GPC "gpc_surprise" Graph 0.0 24.0 true true "the program, given the two above it";
    UNIT "unit_surprise" Graph 0.0 24.0 true true "the program, given its systemd unit or control group";
    DEPTH "chain_depth" Graph 0.0 16.0 true true "processes between it and the first one";
    SEQ "seq_surprise" Graph 0.0 24.0 true true "the program, given the four started before it in its tree";
    SEQ_TOP3 "seq_top3" Graph 0.0 24.0 true true "mean of the three largest of these in the last 20 of the tree";
    EXE "exe_surprise" Frequency 0.0 24.0 true true "the program, among all that run on this host";
    AGE "exe_age" Frequency 0.0 7.0 true true "ln(1 + days since the program was first seen)";
    DIR "dir_surprise" Frequency 0.0 24.0 true true "the folder that the program lies in";
    PATH "path_flags" Frequency 0.0 5.0 true true "how many hold: open to all, memory only, nameless, hidden, in a home";
    USER "user_surprise" Users 0.0 24.0 true true "the program, given who logged in or the user id";
    PRIV "priv_change" Users 0.0 3.0 true true "how many hold: effective user differs, set-user-id file, became root";
    TTY "tty_surprise" Users 0.0 24.0 true true "with or without a terminal, given the program";
    ORIGIN "origin_surprise" Users 0.0 24.0 true true "the network that a login came from, given the user";
    HOUR "hour_surprise" Time 0.0 24.0 true true "the hour of the day, given the program";
    DOW "dow_surprise" Time 0.0 24.0 true true "workday or weekend, given the program, beyond what the whole host does then";
    USER_HOUR "user_hour_surprise" Time 0.0 24.0 true true "the hour of the day, given who logged in";
    GAP "gap_z" Time -8.0 8.0 true true "time since the program last ran, in deviations from the usual";
    HOUR_SIN "hour_sin" Time -1.0 1.0 false false "the hour as a point on a circle; for the networks";
    HOUR_COS "hour_cos" Time -1.0 1.0 false false "the hour as a point on a circle; for the networks";
    RATE_MINUTE "rate_p_1m" Frequency 0.0 12.0 true true "-log10 of the chance of so many runs of the program in a minute";
    RATE_HOUR "rate_p_1h" Frequency 0.0 12.0 true true "the same for the hour";
    HOST_RATE "host_rate_p" Frequency 0.0 12.0 true true "the same for all programs in a minute";
    FANOUT "fanout_z" Frequency -8.0 8.0 true true "children of its parent within a minute, in deviations from the usual";
    ARG_LENGTH "arg_len" Arguments 0.0 12.0 true true "ln(1 + bytes of arguments)";
    ARG_ENTROPY "arg_entropy" Arguments 0.0 8.0 true true "bits per byte of the arguments";
    ARG_SYMBOLS "arg_symbol_ratio" Arguments 0.0 1.0 true true "of the argument bytes, neither letter nor digit nor blank";
    ARG_LONGEST "arg_max_token" Arguments 0.0 12.0 true true "ln(1 + bytes of the longest word)";
    ARG_TOP3 "arg_top3" Arguments 0.0 24.0 true true "mean of the three most surprising pairs of words, given the program";
    NET "net_surprise" Network 0.0 24.0 false true "that it connects at all, given the program";
    PORT "port_surprise" Network 0.0 24.0 false true "the port it connects to, given the program";
    DEST "dest_surprise" Network 0.0 24.0 false true "the network it connects to (/24 or /48), given the program";
    NEW_DESTS "new_dests_10m" Network 0.0 8.0 false true "ln(1 + networks new to the program within ten minutes)";
    SERVED "served_parent" Network 0.0 1.0 true true "whether a process above it accepted a connection within a minute";
}

/// The hash of names and order: a model of other columns must not be used.
pub fn schema_hash() -> u64 {
    FEATURES.iter().fold(1, |hash, feature| {
        crate::hash::pair(hash, crate::hash::text(feature.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_ranges_are_ranges() {
        for (at, feature) in FEATURES.iter().enumerate() {
            assert!(feature.range.0 < feature.range.1, "{}", feature.name);
            assert!(
                FEATURES[at + 1..]
                    .iter()
                    .all(|other| other.name != feature.name)
            );
        }
        assert_eq!(FEATURES[SERVED].name, "served_parent");
        assert_eq!(FEATURES[USER_HOUR].concern, Concern::Time);
    }
}
