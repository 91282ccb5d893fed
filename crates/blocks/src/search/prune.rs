//! Which pages may hold a span that passes: asked of the index, before anything of the page is read.
//!
//! "May" errs on one side only: a page that is left out certainly holds no such span.

use model::{Kind, StatusCode, TraceId, Value};
use store::eval;
use store::plan::{Compare, Condition, Field, Filter, Operand, Plan};

use super::mask::{Evaluator, dictionary_leaf};
use super::values::{self, Source};
use crate::columns::schema::leaf;
use crate::error::Result;
use crate::index::tokens::{KeyToken, link_token};

impl Evaluator<'_> {
    /// False where no span of the page is one that the plan looks for.
    pub(super) fn may_hold(&mut self, plan: &Plan, number: usize) -> Result<bool> {
        let zone = self.zones[number];
        if plan.ids.is_none() && !plan.time.overlaps(zone.start_min, zone.start_max) {
            return Ok(false);
        }
        self.may(&plan.spans, number)
    }

    fn may(&mut self, filter: &Filter, number: usize) -> Result<bool> {
        match filter {
            Filter::All | Filter::Not(_) => Ok(true),
            Filter::Is(condition) => self.may_compare(condition, number),
            Filter::And(all) => {
                for filter in all {
                    if !self.may(filter, number)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Or(any) => {
                for filter in any {
                    if self.may(filter, number)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn may_compare(&mut self, condition: &Condition, number: usize) -> Result<bool> {
        if condition.compare == Compare::Missing {
            return Ok(true);
        }
        for source in values::sources(&condition.field, self.place, &self.keys) {
            if self.source_may(condition, source, number)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn source_may(&mut self, condition: &Condition, source: Source, number: usize) -> Result<bool> {
        let zone = self.zones[number];
        let compare = condition.compare;
        let one_of = |bits: u8, words: &[&'static str]| {
            words
                .iter()
                .enumerate()
                .any(|(code, word)| bits >> code & 1 == 1 && eval::holds_of(condition, Value::Text(word)))
        };
        match source {
            Source::Kind => return Ok(one_of(zone.kinds, &KINDS.map(Kind::as_str))),
            Source::Status => return Ok(one_of(zone.statuses, &STATUSES.map(StatusCode::as_str))),
            Source::Duration => return Ok(duration_may(condition, zone.duration_min, zone.duration_max)),
            _ => {}
        }
        if matches!(compare, Compare::Exists | Compare::Unequal | Compare::MatchesNot) {
            return Ok(true);
        }
        if has_dictionary(self, source) {
            return self.dictionary_may(condition, compare, source);
        }
        self.token_may(condition, source, number)
    }

    fn token_may(&mut self, condition: &Condition, source: Source, number: usize) -> Result<bool> {
        if let (Field::LinkTraceId, Compare::Equal, Operand::Text(text)) =
            (&condition.field, condition.compare, &condition.operand)
            && self.place.group.has_links
            && let Some(to) = TraceId::parse(text)
        {
            return self.may_hold_token(link_token(to), number);
        }
        let level = match source {
            Source::Column { level, leaf, .. } if self.is_text(leaf) => level,
            Source::Tail { level, .. } => level,
            _ => return Ok(true),
        };
        let (Compare::Equal, Operand::Text(text), Field::Attribute { key, .. }) =
            (condition.compare, &condition.operand, &condition.field)
        else {
            return Ok(true);
        };
        let token = KeyToken::new(level, key).with(text.as_bytes());
        self.may_hold_token(token, number)
    }

    fn is_text(&self, leaf: usize) -> bool {
        self.place.view.layout.leaves[leaf].kind == crate::columns::schema::Kind::Text
    }
}

fn has_dictionary(evaluator: &Evaluator<'_>, source: Source) -> bool {
    let is_keyed = dictionary_leaf(source).filter(|at| *at >= leaf::FIXED || *at == leaf::NAME);
    is_keyed.is_some_and(|leaf| evaluator.reader.parts[leaf].dictionary.is_some())
}

const KINDS: [Kind; 6] =
    [Kind::Unspecified, Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer];

const STATUSES: [StatusCode; 3] = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];

/// False where no span passes that takes no longer than this.
pub(super) fn takes(filter: &Filter, longest: u64) -> bool {
    match filter {
        Filter::Is(condition) if condition.field == Field::Duration => duration_may(condition, 0, longest),
        Filter::And(all) => all.iter().all(|filter| takes(filter, longest)),
        Filter::Or(any) => any.iter().any(|filter| takes(filter, longest)),
        _ => true,
    }
}

/// False where no duration between these passes.
pub(super) fn duration_may(condition: &Condition, min: u64, max: u64) -> bool {
    let value = |duration: u64| Value::Int(i64::try_from(duration).unwrap_or(i64::MAX));
    let holds = |compare, duration| eval::compares(compare, value(duration), &condition.operand);
    match condition.compare {
        Compare::Greater | Compare::AtLeast => holds(condition.compare, max),
        Compare::Less | Compare::AtMost => holds(condition.compare, min),
        Compare::Equal
            if matches!(condition.operand, Operand::Int(_) | Operand::Number(_) | Operand::Numeral(_)) =>
        {
            holds(Compare::AtLeast, max) && holds(Compare::AtMost, min)
        }
        _ => true,
    }
}
