//! Which spans an analysis is about: the flags that several commands share.

use clap::Args;

use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, Ink, When};
use crate::text;

/// The spans that are asked about.
#[derive(Clone, Debug, Args)]
pub struct Scope {
    /// Spans that a TraceQL query matches, such as '{ status = error }'
    #[arg(short, long, value_name = "QUERY")]
    pub query: Option<String>,
    /// Spans of this service
    #[arg(long, short, value_name = "NAME")]
    pub service: Option<String>,
    /// Spans of the last while, such as 15m or 2d
    #[arg(long, value_name = "DURATION")]
    pub last: Option<String>,
    /// Spans that start at this time or later
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub start: Option<String>,
    /// Spans that start before this time
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub end: Option<String>,
    /// The answer of the API instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: Server,
}

impl Scope {
    /// The parameters of the API.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("q", &self.query),
            ("service", &self.service),
            ("last", &self.last),
            ("start", &self.start),
            ("end", &self.end),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }

    /// Asks the API; prints its answer where JSON is wanted, else what `tell` makes of it.
    pub fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        tell: impl FnOnce(T) -> Exit,
    ) -> Ended {
        let api = Api::new(&self.server.url)?;
        let body = super::block_on(api.bytes(path, parameters))?;
        shown(&body, self.json, tell)
    }
}

/// Prints an answer as it is, or what `tell` makes of it.
pub fn shown<T: serde::de::DeserializeOwned>(
    body: &[u8],
    is_json: bool,
    tell: impl FnOnce(T) -> Exit,
) -> Ended {
    if is_json {
        term::say(&String::from_utf8_lossy(body));
        term::say("\n");
        return Ok(Exit::Good);
    }
    let answer = serde_json::from_slice(body).map_err(|cause| {
        Failure::problem(format!("the server answers in another language ({cause}); is it another version?"))
    })?;
    Ok(tell(answer))
}

/// Says why rows may be missing.
pub fn remark(partial: Option<&String>, color: When) {
    if let Some(why) = partial {
        let paint = term::stderr_paint(color);
        term::complain(&paint.ink(Ink::Yellow, &format!("not all of it: {}\n", text::harmless(why))));
    }
}

/// A part of a whole in percent.
pub fn percent(share: f64) -> String {
    if share == 0.0 { "–".to_owned() } else { format!("{:.1}%", share * 100.0) }
}
