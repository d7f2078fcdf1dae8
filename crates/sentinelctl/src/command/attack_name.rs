//! Names of attacks on the command line. There are some two hundred: a typo is met with
//! the one that was meant, not with all of them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StyledStr, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};

use super::simulate;

/// Takes the names of families and variants.
#[derive(Clone)]
pub struct AttackName(PossibleValuesParser);

impl AttackName {
    /// Every name that there is.
    pub fn parser() -> AttackName {
        AttackName(PossibleValuesParser::new(simulate::names()))
    }
}

impl TypedValueParser for AttackName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        self.0.parse_ref(command, arg, value).map_err(|mut error| {
            error.remove(ContextKind::ValidValue);
            let tip = StyledStr::from("'sentinelctl simulate --list' shows all there are");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}
