//! `faden tail`: spans as they are accepted.

use clap::Args;
use http_body_util::BodyExt;
use query::answer::Seen;
use serde::Deserialize;

use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// An event that is longer is not shown.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// Watch spans as they are accepted
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden tail\n  faden tail 'service = payment && status = error'\n  faden tail --json 'duration > 1s' | jq .span.name\n\nA viewer that is too slow misses spans and is told how many; the server never waits for it."
)]
pub struct Arguments {
    /// Conditions on one span, as in `faden search`
    query: Option<String>,
    /// Each span as a line of JSON
    #[arg(long)]
    json: bool,
    /// End after so many spans
    #[arg(long, short = 'n', value_name = "SPANS")]
    limit: Option<u64>,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let api = Api::new(&arguments.server.url)?;
    super::block_on(watch(arguments, &api, term::stdout_paint(color)))
}

async fn watch(arguments: &Arguments, api: &Api, paint: Paint) -> Ended {
    let query: Vec<(&str, String)> = arguments.query.iter().map(|query| ("q", query.clone())).collect();
    let mut body = api.open("/tail", &query).await?;
    let mut events = Events::default();
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|cause| Failure::problem(format!("the server ended the stream: {cause}")))?;
        let Ok(bytes) = frame.into_data() else { continue };
        for event in events.add(&bytes)? {
            if left == 0 {
                return Ok(Exit::Good);
            }
            if show(&event, arguments.json, paint)? {
                left -= 1;
            }
        }
        if left == 0 {
            return Ok(Exit::Good);
        }
    }
    Err(Failure::problem("the server ended the stream"))
}

/// How many spans the server left out.
#[derive(Deserialize)]
struct Missed {
    spans: u64,
}

/// Shows an event; true if it was a span.
fn show(event: &Event, is_json: bool, paint: Paint) -> Result<bool, Failure> {
    if event.name == "missed" {
        let Missed { spans } = serde_json::from_str(&event.data)
            .map_err(|cause| Failure::problem(format!("the server did not say what was missed: {cause}")))?;
        let line = format!("{spans} spans went by unseen: they came faster than they were taken\n");
        term::complain(&paint.ink(Ink::Yellow, &line));
        return Ok(false);
    }
    if event.data.is_empty() || !matches!(event.name.as_str(), "" | "message" | "span") {
        return Ok(false);
    }
    if is_json {
        term::say(&format!("{}\n", event.data));
        return Ok(true);
    }
    let seen: Seen = serde_json::from_str(&event.data)
        .map_err(|cause| Failure::problem(format!("the server sent no span: {cause}")))?;
    term::say(&line(&seen, paint));
    Ok(true)
}

fn line(seen: &Seen, paint: Paint) -> String {
    let span = &seen.span;
    let names = format!("{} {}", text::harmless(&span.service), text::harmless(&span.name));
    let is_error = span.status == "error";
    let names = paint.ink(if is_error { Ink::Red } else { Ink::Plain }, &names);
    let why = if is_error && !span.status_message.is_empty() {
        paint.ink(Ink::Red, &format!("  {}", text::harmless(&span.status_message)))
    } else {
        String::new()
    };
    let (time, id) = (text::moment(span.start.0), text::harmless(&seen.trace_id));
    let time = paint.ink(Ink::Dim, time.get(11..).unwrap_or_default());
    format!("{time}  {}  {:>9}  {names}{why}\n", paint.ink(Ink::Dim, &id), text::duration(span.duration.0))
}

/// Takes a stream of server-sent events apart.
#[derive(Default)]
struct Events {
    rest: Vec<u8>,
    event: Event,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

impl Events {
    fn add(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Failure> {
        self.rest.extend_from_slice(bytes);
        let mut done = Vec::new();
        let mut from = 0;
        while let Some(length) = self.rest[from..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[from..from + length]).into_owned();
            from += length + 1;
            self.line(line.trim_end_matches('\r'), &mut done);
        }
        self.rest.drain(..from);
        if self.rest.len() + self.event.data.len() > EVENT_BYTES_MAX {
            return Err(Failure::problem(format!(
                "the server sent an event of more than {EVENT_BYTES_MAX} bytes"
            )));
        }
        Ok(done)
    }

    fn line(&mut self, line: &str, done: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if event != Event::default() {
                done.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event.name = value.to_owned(),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_stream_is_cut() {
        let stream =
            b": hello\n\nevent: span\ndata: {\"a\":1}\nid: 7\n\ndata: x\r\ndata: y\r\n\r\ndata: unfinished";
        let expected = [
            Event { name: "span".into(), data: "{\"a\":1}".into() },
            Event { name: String::new(), data: "x\ny".into() },
        ];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let seen: Vec<Event> =
                stream.chunks(size).flat_map(|piece| events.add(piece).expect("it is short")).collect();
            assert_eq!(seen, expected, "pieces of {size}");
        }
    }
}
