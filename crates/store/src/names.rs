//! Counts the services, operations, keys or values that spans carry, each once for a span.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::{Attributes, Span};

use crate::eval;
use crate::plan::{Ask, Level};

/// A name and how many spans carry it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The service, operation, key or value.
    pub name: String,
    /// For a service: `service`; for an operation: the span kind's word; for a key: its level's word; for a value: its
    /// type's word ([`eval::type_word`]).
    pub kind: &'static str,
    /// Spans that carry it; one that was sent twice counts once.
    pub spans: u64,
}

/// How many spans carry each name.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<&'static str, HashMap<String, u64, FixedState>>);

impl Counts {
    /// Counts spans that carry a name.
    pub fn add(&mut self, name: &str, kind: &'static str, spans: u64) {
        let of_kind = self.0.entry(kind).or_default();
        match of_kind.get_mut(name) {
            Some(count) => *count += spans,
            None => _ = of_kind.insert(name.to_owned(), spans),
        }
    }

    /// Takes spans out that other counts have.
    pub fn take_out(&mut self, other: &Self) {
        for (kind, counts) in &other.0 {
            let Some(of_kind) = self.0.get_mut(kind) else { continue };
            for (name, spans) in counts {
                if let Some(count) = of_kind.get_mut(name) {
                    *count = count.saturating_sub(*spans);
                }
            }
        }
    }

    /// The rows in the order of an answer.
    #[must_use]
    pub fn finish(self) -> Vec<Name> {
        let mut names: Vec<Name> = Vec::new();
        for (kind, counts) in self.0 {
            let there = counts.into_iter().filter(|(_, spans)| *spans > 0);
            names.extend(there.map(|(name, spans)| Name { name, kind, spans }));
        }
        names.sort_unstable();
        names
    }
}

/// The names of the spans of one batch, counted without copying them.
#[derive(Debug, Default)]
pub struct OfBatch<'a> {
    numbers: HashMap<(Cow<'a, str>, &'static str), usize, FixedState>,
    /// How many spans carry a name, and which of them was the last.
    counts: Vec<(u64, u64)>,
    seen: u64,
    /// The keys of resources and scopes, by their indexes: each is read once.
    resources: HashMap<u32, Vec<usize>, FixedState>,
    scopes: HashMap<u32, Vec<usize>, FixedState>,
}

impl<'a> OfBatch<'a> {
    /// Counts what the question asks for in a span.
    pub fn count(&mut self, ask: &Ask, span: Span<'a>) {
        self.seen += 1;
        match ask {
            Ask::Services => self.name(span.service().into(), "service"),
            Ask::Operations => self.name(span.name().into(), span.kind().as_str()),
            Ask::Keys => self.keys(span),
            Ask::Values { key, level } => {
                eval::any_attribute(*level, span, &mut |attributes| {
                    for value in attributes.values_of(key) {
                        self.name(value.to_text(), eval::type_word(value));
                    }
                    false
                });
            }
            Ask::Traces
            | Ask::Outlines(_)
            | Ask::Spans(_)
            | Ask::Marks
            | Ask::Summaries
            | Ask::Edges
            | Ask::Uses
            | Ask::Metrics { .. } => {}
        }
    }

    fn keys(&mut self, span: Span<'a>) {
        let mut resources = std::mem::take(&mut self.resources);
        let mut scopes = std::mem::take(&mut self.scopes);
        let known = resources.entry(span.row().resource);
        let known = known.or_insert_with(|| self.numbered(Level::Resource, span.resource().attributes()));
        known.iter().for_each(|number| self.carried(*number));
        let known = scopes.entry(span.row().scope);
        let known = known.or_insert_with(|| self.numbered(Level::Scope, span.scope().attributes()));
        known.iter().for_each(|number| self.carried(*number));
        (self.resources, self.scopes) = (resources, scopes);
        for level in [Level::Span, Level::Event, Level::Link] {
            eval::any_attribute(level, span, &mut |attributes| {
                attributes.for_each(|attribute| self.name(attribute.key.into(), level.as_str()));
                false
            });
        }
    }

    fn numbered(&mut self, level: Level, attributes: Attributes<'a>) -> Vec<usize> {
        attributes.map(|attribute| self.number(attribute.key.into(), level.as_str())).collect()
    }

    fn number(&mut self, name: Cow<'a, str>, kind: &'static str) -> usize {
        let number = *self.numbers.entry((name, kind)).or_insert(self.counts.len());
        if number == self.counts.len() {
            self.counts.push((0, 0));
        }
        number
    }

    fn name(&mut self, name: Cow<'a, str>, kind: &'static str) {
        let number = self.number(name, kind);
        self.carried(number);
    }

    /// Counts the span for a name, once however often it carries it.
    fn carried(&mut self, number: usize) {
        let (spans, last) = &mut self.counts[number];
        if *last != self.seen {
            (*spans, *last) = (*spans + 1, self.seen);
        }
    }

    /// Adds what was counted to other counts.
    pub fn add_to(self, counts: &mut Counts) {
        for ((name, kind), number) in self.numbers {
            counts.add(&name, kind, self.counts[number].0);
        }
    }
}
