//! Rules about what other rules match: so many in a time, so many different values, or
//! one after another. The counting is the engine's; this file hands it matches and bounds
//! what it may remember.

use rsigma_eval::{CorrelationAction, CorrelationConfig, CorrelationEngine, EvaluationResult};
use rsigma_parser::{CorrelationRule, SigmaCollection, SigmaRule};

use crate::view::View;

/// Groups that are counted at the same time; beyond it those that were quiet for the
/// longest time are forgotten.
const GROUPS_MAX: usize = 20_000;
/// Matches remembered of one group.
const ENTRIES_MAX: usize = 2_000;

/// Counts matches.
pub struct Correlations {
    engine: CorrelationEngine,
}

/// A correlation that came true.
pub struct Fired {
    /// Its id.
    pub id: String,
    /// What was counted, or measured.
    pub value: f64,
    /// Within this time, in seconds.
    pub seconds: u64,
    /// By what the matches were grouped: fields and values.
    pub group: Vec<(String, String)>,
}

impl Correlations {
    /// Nothing is counted.
    pub fn new() -> Correlations {
        let config = CorrelationConfig {
            max_state_entries: GROUPS_MAX,
            max_group_entries: Some(ENTRIES_MAX),
            // One alert for so many, and then the count begins anew.
            action_on_match: CorrelationAction::Reset,
            ..CorrelationConfig::default()
        };
        Correlations {
            engine: CorrelationEngine::new(config),
        }
    }

    /// Takes over the rules whose matches are counted.
    pub fn count(&mut self, rules: Vec<SigmaRule>) -> Result<(), String> {
        let mut collection = SigmaCollection::new();
        collection.rules = rules;
        self.add(&collection)
    }

    /// Takes over a correlation; its rules come first.
    pub fn add_rule(&mut self, rule: &CorrelationRule) -> Result<(), String> {
        let added = self.engine.add_correlation(rule);
        added.map_err(|error| error.to_string())?;
        // Also looks for rules that are not there and for circles.
        self.add(&SigmaCollection::new())
    }

    fn add(&mut self, collection: &SigmaCollection) -> Result<(), String> {
        let added = self.engine.add_collection(collection);
        added.map_err(|error| error.to_string())
    }

    /// Counts what matched one event, and says what came true by that.
    pub fn observe(&mut self, view: &View<'_>, matched: Vec<EvaluationResult>) -> Vec<Fired> {
        let seconds = view.event.time_ns.div_euclid(1_000_000_000);
        let results = self.engine.process_with_detections(view, matched, seconds);
        let fired = results.into_iter().filter_map(|result| {
            let correlation = result.as_correlation()?;
            Some(Fired {
                value: correlation.aggregated_value,
                seconds: correlation.timespan_secs,
                group: correlation.group_key.clone(),
                id: result.header.rule_id?,
            })
        });
        fired.collect()
    }
}
