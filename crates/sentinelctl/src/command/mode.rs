//! `sentinelctl mode`: which mode the sensor is in, and the switch.

use clap::ValueEnum;
use jiff::{Span, SpanRelativeTo, Unit};
use sentinel_api::v1::{self, GetModeRequest, SetModeRequest};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `mode`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The mode to switch to; without it, the mode is only shown.
    mode: Option<Mode>,
    /// Only for so long, such as 7d or 12h; the other mode follows by itself.
    #[arg(long = "for", value_name = "SPAN", requires = "mode", value_parser = span_seconds)]
    for_seconds: Option<u64>,
}

fn span_seconds(text: &str) -> Result<u64, String> {
    let span: Option<Span> = text.parse().ok();
    let day = SpanRelativeTo::days_are_24_hours();
    let seconds = span.and_then(|span| span.total((Unit::Second, day)).ok());
    seconds
        .filter(|seconds| (1.0..1e10).contains(seconds))
        .map(|seconds| seconds as u64)
        .ok_or_else(|| "expected a span such as 12h or 7d".to_owned())
}

/// The modes that one can switch to.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Learn what is normal; known attacks are alerted, anomalies are not
    Learn,
    /// Alert on anomalies too
    Detect,
}

/// Shows the mode, after the switch if one was asked for.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let state = match args.mode {
        None => client::answer(client.get_mode(GetModeRequest {})).await?,
        Some(mode) => {
            let mode = match mode {
                Mode::Learn => v1::Mode::Learn,
                Mode::Detect => v1::Mode::Detect,
            };
            let request = SetModeRequest {
                mode: mode.into(),
                for_seconds: args.for_seconds.unwrap_or(0),
            };
            client::answer(client.set_mode(request)).await?
        }
    };
    if output.json {
        return output.line(&json::message("ModeState", &state)?);
    }
    output.line(&render::status::mode(&state, &output.look))
}
