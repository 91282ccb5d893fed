//! Which row groups may hold a span that passes: asked of the lookups, before anything of the row group is read.
//!
//! "May" errs on one side only: a row group that is left out certainly holds no such span.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::TraceId;
use model::view::UNKNOWN_SERVICE;
use store::Level;
use store::plan::{Compare, Condition, Field, Filter, Operand, Plan};

use super::{Place, Run};
use crate::columns::conventions::SERVICE;
use crate::columns::schema::{EXCEPTION_KEYS, Kind, leaf};
use crate::error::Result;
use crate::index::Found;
use crate::index::tokens::{KeyToken, NAME_KEY, link_token};

/// The levels at which keys are looked up.
const LEVELS: [Level; 5] = [Level::Resource, Level::Scope, Level::Span, Level::Event, Level::Link];

/// What was looked up: for a block's index, by address, a set of its row groups and a token, the places that have it.
pub(super) type Sought = HashMap<(usize, u32, u64), Vec<u32>, FixedState>;

impl Run<'_> {
    /// False where no span of the row group is one that the plan looks for. What can't be looked up may pass.
    pub(super) fn may_pass(&mut self, plan: &Plan, place: Place<'_>) -> bool {
        let (first, last) = place.group.extent;
        let is_in_time = plan.ids.is_some() || plan.time.overlaps(first, last);
        let may = is_in_time && may(&mut self.sought, &plan.spans, place).unwrap_or(true);
        if !may {
            self.work.pages_pruned += place.group.pages() as u64;
        }
        may
    }
}

fn may(sought: &mut Sought, filter: &Filter, place: Place<'_>) -> Result<bool> {
    match filter {
        Filter::All | Filter::Not(_) => Ok(true),
        Filter::Is(condition) => may_compare(sought, condition, place),
        Filter::And(all) => {
            for filter in all {
                if !may(sought, filter, place)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Or(any) => {
            for filter in any {
                if may(sought, filter, place)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn may_compare(sought: &mut Sought, condition: &Condition, place: Place<'_>) -> Result<bool> {
    let (Compare::Equal, Operand::Text(text)) = (condition.compare, &condition.operand) else {
        return Ok(true);
    };
    if condition.field == Field::LinkTraceId
        && place.group.has_links
        && let Some(to) = TraceId::parse(text)
    {
        return Ok(found(sought, link_token(to), place)?.pages != 0);
    }
    let mut is_found = |token: KeyToken| found(sought, token.with(text.as_bytes()), place);
    match &condition.field {
        Field::Service if text != UNKNOWN_SERVICE => {
            let (level, key) = place.view.layout.key(leaf::FIXED + SERVICE).unwrap_or((Level::Resource, ""));
            let found = is_found(KeyToken::new(level, key))?;
            Ok(found.pages != 0 || found.in_dictionary)
        }
        Field::Name => {
            let found = is_found(KeyToken::new(Level::Any, NAME_KEY))?;
            Ok(found.pages != 0 || found.in_dictionary)
        }
        Field::Attribute { level, key } => {
            for level in LEVELS.into_iter().filter(|other| [Level::Any, *other].contains(level)) {
                if level == Level::Event && EXCEPTION_KEYS.contains(&key.as_str()) {
                    return Ok(true);
                }
                if is_found(KeyToken::new(level, key))?.pages != 0 {
                    return Ok(true);
                }
                let Some((column, _)) = place.view.layout.find(level, key) else { continue };
                if place.view.layout.leaves[column].kind != Kind::Text {
                    return Ok(true);
                }
                // A dictionary is looked up under the name of its column, which may be a newer one.
                let named = place.view.layout.key(column).map_or("", |(_, key)| key);
                if is_found(KeyToken::new(level, named))?.in_dictionary {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(true),
    }
}

fn found(sought: &mut Sought, token: u64, place: Place<'_>) -> Result<Found> {
    let group = place.group;
    let Some(set) = group.set() else { return Ok(group.found(&group.with_token(token)?)) };
    let key = (std::ptr::from_ref(group.index()).addr(), set, token);
    if let Some(known) = sought.get(&key) {
        return Ok(group.found(known));
    }
    let places = group.with_token(token)?;
    let found = group.found(&places);
    sought.insert(key, places);
    Ok(found)
}
