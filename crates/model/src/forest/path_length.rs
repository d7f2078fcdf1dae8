//! The average length of an unsuccessful search in a binary search tree, which is what
//! an isolation tree that was not grown to its end would still have needed.

const EULER: f64 = 0.577_215_664_901_532_9;

/// c(n) of Liu, Ting and Zhou 2008, equation 1, with the values of scikit-learn for the
/// small: 0 for one row and fewer, 1 for two. `rows` is a count; the result is in edges.
pub fn average_path_length(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        n => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of `sklearn.ensemble._iforest._average_path_length`, version 1.9.1.
    #[test]
    fn equals_scikit_learn() {
        let known = [
            (0, 0.0),
            (1, 0.0),
            (2, 1.0),
            (3, 1.207_392_357_589_623),
            (5, 2.327_020_052_042_847),
            (256, 10.244_770_920_119_917),
            (999, 12.967_939_884_427_995),
        ];
        for (rows, length) in known {
            let found = average_path_length(rows);
            assert!((found - length).abs() < 1e-12, "c({rows}) = {found}");
        }
    }
}
