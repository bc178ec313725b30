//! minijinja tamed: strict expressions and templates over typed values, with limits.
//!
//! An [`Expression`] decides (`steps.status.output.lag < duration('10s')`); a [`Template`] is text
//! with `{{ }}` in it. minijinja reads both; what it read becomes a small tree of our own, which is
//! checked against [`TypeNames`] before a run and evaluated against [`Names`] during it. Pure: the
//! same source over the same values gives the same result or the same error.
//!
//! # What is different from Jinja
//!
//! - Nothing is truthy. What decides, and what `not` and `and` join, must be a boolean.
//! - `or` joins booleans too; where its left side is `none`, the right side takes its place:
//!   `args.to_replica or before.freshest.name`. An empty text is a value like any other.
//! - Comparing different types is an error, never false. Integers compare with numbers, and
//!   anything with `none` by `==` and `!=`. Durations, sizes and times compare as what they are:
//!   `duration('4s') < duration('30s')`.
//! - A name or field that is not there is an error that names the nearest one, unless it stands
//!   before `| default(…)` or `is defined`. So is the output of a step that was skipped.
//! - `none` inside a text is an error for machines ([`Template::render`]) and reads `none` for
//!   people ([`Template::render_for_people`]). A lone `{{ }}` keeps its type, `none` included
//!   ([`Template::eval`]).
//! - There are no statements, comments, methods or macros, and `steps['x']` is `steps.x`.
//! - `/` gives a number with a point; `round` without a precision gives a whole one; `sum` of
//!   nothing is 0.
//!
//! # Architecture invariants
//!
//! - Data is never a template: what a name stands for is not parsed again.
//! - Nothing panics or overflows the stack, whatever the source and the values: see [`limits`].
//! - A value whose name is secret is not shown in an error.

mod access;
mod arithmetic;
mod ast;
mod check;
mod check_filters;
mod check_operators;
mod compare;
mod constant;
mod error;
mod eval;
mod expression;
mod filters;
mod fits;
pub mod limits;
mod lists;
mod names;
mod parse;
mod parse_call;
mod pattern;
mod predicates;
mod scan;
mod secrets;
mod shown;
mod template;
mod types;
mod url;
mod vocabulary;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod eval_tests;
#[cfg(test)]
mod filter_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use error::{ExprError, ExprErrorKind};
pub use expression::{Expression, Reference};
pub use fits::fits;
pub use names::{Lookup, NameError, Names, Scope, TypeNames, TypeScope, Typed};
pub use template::Template;
pub use url::{Url, UrlTemplate, percent_encoded};
