//! Spans on their way: OTLP bytes, a tenant, and a table of spans from one walk.
//!
//! A batch is cheap to clone and never changes. Merging concatenates bytes and selecting copies ranges: neither
//! decodes an attribute. Bounded by 4 GiB of bytes, since offsets are 32 bits.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use bytes::Bytes;

use crate::proto::Message;
use crate::time::UnixNanos;
use crate::walk::{Admitted, Malformed};
use crate::{Resource, Scope, Span, SpanId, Tenant, TraceId, otlp, rewrite, walk};

/// Spans of one tenant.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    tenant: Tenant,
    table: Arc<Table>,
}

/// Which batch one is: its clones have the same, and no other batch ever.
#[derive(Clone, Debug)]
pub struct Identity(Weak<Table>);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

/// A part of the batch's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub(crate) at: u32,
    pub(crate) length: u32,
}

/// What one walk found: where everything is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) resources: Vec<ResourceRow>,
    pub(crate) scopes: Vec<ScopeRow>,
    pub(crate) spans: Vec<SpanRow>,
}

/// Where a resource lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResourceRow {
    pub(crate) message: Part,
    pub(crate) schema_url: Part,
}

/// Where a scope lies and whose it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopeRow {
    pub(crate) resource: u32,
    pub(crate) message: Part,
    pub(crate) schema_url: Part,
}

/// What the walk notes of each span; all else is read from the bytes.
#[derive(Clone, Copy, Debug)]
pub struct SpanRow {
    /// The id of the trace.
    pub trace_id: TraceId,
    /// The id of the span.
    pub span_id: SpanId,
    /// The parent's id; zero where there is none.
    pub parent: SpanId,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended, as sent.
    pub end: UnixNanos,
    /// Index of the resource in the batch.
    pub resource: u32,
    /// Index of the scope in the batch.
    pub scope: u32,
    pub(crate) message: Part,
    pub(crate) name: Part,
    /// `SpanKind`, as sent (numbers over 255 read as 0).
    pub kind: u8,
    /// `StatusCode`, as sent (numbers over 255 read as 0).
    pub status: u8,
}

impl Batch {
    /// Takes a request in: walks it once, refuses what is no OTLP, rejects single spans without valid ids, and mends
    /// what can be mended (short ids, invalid UTF-8, values nested too deep), all of it counted.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are no `ExportTraceServiceRequest`; nothing of them is kept then.
    pub fn admit(bytes: Bytes, tenant: Tenant) -> Result<Admitted, Malformed> {
        let walked = walk::walk(&bytes)?;
        if !walked.needs_rewrite() {
            let batch = Self { bytes, tenant, table: Arc::new(walked.table) };
            return Ok(Admitted { batch, rejected: walked.rejected, mended: walked.mended });
        }
        let (bytes, mended) = rewrite::rewrite(&bytes);
        let again = walk::walk(&bytes)?;
        let batch = Self { bytes: bytes.into(), tenant, table: Arc::new(again.table) };
        Ok(Admitted { batch, rejected: walked.rejected, mended })
    }

    /// A batch of bytes that Faden wrote itself or has admitted before.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are no `ExportTraceServiceRequest`.
    pub fn read(bytes: Bytes, tenant: Tenant) -> Result<Self, Malformed> {
        Ok(Self::admit(bytes, tenant)?.batch)
    }

