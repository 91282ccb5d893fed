//! What stands beside the spans of a trace in Jaeger's form: processes, display ids, references and warnings.

use std::collections::{HashMap, HashSet};

use model::{Resource, SpanId, Trace};

use super::Form;

pub(crate) struct Structure<'a> {
    trace: &'a Trace,
    form: Form,
    /// The distinct resources, in the order of their first spans.
    pub(super) processes: Vec<Resource<'a>>,
    process_of: Vec<usize>,
    ids: Vec<SpanId>,
}

impl<'a> Structure<'a> {
    pub(crate) fn of(trace: &'a Trace, form: Form) -> Self {
        let mut numbers: HashMap<(u32, u32), usize> = HashMap::new();
        let mut by_content: HashMap<&[u8], usize> = HashMap::new();
        let mut processes = Vec::new();
        let process_of = trace.nodes().iter().map(|node| {
            *numbers.entry(trace.resource_key(node)).or_insert_with(|| {
                let resource = trace.span(node).resource();
                *by_content.entry(resource.raw()).or_insert_with(|| {
                    processes.push(resource);
                    processes.len() - 1
                })
            })
        });
        let process_of = process_of.collect();
        Self { trace, form, processes, process_of, ids: ids(trace, form) }
    }

    pub(super) fn process(&self, place: usize) -> usize {
        self.process_of[place]
    }

    /// The id that is shown.
    pub(crate) fn id(&self, place: usize) -> SpanId {
        self.ids[place]
    }

    /// The parent's id that is shown; also where the parent itself is missing, but not where it closes a circle.
    pub(crate) fn parent(&self, place: usize) -> Option<SpanId> {
        let node = &self.trace.nodes()[place];
        let given = self.trace.span(node).parent();
        match (self.form, node.parent) {
            (Form::Raw, _) => given,
            (Form::Adjusted, Some(parent)) => Some(self.ids[parent as usize]),
            (Form::Adjusted, None) => given.filter(|_| node.is_orphan),
        }
    }

    /// What a reader should know before trusting the picture.
    pub(crate) fn warnings(&self, place: usize) -> Vec<String> {
        let node = &self.trace.nodes()[place];
        let span = self.trace.span(node);
        let mut warnings = Vec::new();
        if span.end() < span.start() {
            warnings.push(format!(
                "the span ends {} ns before it starts; duration set to 0",
                span.start() - span.end()
            ));
        }
        match (span.parent(), node.parent) {
            (Some(parent), None) if node.is_orphan => {
                warnings.push(format!("the parent span {parent} is not in the trace"));
            }
            (Some(parent), None) => {
                warnings
                    .push(format!("the parent span {parent} is this span or one below it; shown as a root"));
            }
            _ => {}
        }
        if self.id(place) != span.span_id() {
            warnings.push(format!(
                "the span shares its id {} with another span; shown with an id of its own",
                span.span_id()
            ));
        }
        warnings
    }
}

/// The ids of all spans; where one comes again, and the form asks for it, the next free number.
fn ids(trace: &Trace, form: Form) -> Vec<SpanId> {
    let given: Vec<SpanId> = trace.spans().map(|span| span.span_id()).collect();
    if form == Form::Raw {
        return given;
    }
    let mut taken: HashSet<SpanId> = given.iter().copied().collect();
    let mut seen: HashSet<SpanId> = HashSet::with_capacity(given.len());
    let distinct = |id: SpanId| {
        if seen.insert(id) {
            return id;
        }
        let mut number = u64::from_be_bytes(id.0);
        loop {
            number = number.wrapping_add(1).max(1);
            let free = SpanId(number.to_be_bytes());
            if taken.insert(free) {
                return free;
            }
        }
    };
    given.iter().copied().map(distinct).collect()
}
