//! Puts tokens together.
//!
//! ```text
//! question   = [ "{" [ joined ] "}" | joined ]
//! joined     = primary { "&&" primary } | primary { "||" primary }
//! primary    = "(" joined ")" | "!" "(" joined ")" | "not" primary | condition
//! condition  = name ( comparison value | "exists" | "missing" )
//! ```

use store::{Compare, Condition, Filter, Operand, TraceFilter};

use super::condition::{self, Typed, Wrong};
use super::field::{self, Subject};
use super::lex::{Kind, Token};
use super::{DEPTH_MAX, Question};
use crate::Mistake;

/// Reads the tokens of one text from left to right.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    /// True while every open group is one of "and": only there may the whole trace be judged.
    is_plain: bool,
    trace: TraceFilter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, tokens: Vec<Token>) -> Self {
        Self { text, tokens, next: 0, depth: 0, is_plain: true, trace: TraceFilter::default() }
    }

    pub(super) fn question(mut self) -> Result<Question, Mistake> {
        let has_braces = self.take_sign("{");
        let is_empty = if has_braces { self.is_sign("}") } else { self.peek().kind == Kind::End };
        let spans = if is_empty { Filter::All } else { self.joined()? };
        if has_braces {
            self.expect_sign("}", "`{`")?;
        }
        match &self.peek().kind {
            Kind::End => Ok(Question { spans, trace: self.trace }),
            Kind::Sign("&&" | "||") if has_braces => Err(self
                .wrong("relations between several spans are not part of this filter")
                .remedy("put all conditions on one span into one pair of braces")),
            Kind::Sign(sign @ (")" | "}")) => Err(self.wrong(format!("this `{sign}` closes nothing"))),
            _ => Err(self.wrong("the condition before ends here").remedy("join conditions by `&&` or `||`")),
        }
    }

    fn joined(&mut self) -> Result<Filter, Mistake> {
        let join = self.look_ahead();
        let was_plain = self.is_plain;
        self.is_plain = was_plain && join != Some(Join::Or);
        let mut parts = vec![self.primary()?];
        while let Some(found) = self.join() {
            if join != Some(found) {
                return Err(self
                    .wrong("`&&` and `||` stand side by side")
                    .remedy("say by parentheses which comes first: a && (b || c)"));
            }
            self.next += 1;
            parts.push(self.primary()?);
        }
        self.is_plain = was_plain;
        parts.retain(|part| join != Some(Join::And) || !matches!(part, Filter::All));
        Ok(match (parts.len(), join) {
            (0, _) => Filter::All,
            (1, _) => parts.remove(0),
            (_, Some(Join::Or)) => Filter::Or(parts),
            _ => Filter::And(parts),
        })
    }

    /// The first joining word of this group, so that its conditions know where they stand.
    fn look_ahead(&self) -> Option<Join> {
        let mut depth = 0_usize;
        let mut is_value = false;
        for token in &self.tokens[self.next..] {
            let was_value = std::mem::replace(&mut is_value, is_comparison(&token.kind));
            match &token.kind {
                Kind::Word(_) if was_value => {}
                Kind::Sign("(" | "{") => depth += 1,
                Kind::Sign(")" | "}") if depth == 0 => return None,
                Kind::Sign(")" | "}") => depth -= 1,
                kind if depth == 0 => {
                    if let Some(join) = join_of(kind) {
                        return Some(join);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn join(&self) -> Option<Join> {
        join_of(&self.peek().kind)
    }

    fn primary(&mut self) -> Result<Filter, Mistake> {
        if self.depth >= DEPTH_MAX {
            return Err(self.wrong(format!("the filter is nested deeper than {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let filter = match &self.peek().kind {
            Kind::Sign("(") => self.group(),
            Kind::Sign("!") => self.negated(),
            Kind::Word(word) if word.eq_ignore_ascii_case("not") => self.negated(),
            _ => self.condition(),
        };
        self.depth -= 1;
        filter
    }

    fn group(&mut self) -> Result<Filter, Mistake> {
        self.next += 1;
        let inside = self.joined()?;
        self.expect_sign(")", "`(`")?;
        Ok(inside)
    }

    fn negated(&mut self) -> Result<Filter, Mistake> {
        let is_sign = self.is_sign("!");
        self.next += 1;
        if is_sign && !self.is_sign("(") {
            return Err(self
                .wrong("`!` stands before parentheses only")
                .remedy("write !(…), or `not` before one condition"));
        }
        let was_plain = std::mem::replace(&mut self.is_plain, false);
        let inside = self.primary()?;
        self.is_plain = was_plain;
        Ok(Filter::Not(Box::new(inside)))
    }

    fn condition(&mut self) -> Result<Filter, Mistake> {
        let name = self.peek().clone();
        let subject = match &name.kind {
            Kind::Word(word) => field::subject(word).map_err(|wrong| self.mistake(&name, wrong))?,
            Kind::Key(key) => field::quoted_subject(key).map_err(|wrong| self.mistake(&name, wrong))?,
            Kind::Quoted(text) => {
                let wrong = ("a condition begins with a name, not with a value".to_owned(), named(text));
                return Err(self.mistake(&name, wrong));
            }
            Kind::End => {
                return Err(self
                    .wrong("a condition is missing at the end")
                    .remedy("write a name, a comparison and a value, such as status = error"));
            }
            Kind::Sign(sign) => {
                return Err(self
                    .wrong(format!("a condition cannot begin with `{sign}`"))
                    .remedy("write a name, a comparison and a value, such as status = error"));
            }
        };
        self.next += 1;
        match subject {
            Subject::TraceDuration => self.trace_condition(&name),
            Subject::Span(field) => {
                if let Some(compare) = self.existence() {
                    return Ok(Filter::Is(Condition { field, compare, operand: Operand::None }));
                }
                let compare = self.comparison(&name)?;
                self.with_value(|value| condition::condition(field, compare, value))
            }
        }
    }

    fn trace_condition(&mut self, name: &Token) -> Result<Filter, Mistake> {
        if !self.is_plain {
            let wrong = (
                "the duration of the trace cannot stand below \"or\" and \"not\"".to_owned(),
                "join it to the other conditions by `&&`".to_owned(),
            );
            return Err(self.mistake(name, wrong));
        }
        let compare = self.comparison(name)?;
        let (min, max) = self.with_value(|value| condition::trace_duration(compare, value))?;
        let filter = &mut self.trace;
        filter.duration_min = filter.duration_min.max(min);
        filter.duration_max = [filter.duration_max, max].into_iter().flatten().min();
        Ok(Filter::All)
    }

    fn existence(&mut self) -> Option<Compare> {
        let Kind::Word(word) = &self.peek().kind else { return None };
        let compare = match word.to_ascii_lowercase().as_str() {
            "exists" => Compare::Exists,
            "missing" => Compare::Missing,
            _ => return None,
        };
        self.next += 1;
        Some(compare)
    }

    fn comparison(&mut self, name: &Token) -> Result<Compare, Mistake> {
        let compare = match &self.peek().kind {
            Kind::Sign("=" | "==") => Compare::Equal,
            Kind::Sign("!=") => Compare::Unequal,
            Kind::Sign("<") => Compare::Less,
            Kind::Sign("<=") => Compare::AtMost,
            Kind::Sign(">") => Compare::Greater,
            Kind::Sign(">=") => Compare::AtLeast,
            Kind::Sign("=~") => Compare::Matches,
            Kind::Sign("!~") => Compare::MatchesNot,
            _ => {
                let name = &self.text[name.at.clone()];
                return Err(self
                    .wrong(format!("a comparison is missing after `{name}`"))
                    .remedy("one of = != < <= > >= =~ !~, or `exists`, or `missing`"));
            }
        };
        self.next += 1;
        Ok(compare)
    }

    fn with_value<T>(&mut self, make: impl FnOnce(Typed<'_>) -> Result<T, Wrong>) -> Result<T, Mistake> {
        let token = self.peek().clone();
        let made = match &token.kind {
            Kind::Word(word) => make(Typed::Bare(word)),
            Kind::Key(text) | Kind::Quoted(text) => make(Typed::Quoted(text)),
            Kind::Sign(_) | Kind::End => {
                return Err(self
                    .wrong("a value is missing after the comparison")
                    .remedy("write a word, a number, or a text in quotes"));
            }
        };
        let made = made.map_err(|wrong| self.mistake(&token, wrong))?;
        self.next += 1;
        Ok(made)
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(&self.peek().kind, Kind::Sign(found) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.next += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str, opened: &str) -> Result<(), Mistake> {
        if self.take_sign(sign) {
            return Ok(());
        }
        if self.peek().kind == Kind::End {
            return Err(self.wrong(format!("{opened} is never closed")).remedy(format!("add `{sign}`")));
        }
        let remedy = format!("join conditions by `&&` or `||`, or close by `{sign}`");
        Err(self.wrong("the condition before ends here").remedy(remedy))
    }

    fn wrong(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(self.text, self.peek().at.clone(), message)
    }

    fn mistake(&self, token: &Token, (message, remedy): Wrong) -> Mistake {
        Mistake::new(self.text, token.at.clone(), message).remedy(remedy)
    }
}

fn is_comparison(kind: &Kind) -> bool {
    matches!(kind, Kind::Sign("=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~"))
}

fn join_of(kind: &Kind) -> Option<Join> {
    match kind {
        Kind::Sign("&&") => Some(Join::And),
        Kind::Sign("||") => Some(Join::Or),
        Kind::Word(word) if word.eq_ignore_ascii_case("and") => Some(Join::And),
        Kind::Word(word) if word.eq_ignore_ascii_case("or") => Some(Join::Or),
        _ => None,
    }
}

fn named(value: &str) -> String {
    format!("write, for instance, name = \"{}\"", value.escape_default())
}
