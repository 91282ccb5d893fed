//! The rules: how long a tenant's traces live, and what the rules come to for a block of a certain age.

use std::{collections::BTreeMap, time::Duration};

use model::Tenant;
use store::{Filter, TraceFilter};

use super::nanos;

/// How long what is kept.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Spans whose trace no rule names are kept so long.
    pub time: Duration,
    /// All blocks together take no more than this.
    pub bytes: Option<Quota>,
    /// Which traces are kept longer, or shorter.
    pub rules: Vec<Rule>,
    /// Tenants that have rules of their own.
    pub tenants: BTreeMap<Tenant, TenantRetention>,
}

/// What a tenant has of its own; the rest is as for everyone.
#[derive(Clone, Debug, Default)]
pub struct TenantRetention {
    /// Instead of [`Retention::time`].
    pub time: Option<Duration>,
    /// The tenant's blocks take no more than this.
    pub bytes: Option<u64>,
    /// Instead of [`Retention::rules`].
    pub rules: Option<Vec<Rule>>,
}

/// How much room blocks may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quota {
    /// So many bytes.
    Bytes(u64),
    /// This part of the disk that they lie on, from 0 to 1.
    OfDisk(f64),
}

impl Quota {
    /// The quota in bytes, on a disk of this size.
    pub fn bytes(self, disk_bytes: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::OfDisk(share) => (disk_bytes as f64 * share) as u64,
        }
    }
}

/// Keeps the traces that it matches for a time of its own. Where several match, the longest time counts.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is called in figures.
    pub name: String,
    /// The filter as it was written.
    pub text: String,
    /// One span of the trace passes this …
    pub spans: Filter,
    /// … and the trace as a whole this.
    pub trace: TraceFilter,
    /// How long.
    pub time: Duration,
}

/// A tenant may have so many rules; the configuration refuses more.
pub const RULES_MAX: usize = 32;

/// What holds for one tenant.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Traces that no rule matches are kept so long.
    pub time: Duration,
    /// The rules, of which the first [`RULES_MAX`] count.
    pub rules: &'a [Rule],
}

impl Retention {
    /// Everything is kept so long.
    pub fn of_time(time: Duration) -> Self {
        Self { time, bytes: None, rules: Vec::new(), tenants: BTreeMap::new() }
    }

    /// What holds for a tenant.
    pub fn of(&self, tenant: &str) -> Policy<'_> {
        // Asked for every batch that arrives: nothing is made where no tenant is special.
        let own = match self.tenants.is_empty() {
            true => None,
            false => Tenant::parse(tenant).and_then(|tenant| self.tenants.get(&tenant)),
        };
        Policy {
            time: own.and_then(|own| own.time).unwrap_or(self.time),
            rules: own.and_then(|own| own.rules.as_deref()).unwrap_or(&self.rules),
        }
    }

    /// What tells these rules from others: what was decided under others is decided anew. `unarchived` is the state's.
    pub fn fingerprint(&self, unarchived: u64) -> u32 {
        let mut text = format!("{unarchived} {:?}", self.time);
        for rule in &self.rules {
            text.push_str(&format!("\n{:?} {}", rule.time, rule.text));
        }
        for (tenant, own) in &self.tenants {
            text.push_str(&format!("\n\n{tenant} {:?}", own.time));
            for rule in own.rules.iter().flatten() {
                text.push_str(&format!("\n{:?} {}", rule.time, rule.text));
            }
        }
        crc32c::crc32c(text.as_bytes())
    }
}

impl Policy<'_> {
    /// The ages at which something may have to go.
    fn ages(&self) -> impl Iterator<Item = u64> {
        self.rules.iter().map(|rule| nanos(rule.time)).chain([nanos(self.time)])
    }

    /// The last age at which something may have had to go, for spans of this age; 0 where none has passed.
    pub fn passed(&self, age_ns: u64) -> u64 {
        self.ages().filter(|age| *age <= age_ns).max().unwrap_or(0)
    }

    /// The next age at which something may have to go.
    pub fn next(&self, age_ns: u64) -> Option<u64> {
        self.ages().filter(|age| *age > age_ns).min()
    }

    /// Nothing goes before this age.
    pub fn shortest(&self) -> u64 {
        self.ages().min().unwrap_or(0)
    }

    /// Nothing but the archive is kept beyond this age.
    pub fn longest(&self) -> u64 {
        self.ages().max().unwrap_or(0)
    }
}