    /// What it takes in memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.table.spans.len() * size_of::<SpanRow>()
    }

    /// Which batch it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity(Arc::downgrade(&self.table))
    }

    /// True where it is this batch.
    #[must_use]
    pub fn is(&self, identity: &Identity) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.table), identity.0.as_ptr())
    }

    /// How many spans.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.spans.len()
    }

    /// True where there is no span.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.spans.is_empty()
    }

    /// Whose spans these are.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// An `ExportTraceServiceRequest`.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The table of spans, in the order of the bytes.
    #[must_use]
    pub fn rows(&self) -> &[SpanRow] {
        &self.table.spans
    }

    /// How many resources; their indexes stand in the rows.
    #[must_use]
    pub fn resource_count(&self) -> usize {
        self.table.resources.len()
    }

    /// How many scopes; their indexes stand in the rows.
    #[must_use]
    pub fn scope_count(&self) -> usize {
        self.table.scopes.len()
    }

    /// The span at a place below [`len`](Self::len).
    #[must_use]
    pub fn span(&self, place: usize) -> Span<'_> {
        Span::new(self, &self.table.spans[place])
    }

    /// All spans.
    pub fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        self.table.spans.iter().map(|row| Span::new(self, row))
    }

    /// The resource at an index that a row names.
    #[must_use]
    pub fn resource(&self, index: u32) -> Resource<'_> {
        let row = &self.table.resources[index as usize];
        Resource::new(self.slice(row.message), self.slice(row.schema_url))
    }

    /// The scope at an index that a row names.
    #[must_use]
    pub fn scope(&self, index: u32) -> Scope<'_> {
        Scope::new(self, &self.table.scopes[index as usize])
    }

    /// One batch of several of the same tenant, in order. `None` where there is nothing to merge.
    ///
    /// # Panics
    /// Where tenants differ or the sum is over 4 GiB: the caller bounds what it gathers.
    #[must_use]
    pub fn merge(parts: &[Self]) -> Option<Self> {
        let first = parts.first()?;
        if parts.len() == 1 {
            return Some(first.clone());
        }
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.bytes.len()).sum());
        let mut table = Table::default();
        for part in parts {
            assert_eq!(part.tenant, first.tenant, "a batch has one tenant");
            let by = u32::try_from(bytes.len()).expect("merged batches stay below 4 GiB");
            bytes.extend_from_slice(&part.bytes);
            table.append(&part.table, by);
        }
        assert!(u32::try_from(bytes.len()).is_ok(), "merged batches stay below 4 GiB");
        Some(Self { bytes: bytes.into(), tenant: first.tenant.clone(), table: Arc::new(table) })
    }

    /// The spans whose place is kept, with their resources and scopes.
    #[must_use]
    pub fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let places: Vec<usize> = (0..self.len()).filter(|place| keep(*place)).collect();
        if places.len() == self.len() {
            return self.clone();
        }
        let mut out = Message::with_capacity(self.length_of(&places));
        let mut places = places.into_iter().peekable();
        while let Some(first) = places.peek().copied() {
            out.message(otlp::request::RESOURCE_SPANS, |group| self.copy_resource(first, &mut places, group));
        }
        Self::read(out.into_bytes().into(), self.tenant.clone()).expect("ranges of a walked batch are OTLP")
    }

    /// How many bytes these spans take with their resources and scopes, about; never more than the batch.
    fn length_of(&self, places: &[usize]) -> usize {
        const TAGS: usize = 16;
        let length = |part: Part| part.length as usize + TAGS;
        let mut last = None;
        let spans = places.iter().map(|at| {
            let row = &self.table.spans[*at];
            let is_new = last.replace((row.resource, row.scope)) != Some((row.resource, row.scope));
            let resource = length(self.table.resources[row.resource as usize].message);
            let scope = length(self.table.scopes[row.scope as usize].message);
            length(row.message) + if is_new { resource + scope } else { 0 }
        });
        spans.sum::<usize>().min(self.bytes.len())
    }

    fn copy_resource(
        &self,
        first: usize,
        places: &mut std::iter::Peekable<impl Iterator<Item = usize>>,
        group: &mut Message,
    ) {
        let resource = self.table.spans[first].resource;
        let row = &self.table.resources[resource as usize];
        group.bytes(otlp::resource_spans::RESOURCE, self.slice(row.message));
        while let Some(at) = places.peek().copied().filter(|at| self.table.spans[*at].resource == resource) {
            let index = self.table.spans[at].scope;
            let scope = &self.table.scopes[index as usize];
            group.message(otlp::resource_spans::SCOPE_SPANS, |spans| {
                spans.bytes(otlp::scope_spans::SCOPE, self.slice(scope.message));
                while let Some(next) = places.next_if(|at| self.table.spans[*at].scope == index) {
                    spans.bytes(otlp::scope_spans::SPANS, self.slice(self.table.spans[next].message));
                }
                optional(spans, otlp::scope_spans::SCHEMA_URL, self.slice(scope.schema_url));
            });
        }
        optional(group, otlp::resource_spans::SCHEMA_URL, self.slice(row.schema_url));
    }

    #[inline]
    pub(crate) fn slice(&self, part: Part) -> &[u8] {
        &self.bytes[part.at as usize..(part.at + part.length) as usize]
    }
}

fn optional(message: &mut Message, number: u32, value: &[u8]) {
    if !value.is_empty() {
        message.bytes(number, value);
    }
}

impl Part {
    fn shifted(self, by: u32) -> Self {
        Self { at: self.at + by, ..self }
    }
}

impl Table {
    fn append(&mut self, other: &Self, by: u32) {
        let resources = self.resources.len() as u32;
        let scopes = self.scopes.len() as u32;
        self.resources.extend(other.resources.iter().map(|row| ResourceRow {
            message: row.message.shifted(by),
            schema_url: row.schema_url.shifted(by),
        }));
        self.scopes.extend(other.scopes.iter().map(|row| ScopeRow {
            resource: row.resource + resources,
            message: row.message.shifted(by),
            schema_url: row.schema_url.shifted(by),
        }));
        self.spans.extend(other.spans.iter().map(|row| SpanRow {
            resource: row.resource + resources,
            scope: row.scope + scopes,
            message: row.message.shifted(by),
            name: row.name.shifted(by),
            ..*row
        }));
    }
}

#[cfg(test)]
mod tests;
