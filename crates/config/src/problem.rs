//! What is wrong with a configuration, where, and what to do about it.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::PROBLEMS_MAX;
use crate::{KeyPath, Place};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but probably not as meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where it is written; nothing if it concerns the whole.
    pub place: Option<Place>,
    /// The keys that lead to it.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

impl Problem {
    /// An error at a place.
    pub fn error(place: &Place, path: &KeyPath, message: impl Into<String>) -> Self {
        Self {
            place: Some(place.clone()),
            path: path.to_string(),
            message: message.into(),
            remedy: None,
            severity: Severity::Error,
        }
    }

    /// An error that no line can be blamed for.
    pub fn general(message: impl Into<String>) -> Self {
        Self {
            place: None,
            path: String::new(),
            message: message.into(),
            remedy: None,
            severity: Severity::Error,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// Every problem found so far; shared by reference while a configuration is read.
#[derive(Default)]
pub struct Problems(Mutex<List>);

#[derive(Default)]
struct List {
    kept: Vec<Problem>,
    left_out: usize,
    errors: usize,
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; beyond [`PROBLEMS_MAX`] it is only counted.
    pub fn add(&self, problem: Problem) {
        let mut list = self.list();
        list.errors += usize::from(problem.severity == Severity::Error);
        if list.kept.len() < PROBLEMS_MAX {
            list.kept.push(problem);
        } else {
            list.left_out += 1;
        }
    }

    /// Whether the configuration cannot be used.
    pub fn has_errors(&self) -> bool {
        self.list().errors > 0
    }

    /// Whether there is neither error nor warning.
    pub fn is_empty(&self) -> bool {
        self.list().kept.is_empty()
    }

    /// All of them, in the order of the files.
    pub fn sorted(&self) -> Vec<Problem> {
        let mut problems = self.list().kept.clone();
        problems.sort_by(|a, b| a.place.cmp(&b.place).then(a.severity.cmp(&b.severity)));
        problems
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.list().left_out;
        let lines: Vec<String> = self.sorted().iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))?;
        match left_out {
            0 => Ok(()),
            count => write!(f, "\nand {count} more"),
        }
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Problems {}
