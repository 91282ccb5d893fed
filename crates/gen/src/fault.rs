//! Faults that are asked for: `payment:latency+300ms`, `cart:error 20%`, `checkout:down`, `*:latency*2`.
//!
//! The word before the colon is a service's whole name, or else a part of it, or `*` for all. Latency and errors start
//! in the services that match and reach their callers as they would in reality.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::rate::duration;

/// One thing that goes wrong in some services.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// A service's name, a part of names, or `*`.
    pub service: String,
    /// What happens there.
    pub effect: Effect,
}

/// What happens in a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Each request it serves takes this much longer.
    Later(Duration),
    /// All that it does takes this many times as long, 1 or more.
    Slower(f64),
    /// This share of the requests it serves fails, `0.0..=1.0`.
    Error(f64),
    /// It does not answer: callers are refused, messages to it wait, and it makes no spans.
    Down,
}

/// Why a fault can't be had, and what would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultProblem(String);

impl FaultProblem {
    pub(crate) fn all_down<'a>(edges: impl Iterator<Item = &'a str>) -> Self {
        let edges = edges.collect::<Vec<_>>().join(", ");
        Self(format!("every service where requests enter is down ({edges}); leave one of them up"))
    }
}

impl fmt::Display for FaultProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for FaultProblem {}

const FORMS: &str = "write SERVICE:latency+300ms, SERVICE:latency*2, SERVICE:error20% or SERVICE:down";

impl FromStr for Fault {
    type Err = FaultProblem;

    fn from_str(text: &str) -> Result<Self, FaultProblem> {
        let problem = |what: String| FaultProblem(format!("fault `{text}`: {what}"));
        let (service, effect) =
            text.split_once(':').ok_or_else(|| problem(format!("there is no colon; {FORMS}")))?;
        let service = service.trim();
        if service.is_empty() {
            return Err(problem(format!(
                "no service is named before the colon; {FORMS}, with * for every service"
            )));
        }
        let effect = effect_of(effect.trim()).map_err(problem)?;
        if service == "*" && effect == Effect::Down {
            return Err(problem(
                "nothing would be left to send spans; name the services that are down".to_owned(),
            ));
        }
        Ok(Self { service: service.to_owned(), effect })
    }
}

fn effect_of(text: &str) -> Result<Effect, String> {
    if text == "down" {
        return Ok(Effect::Down);
    }
    if let Some(share) = text.strip_prefix("error") {
        return share_of(share).map(Effect::Error);
    }
    let Some(latency) = text.strip_prefix("latency").map(str::trim) else {
        return Err(format!("`{text}` is no effect; {FORMS}"));
    };
    if let Some(extra) = latency.strip_prefix('+') {
        let extra = duration(extra.trim());
        return extra
            .map(Effect::Later)
            .ok_or(format!("`{latency}` is no time; write latency+300ms or latency+2s"));
    }
    let factor = latency.strip_prefix('*').and_then(|factor| factor.trim().parse::<f64>().ok());
    match factor {
        Some(factor) if (1.0..=10_000.0).contains(&factor) => Ok(Effect::Slower(factor)),
        _ => Err(format!(
            "`{latency}` is no latency; write latency+300ms, or latency*2 with a factor from 1 to 10000"
        )),
    }
}

fn share_of(text: &str) -> Result<f64, String> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("`{}` is no share; write error20%, from 0% to 100%", text.trim())),
    }
}

/// What goes wrong in one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ailment {
    pub(crate) later_ns: u64,
    pub(crate) factor: f64,
    pub(crate) error: f64,
    pub(crate) down: bool,
}

impl Ailment {
    const NONE: Self = Self { later_ns: 0, factor: 1.0, error: 0.0, down: false };
}

/// What goes wrong in each service, by index.
pub(crate) fn ailments(faults: &[Fault], names: &[&str]) -> Result<Vec<Ailment>, FaultProblem> {
    let mut ailments = vec![Ailment::NONE; names.len()];
    for fault in faults {
        for place in matching(fault, names)? {
            let ailment = &mut ailments[place];
            match fault.effect {
                Effect::Later(extra) => ailment.later_ns += nanos(extra),
                Effect::Slower(factor) => ailment.factor *= factor,
                Effect::Error(share) => ailment.error = 1.0 - (1.0 - ailment.error) * (1.0 - share),
                Effect::Down => ailment.down = true,
            }
        }
    }
    Ok(ailments)
}

fn matching(fault: &Fault, names: &[&str]) -> Result<Vec<usize>, FaultProblem> {
    let places = |fits: &dyn Fn(&str) -> bool| (0..names.len()).filter(|place| fits(names[*place])).collect();
    let exact: Vec<usize> = places(&|name| fault.service == "*" || name == fault.service);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let partial: Vec<usize> = places(&|name| name.contains(&fault.service));
    if partial.is_empty() { Err(unknown(&fault.service, names)) } else { Ok(partial) }
}

fn unknown(wanted: &str, names: &[&str]) -> FaultProblem {
    let likeness = |name: &str| {
        let noun = name.split('-').next().unwrap_or(name);
        strsim::jaro_winkler(wanted, name).max(strsim::jaro_winkler(wanted, noun))
    };
    let best = names.iter().rev().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let hint = match best {
        Some(name) if likeness(name) > 0.75 => format!("did you mean `{name}`?"),
        _ => {
            format!("services are called {}, …", names.iter().take(6).copied().collect::<Vec<_>>().join(", "))
        }
    };
    FaultProblem(format!(
        "fault for `{wanted}`: none of the {} services has this in its name; {hint}",
        names.len()
    ))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(LATER_NS_MAX)
}

/// More latency than an hour is taken as an hour, so that times stay within what OTLP can express.
const LATER_NS_MAX: u64 = 3_600_000_000_000;

#[cfg(test)]
mod tests;
