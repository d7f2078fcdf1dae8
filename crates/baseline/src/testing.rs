//! Events for tests, from the lines that people write.

use sentinel_event::Event;

pub(crate) fn lines(text: &str) -> Vec<Event> {
    let (events, report) = sentinel_import::read_all(text.as_bytes()).expect("reads");
    assert_eq!(report.bad, []);
    events
}

pub(crate) fn event(line: &str) -> Event {
    lines(line).remove(0)
}
