//! What stands between braces: conditions on one span.
//!
//! ```text
//! expression = compared { ("&&" | "||") compared }              both bind alike, from the left
//! compared   = sum { ("=" "!=" "<" "<=" ">" ">=" "=~" "!~") sum }
//! sum        = negated { ("+" | "-") negated }
//! negated    = "!" negated | product
//! product    = power { ("*" "/" "%") power }
//! power      = minus [ "^" power ]
//! minus      = "-" minus | literal | field | "(" expression ")"
//! ```

use regex::bytes::{Regex, RegexBuilder};

use super::super::ast::{Comparison, Expr, ExprKind, Field, Intrinsic, Math};
use super::super::lex::Kind;
use super::super::literal::Literal;
use super::{DEPTH_MAX, Parser};
use crate::Mistake;

/// A compiled pattern takes at most so many bytes; larger ones are refused.
const PATTERN_BYTES_MAX: usize = 1 << 20;

const COMPARISONS: [(&str, Comparison); 7] = [
    ("=", Comparison::Equal),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    ("<=", Comparison::AtMost),
    (">", Comparison::Greater),
    (">=", Comparison::AtLeast),
];

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr, Mistake> {
        self.deeper(|parser| {
            let mut left = parser.compared()?;
            for _ in 0..DEPTH_MAX {
                let join = match parser.peek().kind {
                    Kind::Sign("&&") => ExprKind::And,
                    Kind::Sign("||") => ExprKind::Or,
                    _ => return Ok(left),
                };
                parser.next += 1;
                let right = parser.compared()?;
                let at = left.at.start..right.at.end;
                left = Expr { kind: join(Box::new(left), Box::new(right)), at };
            }
            Err(parser.wrong(format!("more than {DEPTH_MAX} conditions stand side by side")))
        })
    }

    /// The comparison that stands here, if one does.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let Kind::Sign(sign) = self.peek().kind else { return None };
        COMPARISONS.iter().find(|(known, _)| *known == sign).map(|(_, comparison)| *comparison)
    }

    fn compared(&mut self) -> Result<Expr, Mistake> {
        let mut left = self.sum_of_numbers()?;
        for _ in 0..DEPTH_MAX {
            if self.is_sign("=~") || self.is_sign("!~") {
                let is_negated = self.is_sign("!~");
                self.next += 1;
                let (pattern, end) = self.pattern()?;
                let at = left.at.start..end;
                left = Expr { kind: ExprKind::Match(Box::new(left), pattern, is_negated), at };
                continue;
            }
            let Some(comparison) = self.comparison() else { return Ok(left) };
            self.next += 1;
            self.check_word_for(&left)?;
            let right = self.sum_of_numbers()?;
            let at = left.at.start..right.at.end;
            left = Expr { kind: ExprKind::Compare(Box::new(left), comparison, Box::new(right)), at };
        }
        Err(self.wrong(format!("more than {DEPTH_MAX} comparisons stand side by side")))
    }

    /// Refuses a bare word that is none of those which a field of few words has.
    fn check_word_for(&self, left: &Expr) -> Result<(), Mistake> {
        let ExprKind::Field(Field::Intrinsic(field)) = &left.kind else { return Ok(()) };
        let words = match field {
            Intrinsic::Status => "error, ok or unset",
            Intrinsic::Kind => "server, client, producer, consumer, internal or unspecified",
            _ => return Ok(()),
        };
        let Kind::Word(word) = &self.peek().kind else { return Ok(()) };
        if Literal::of_word(word).is_some() || Field::parse(word).is_ok() {
            return Ok(());
        }
        let shown: String = word.chars().take(100).collect();
        Err(self.wrong(format!("there is no {} `{shown}`", field.word())).remedy(format!("it is {words}")))
    }

    fn pattern(&mut self) -> Result<(Regex, usize), Mistake> {
        let token = self.peek().clone();
        let Kind::Literal(Literal::Text(pattern)) = &token.kind else {
            return Err(self.wrong("a pattern stands in quotes").remedy("write name =~ \"GET .*\""));
        };
        self.next += 1;
        let anchored = format!("^(?:{pattern})$");
        let built =
            RegexBuilder::new(&anchored).size_limit(PATTERN_BYTES_MAX).dot_matches_new_line(true).build();
        let regex = built.map_err(|cause| {
            let cause = cause.to_string();
            let reason = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Mistake::new(self.text, token.at.clone(), format!("the pattern is not understood: {reason}"))
                .remedy("patterns are RE2 and match the whole value: use .* for anything, \\. for a dot")
        })?;
        Ok((regex, token.at.end))
    }

    fn sum_of_numbers(&mut self) -> Result<Expr, Mistake> {
        self.maths(Self::negated, &[("+", Math::Add), ("-", Math::Subtract)])
    }

    fn negated(&mut self) -> Result<Expr, Mistake> {
        let start = self.peek().at.start;
        if !self.take_sign("!") {
            return self.product_of_numbers();
        }
        let inside = self.deeper(Self::negated)?;
        let at = start..inside.at.end;
        Ok(Expr { kind: ExprKind::Not(Box::new(inside)), at })
    }

    fn product_of_numbers(&mut self) -> Result<Expr, Mistake> {
        self.maths(Self::power, &[("*", Math::Multiply), ("/", Math::Divide), ("%", Math::Modulo)])
    }

    fn maths(
        &mut self,
        operand: fn(&mut Self) -> Result<Expr, Mistake>,
        signs: &[(&str, Math)],
    ) -> Result<Expr, Mistake> {
        let mut left = operand(self)?;
        for _ in 0..DEPTH_MAX {
            let Some(math) = self.math(signs) else { return Ok(left) };
            self.next += 1;
            let right = operand(self)?;
            let at = left.at.start..right.at.end;
            left = Expr { kind: ExprKind::Math(Box::new(left), math, Box::new(right)), at };
        }
        Err(self.wrong(format!("more than {DEPTH_MAX} numbers stand side by side")))
    }

    fn power(&mut self) -> Result<Expr, Mistake> {
        let left = self.minus()?;
        if !self.take_sign("^") {
            return Ok(left);
        }
        let right = self.deeper(Self::power)?;
        let at = left.at.start..right.at.end;
        Ok(Expr { kind: ExprKind::Math(Box::new(left), Math::Power, Box::new(right)), at })
    }

    fn minus(&mut self) -> Result<Expr, Mistake> {
        let token = self.peek().clone();
        match &token.kind {
            Kind::Sign("-") => {
                self.next += 1;
                let inside = self.deeper(Self::minus)?;
                let at = token.at.start..inside.at.end;
                Ok(Expr { kind: ExprKind::Negative(Box::new(inside)), at })
            }
            Kind::Sign("(") => {
                self.next += 1;
                let inside = self.expression()?;
                self.expect_sign(")", "`(`")?;
                Ok(inside)
            }
            Kind::Literal(literal) => {
                self.next += 1;
                Ok(Expr { kind: ExprKind::Literal(literal.clone()), at: token.at })
            }
            Kind::Word(word) if Literal::of_word(word).is_some() => {
                self.next += 1;
                let literal = Literal::of_word(word).expect("the guard saw it");
                Ok(Expr { kind: ExprKind::Literal(literal), at: token.at })
            }
            Kind::Word(_) | Kind::Name(_) => {
                let field = self.field()?;
                Ok(Expr { kind: ExprKind::Field(field), at: token.at })
            }
            Kind::End => Err(self.wrong("a condition is missing at the end").remedy(CONDITION)),
            Kind::Sign(sign) => {
                Err(self.wrong(format!("a field or a value is expected before `{sign}`")).remedy(CONDITION))
            }
        }
    }

    /// The field that must stand here.
    pub(super) fn field(&mut self) -> Result<Field, Mistake> {
        let (Kind::Word(name) | Kind::Name(name)) = self.peek().kind.clone() else {
            return Err(self
                .wrong("a field is expected here")
                .remedy("name one: duration, resource.service.name"));
        };
        let field = Field::parse(&name).map_err(|(message, remedy)| self.wrong(message).remedy(remedy))?;
        self.next += 1;
        Ok(field)
    }
}

const CONDITION: &str = "write a field, a comparison and a value, such as status = error";
