//! Names of what a span has: attributes by scope, and intrinsics.

use std::fmt;

use store::plan::{Field as Stored, Level};

/// Something of a span that a query can name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// An attribute.
    Attribute {
        /// Where it stands.
        scope: Scope,
        /// Its key.
        key: String,
        /// True for `parent.…`: of the span's parent.
        of_parent: bool,
    },
    /// Something that every span has.
    Intrinsic(Intrinsic),
}

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `.x`: on the span, else on its resource.
    Any,
    /// `span.x`
    Span,
    /// `resource.x`
    Resource,
    /// `event.x`: on one of its events.
    Event,
    /// `link.x`: on one of its links.
    Link,
    /// `instrumentation.x`: on the library that recorded it.
    Instrumentation,
}

impl Scope {
    /// Where a store looks for it.
    #[must_use]
    pub fn levels(self) -> &'static [Level] {
        match self {
            Self::Any => &[Level::Span, Level::Resource],
            Self::Span => &[Level::Span],
            Self::Resource => &[Level::Resource],
            Self::Event => &[Level::Event],
            Self::Link => &[Level::Link],
            Self::Instrumentation => &[Level::Scope],
        }
    }

    const ALL: [(&'static str, Self); 6] = [
        ("span.", Self::Span),
        ("resource.", Self::Resource),
        ("event.", Self::Event),
        ("link.", Self::Link),
        ("instrumentation.", Self::Instrumentation),
        (".", Self::Any),
    ];

    /// What stands before the key.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        Self::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(prefix, _)| *prefix)
    }
}

macro_rules! intrinsics {
    ($($(#[$doc:meta])* $name:ident = $($word:literal)|+;)+) => {
        /// Something that every span has, with the words for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Intrinsic { $($(#[$doc])* $name,)+ }

        const INTRINSICS: &[(&[&str], Intrinsic)] = &[$((&[$($word),+], Intrinsic::$name),)+];
    };
}

intrinsics! {
    /// From start to end.
    Duration = "duration" | "span:duration";
    /// The operation.
    Name = "name" | "span:name";
    /// The role.
    Kind = "kind" | "span:kind";
    /// Whether it failed.
    Status = "status" | "span:status";
    /// Why it failed.
    StatusMessage = "statusMessage" | "span:statusMessage";
    /// Sixteen hexadecimal digits.
    SpanId = "span:id";
    /// The id of the parent; none on a root.
    ParentId = "span:parentID";
    /// How many spans name it as their parent.
    ChildCount = "span:childCount" | "childCount";
    /// From the first start to the last end of its trace.
    TraceDuration = "traceDuration" | "trace:duration";
    /// The operation of the trace's root.
    RootName = "rootName" | "trace:rootName";
    /// The service of the trace's root.
    RootService = "rootServiceName" | "trace:rootService";
    /// Thirty-two hexadecimal digits.
    TraceId = "trace:id";
    /// The names of its events.
    EventName = "event:name";
    /// From the span's start to its events.
    EventTime = "event:timeSinceStart";
    /// The traces that it links to.
    LinkTraceId = "link:traceID";
    /// The spans that it links to.
    LinkSpanId = "link:spanID";
    /// The library that recorded it.
    ScopeName = "instrumentation:name";
    /// That library's version.
    ScopeVersion = "instrumentation:version";
    /// Its place before its descendants, from 1.
    NestedSetLeft = "nestedSetLeft";
    /// Its place after its descendants.
    NestedSetRight = "nestedSetRight";
    /// The `nestedSetLeft` of its parent, -1 on a root.
    NestedSetParent = "nestedSetParent";
}

impl Intrinsic {
    /// The usual word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        INTRINSICS.iter().find(|(_, other)| *other == self).map_or("", |(words, _)| words[0])
    }
}

impl Field {
    /// The field that a name stands for: `duration`, `.x`, `span.x`, `parent.resource.x`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub(super) fn parse(name: &str) -> Result<Self, (String, String)> {
        let intrinsic = INTRINSICS.iter().find(|(words, _)| words.contains(&name));
        if let Some((_, intrinsic)) = intrinsic {
            return Ok(Self::Intrinsic(*intrinsic));
        }
        let (rest, of_parent) = match name.strip_prefix("parent") {
            Some(rest) if rest.starts_with('.') => (rest, true),
            _ => (name, false),
        };
        let scoped = if of_parent { rest.strip_prefix('.').filter(|rest| is_scoped(rest)) } else { None };
        let rest = scoped.unwrap_or(rest);
        let known = Scope::ALL.iter().find_map(|(prefix, scope)| Some((rest.strip_prefix(prefix)?, *scope)));
        match known {
            Some(("", _)) => Err((
                format!("a key is missing after `{name}`"),
                format!("write `{name}http.request.method`"),
            )),
            Some((key, scope)) => Ok(Self::Attribute { scope, key: key.into(), of_parent }),
            None => Err((format!("`{name}` is not known"), advice(name))),
        }
    }
}

impl Field {
    /// What of a span, or of its parent, a store has to answer besides an outline for this to be known.
    #[must_use]
    pub fn stored(&self) -> Vec<Stored> {
        let intrinsic = match self {
            Self::Attribute { scope, key, .. } => {
                let levels = scope.levels().iter();
                return levels.map(|level| Stored::Attribute { level: *level, key: key.clone() }).collect();
            }
            Self::Intrinsic(intrinsic) => intrinsic,
        };
        match intrinsic {
            Intrinsic::StatusMessage => vec![Stored::StatusMessage],
            Intrinsic::EventName | Intrinsic::EventTime => vec![Stored::EventName],
            Intrinsic::LinkTraceId => vec![Stored::LinkTraceId],
            Intrinsic::LinkSpanId => vec![Stored::LinkSpanId],
            Intrinsic::ScopeName => vec![Stored::ScopeName],
            Intrinsic::ScopeVersion => vec![Stored::ScopeVersion],
            Intrinsic::Duration
            | Intrinsic::Name
            | Intrinsic::Kind
            | Intrinsic::Status
            | Intrinsic::SpanId
            | Intrinsic::ParentId
            | Intrinsic::ChildCount
            | Intrinsic::TraceDuration
            | Intrinsic::RootName
            | Intrinsic::RootService
            | Intrinsic::TraceId
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::NestedSetParent => Vec::new(),
        }
    }
}

fn is_scoped(name: &str) -> bool {
    Scope::ALL.iter().any(|(prefix, scope)| *scope != Scope::Any && name.starts_with(prefix))
}

fn advice(name: &str) -> String {
    let words = INTRINSICS.iter().flat_map(|(words, _)| words.iter());
    let near = words
        .map(|word| (strsim::damerau_levenshtein(word, name), *word))
        .filter(|(distance, word)| *distance * 3 <= word.len().max(3))
        .min();
    match near {
        Some((_, word)) => format!("did you mean `{word}`? For an attribute of that name write `.{name}`"),
        None => format!("for an attribute of that name write `.{name}`, for a text write \"{name}\""),
    }
}

impl std::str::FromStr for Field {
    type Err = String;

    /// Reads one name; quotes around a key, or a part of it, are taken off.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(&name.replace('"', "")).map_err(|(message, remedy)| format!("{message}; {remedy}"))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(intrinsic) => out.write_str(intrinsic.word()),
            Self::Attribute { scope, key, of_parent } => {
                let prefix = scope.prefix();
                match (of_parent, scope) {
                    (false, _) => out.write_str(prefix)?,
                    (true, Scope::Any) => out.write_str("parent.")?,
                    (true, _) => write!(out, "parent.{prefix}")?,
                }
                out.write_str(key)
            }
        }
    }
}
