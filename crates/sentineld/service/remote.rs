//! How it stands with what other hosts are shown and asked for: until when it holds, and
//! what must be renewed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sentinel_api::v1;

use super::convert;
use super::tcp::{Term, Terms};

/// The longest time before the end of something at which its renewal is asked for.
const NOTICE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// The part of its whole term that may be left then: certificates for a day are renewed on
/// that day.
const NOTICE_PART: u32 = 5;

/// The state, as the API says it.
pub fn message(listen: &str, terms: &Terms) -> v1::Remote {
    v1::Remote {
        listen: listen.to_owned(),
        certificate_until: Some(time(terms.certificate.until)),
        client_ca_until: Some(time(terms.client_ca.until)),
        client_crl_until: terms.client_crl.map(|term| time(term.until)),
    }
}

/// What must be renewed, one sentence each.
pub fn problems(terms: &Terms, now: SystemTime) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |what: &str, term: Term, over: &str| match left(term, now) {
        Left::Enough => {}
        Left::Little(days) => problems.push(format!(
            "{what} ends in {days}: renew it, then 'sentinelctl reload'"
        )),
        Left::Nothing => problems.push(format!("{what} has expired, {over}")),
    };
    check(
        "service.tcp.certificate",
        terms.certificate,
        "so other hosts do not believe it: renew it, then 'sentinelctl reload'",
    );
    check(
        "an issuer in service.tcp.client_ca",
        terms.client_ca,
        "so nobody whom it vouches for is let in: renew it, then 'sentinelctl reload'",
    );
    if let Some(term) = terms.client_crl
        && left(term, now) == Left::Nothing
    {
        // A list is replaced when it is due, so that it is about to end is no news.
        problems.push(
            "a list in service.tcp.client_crl is out of date, so those who were revoked since \
             then are still let in: fetch a newer one, then 'sentinelctl reload'"
                .to_owned(),
        );
    }
    problems
}

#[derive(Debug, PartialEq, Eq)]
enum Left {
    Enough,
    Little(String),
    Nothing,
}

fn left(term: Term, now: SystemTime) -> Left {
    let whole = term.until.duration_since(term.since).unwrap_or_default();
    match term.until.duration_since(now) {
        Err(_) => Left::Nothing,
        Ok(left) if left >= NOTICE_MAX.min(whole / NOTICE_PART) => Left::Enough,
        Ok(left) => Left::Little(match left.as_secs() / 3600 {
            0 => "less than an hour".to_owned(),
            hours @ 1..48 => format!("{hours} h"),
            hours => format!("{} days", hours / 24),
        }),
    }
}

fn time(time: SystemTime) -> prost_types::Timestamp {
    let since_ns = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    convert::timestamp(i64::try_from(since_ns.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn term(days: u64) -> Term {
        Term {
            since: UNIX_EPOCH,
            until: UNIX_EPOCH + Duration::from_secs(days * DAY),
        }
    }

    #[test]
    fn what_ends_is_told_in_time() {
        let check = |days: u64, hour: u64, expected: &str| {
            let terms = Terms {
                certificate: term(days),
                client_ca: term(10_000),
                client_crl: Some(term(10_000)),
            };
            let now = UNIX_EPOCH + Duration::from_secs(hour * 3600);
            assert_eq!(problems(&terms, now).join("\n"), expected);
        };
        let ends = |left: &str| {
            format!("service.tcp.certificate ends in {left}: renew it, then 'sentinelctl reload'")
        };
        check(365, 0, "");
        check(365, 24 * 350, "");
        check(365, 24 * 355, &ends("10 days"));
        check(365, 24 * 364, &ends("24 h"));
        // Of a certificate for a day, the last fifth.
        check(1, 19, "");
        check(1, 20, &ends("4 h"));
        let over = "service.tcp.certificate has expired, so other hosts do not believe it: renew \
                    it, then 'sentinelctl reload'";
        check(1, 25, over);
    }

    #[test]
    fn a_list_is_told_of_only_once_it_is_out_of_date() {
        let terms = Terms {
            certificate: term(10_000),
            client_ca: term(7),
            client_crl: Some(term(7)),
        };
        let at = |hour: u64| problems(&terms, UNIX_EPOCH + Duration::from_secs(hour * 3600));
        assert_eq!(at(5 * 24), Vec::<String>::new());
        assert_eq!(at(7 * 24 - 1).len(), 1, "{:?}", at(7 * 24 - 1));
        let late = at(7 * 24 + 1);
        assert_eq!(late.len(), 2, "{late:?}");
        assert!(late[0].contains("nobody whom it vouches for"), "{late:?}");
        assert!(late[1].contains("still let in"), "{late:?}");
    }
}
