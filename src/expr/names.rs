//! Where names get their values, and before that their types.
//!
//! A name is a path: `steps.status.output.state`. Whoever knows the names answers for as much of
//! the path as it has a value for and says how many segments that was; the rest are fields, which
//! are looked up here, so that the message for a misspelt one is the same everywhere.

use std::borrow::Cow;

use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{Fields, Map, Shape, Value};

/// Values by name.
pub trait Names {
    /// What a path stands for. The path is never empty.
    fn get(&self, path: &[&str]) -> Lookup<'_>;

    /// Whether the value must not be shown. Messages say `‹secret›` in its place.
    fn is_secret(&self, path: &[&str]) -> bool {
        let _ = path;
        false
    }
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup<'a> {
    /// A value.
    Found {
        /// The value of the path's first `used` segments.
        value: Cow<'a, Value>,
        /// How many segments that is, at least one; the rest are looked up as fields.
        used: usize,
    },
    /// Nothing yet: it will be known later in the run.
    NotYet,
    /// Nothing, ever: the step was skipped, or failed before it had an output.
    Unavailable {
        /// Why, as a fragment: ``step `restart` was skipped, so it has no output``.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// There is no such name.
    Missing(NameError),
}

impl<'a> Lookup<'a> {
    /// The value of the first `used` segments.
    pub fn found(value: &'a Value, used: usize) -> Self {
        Self::Found {
            value: Cow::Borrowed(value),
            used,
        }
    }

    /// A value that was made for the occasion.
    pub fn made(value: impl Into<Value>, used: usize) -> Self {
        Self::Found {
            value: Cow::Owned(value.into()),
            used,
        }
    }
}

/// A name that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What is wrong, as a fragment.
    pub message: String,
    /// What may have been meant.
    pub nearest: Option<String>,
}

impl NameError {
    /// A name that is none of these.
    pub fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            message: format!("there is no `{}` here", shown(name)),
            nearest: nearest(name, known).map(str::to_owned),
        }
    }

    /// A field that is none of these.
    pub fn field<'a>(of: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(name, known.iter().copied());
        let has = match (near, known.len()) {
            (None, 1..=8) => format!("; it has {}", known.join(", ")),
            (None, 0) => "; it is empty".to_owned(),
            _ => String::new(),
        };
        Self {
            message: format!(
                "{of} has no field `{}`{}",
                shown(name),
                escape_controls(&has)
            ),
            nearest: near.map(|near| escape_controls(near).into_owned()),
        }
    }
}

fn shown(name: &str) -> String {
    escape_controls(&clip(name, 60)).into_owned()
}

impl Names for Map {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        match self.get(root) {
            Some(value) => Lookup::found(value, 1),
            None => Lookup::Missing(NameError::unknown(root, self.keys().map(String::as_str))),
        }
    }
}

/// A few names laid over others: `output` of a step, the items of the loops around it.
#[derive(Clone, Default)]
pub struct Scope<'a> {
    outer: Option<&'a dyn Names>,
    names: Vec<(&'a str, Cow<'a, Value>)>,
}

impl<'a> Scope<'a> {
    /// No names at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over these names, hiding those of the same root.
    pub fn over(outer: &'a dyn Names) -> Self {
        Self {
            outer: Some(outer),
            names: Vec::new(),
        }
    }

    /// One more name. The last one of a name counts.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: &'a Value) -> Self {
        self.names.push((name, Cow::Borrowed(value)));
        self
    }

    /// One more name, of a value that was made for the occasion.
    #[must_use]
    pub fn made(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.names.push((name, Cow::Owned(value.into())));
        self
    }

    fn own(&self, root: &str) -> Option<&Value> {
        let found = self.names.iter().rev().find(|(name, _)| *name == root);
        found.map(|(_, value)| value.as_ref())
    }
}

impl Names for Scope<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        match (self.own(root), self.outer) {
            (Some(value), _) => Lookup::found(value, 1),
            (None, None) => {
                let known = self.names.iter().map(|(name, _)| *name);
                Lookup::Missing(NameError::unknown(root, known))
            }
            (None, Some(outer)) => match outer.get(path) {
                Lookup::Missing(mut error) if error.nearest.is_none() => {
                    let known = self.names.iter().map(|(name, _)| *name);
                    error.nearest = nearest(root, known).map(str::to_owned);
                    Lookup::Missing(error)
                }
                lookup => lookup,
            },
        }
    }

    fn is_secret(&self, path: &[&str]) -> bool {
        let root = path.first().copied().unwrap_or_default();
        self.own(root).is_none() && self.outer.is_some_and(|outer| outer.is_secret(path))
    }
}

/// Types by name.
pub trait TypeNames {
    /// The type of a path, or why there will never be one. The path is never empty.
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError>;
}

/// The type of a path's beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed<'a> {
    /// The type of the path's first `used` segments.
    pub shape: Cow<'a, Shape>,
    /// How many segments that is, at least one; the rest are looked up as fields.
    pub used: usize,
    /// Whether it may be `none`.
    pub optional: bool,
}

impl<'a> Typed<'a> {
    /// The type of the first `used` segments, which always have a value.
    pub fn new(shape: &'a Shape, used: usize) -> Self {
        Self {
            shape: Cow::Borrowed(shape),
            used,
            optional: false,
        }
    }

    /// A type that was made for the occasion.
    pub fn made(shape: Shape, used: usize) -> Self {
        Self {
            shape: Cow::Owned(shape),
            used,
            optional: false,
        }
    }

    /// The same, but it may be `none`.
    #[must_use]
    pub fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }
}

impl TypeNames for Fields {
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError> {
        let root = path.first().copied().unwrap_or_default();
        match self.get(root) {
            Some(field) => Ok(Typed::new(&field.shape, 1).optional(field.optional)),
            None => Err(NameError::unknown(root, self.keys().map(String::as_str))),
        }
    }
}

/// A few typed names laid over others.
#[derive(Clone, Default)]
pub struct TypeScope<'a> {
    outer: Option<&'a dyn TypeNames>,
    names: Vec<(&'a str, Typed<'a>)>,
}

impl<'a> TypeScope<'a> {
    /// No names at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over these names, hiding those of the same root.
    pub fn over(outer: &'a dyn TypeNames) -> Self {
        Self {
            outer: Some(outer),
            names: Vec::new(),
        }
    }

    /// One more name. The last one of a name counts.
    #[must_use]
    pub fn with(mut self, name: &'a str, shape: &'a Shape) -> Self {
        self.names.push((name, Typed::new(shape, 1)));
        self
    }

    /// One more name, of a type that was made for the occasion.
    #[must_use]
    pub fn made(mut self, name: &'a str, shape: Shape) -> Self {
        self.names.push((name, Typed::made(shape, 1)));
        self
    }

    /// One more name, of a type that was made for the occasion, which may be `none`.
    #[must_use]
    pub fn maybe(mut self, name: &'a str, shape: Shape) -> Self {
        self.names
            .push((name, Typed::made(shape, 1).optional(true)));
        self
    }
}

impl TypeNames for TypeScope<'_> {
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError> {
        let root = path.first().copied().unwrap_or_default();
        let own = self.names.iter().rev().find(|(name, _)| *name == root);
        let known = self.names.iter().map(|(name, _)| *name);
        match (own, self.outer) {
            (Some((_, typed)), _) => Ok(typed.clone()),
            (None, None) => Err(NameError::unknown(root, known)),
            (None, Some(outer)) => outer.shape(path).map_err(|mut error| {
                error.nearest = error.nearest.or(nearest(root, known).map(str::to_owned));
                error
            }),
        }
    }
}
