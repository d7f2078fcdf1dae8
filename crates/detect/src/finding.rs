//! What a detection is, and what it hands over: [`Finding`]s, from which the engine
//! makes alerts. Identity, grouping and loss are the engine's work, so that each
//! detection holds its rule and nothing else.

use std::borrow::Cow;

use sentinel_event::{Event, Evidence, Severity, Technique};

use crate::KindSet;

/// One rule with its state. The name and the description stand in
/// [`crate::DETECTIONS`].
pub trait Detection: Send {
    /// The kinds of event that the detection is shown; asked once, at the start.
    fn kinds(&self) -> KindSet;

    /// Looks at one event. Conclusions about `event.process` go to `findings`.
    fn observe(&mut self, event: &Event, findings: &mut Findings);

    /// How often bounded state had to be forgotten so far.
    fn evicted_total(&self) -> u64 {
        0
    }
}

/// The conclusions that one detection draws from one event.
pub type Findings = Vec<Finding>;

/// One conclusion about the process of the event at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The branch of the rule that fired, such as `memfd`.
    pub variant: &'static str,
    /// The facts that make this finding a different one from another of the same
    /// variant and process image, such as the path of the mapped library. A process
    /// image is reported once per variant and subject.
    pub subject: Box<str>,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// How sure the rule is when nothing was lost, in percent.
    pub confidence: u8,
    /// What happened, in one sentence without a full stop.
    pub summary: String,
    /// Why the rule fired, and what spoke for or against it.
    pub reason: String,
    /// ATT&CK techniques, the most telling first. A detection always names one.
    pub techniques: Cow<'static, [Technique]>,
    /// Earlier events that the conclusion rests on, oldest first; the engine
    /// adds the event at hand.
    pub earlier: Vec<Evidence>,
    /// What the event at hand shows, in a few words.
    pub shows: String,
}
