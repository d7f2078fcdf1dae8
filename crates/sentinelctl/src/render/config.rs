//! Settings, and what a reload did.

use sentinel_api::v1::GetConfigResponse;
use sentinel_event::text::escape;

use super::table::{Row, styled, table, text};
use super::{DIM, KIND, Look, PLAIN, WARN};

/// Every setting with its value and where that comes from.
pub fn settings(config: &GetConfigResponse, look: &Look) -> String {
    let rows = config.settings.iter().map(|setting| {
        let style = match &*setting.origin {
            "default" => DIM,
            "flag" => WARN,
            _ => KIND,
        };
        let reload = if setting.reloadable { "reload" } else { "" };
        let cells = vec![
            text(&setting.key),
            styled(style, &setting.origin),
            styled(DIM, reload),
            styled(PLAIN, &setting.value),
        ];
        Row::from(cells)
    });
    let names = ["SETTING", "FROM", "APPLIED BY", "VALUE"];
    let table = table(look, &names, rows.collect());
    format!("File: {}\n\n{}", escape(&config.file), table.text())
}

/// What is in use now.
pub fn applied(keys: &[String]) -> String {
    match keys.is_empty() {
        true => "nothing changed that a reload applies".to_owned(),
        false => format!("applied {}", listed(keys)),
    }
}

/// What is not, and the next step.
pub fn needs_restart(keys: &[String]) -> String {
    format!(
        "{} takes a restart: systemctl restart sentinel",
        listed(keys)
    )
}

fn listed(keys: &[String]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| escape(key)).collect();
    keys.join(", ")
}
