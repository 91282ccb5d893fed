//! The flags that say of which time spans are asked for.

use clap::Args;

/// When spans start.
#[derive(Debug, Args)]
pub struct Period {
    /// Spans of the last while, such as 15m or 2d
    #[arg(long, value_name = "DURATION")]
    last: Option<String>,
    /// Spans that start at this time or later
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    start: Option<String>,
    /// Spans that start before this time
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    end: Option<String>,
}

impl Period {
    /// As the API takes them.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let given = [("last", &self.last), ("start", &self.start), ("end", &self.end)];
        given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)))
    }
}
