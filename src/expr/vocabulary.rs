//! The functions, filters and tests there are, by name, with their parameters.

/// What a function, filter or test takes beside its input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    /// The parameters, in order. `attribute`, `test` and `pattern` take a written-out
    /// text.
    pub(super) params: &'static [&'static str],
    /// How many of them may be given without their name.
    pub(super) positional: usize,
    /// How many of them must be given.
    pub(super) required: usize,
}

const fn takes(params: &'static [&'static str], positional: usize, required: usize) -> Signature {
    Signature {
        params,
        positional,
        required,
    }
}

const NOTHING: Signature = takes(&[], 0, 0);
const ATTRIBUTE: Signature = takes(&["attribute"], 0, 0);

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Duration,
    Size,
    Time,
    Range,
}

/// All functions.
pub(super) const FUNCTIONS: &[(&str, Function, Signature)] = &[
    ("duration", Function::Duration, takes(&["text"], 1, 1)),
    ("size", Function::Size, takes(&["text"], 1, 1)),
    ("time", Function::Time, takes(&["text"], 1, 1)),
    ("range", Function::Range, takes(&["start", "stop"], 2, 1)),
];

/// A filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Abs,
    Captures,
    Default,
    First,
    Float,
    Int,
    Items,
    Join,
    Keys,
    Last,
    Length,
    List,
    Lower,
    Map,
    Max,
    Min,
    Reject,
    Replace,
    Reverse,
    Round,
    Select,
    Sort,
    Split,
    String,
    Sum,
    ToJson,
    Trim,
    Unique,
    Upper,
    Values,
}

const SELECT: Signature = takes(&["test", "value"], 2, 1);
const SELECT_ATTR: Signature = takes(&["attribute", "test", "value"], 3, 1);

/// All filters.
pub(super) const FILTERS: &[(&str, Filter, Signature)] = &[
    ("abs", Filter::Abs, NOTHING),
    ("captures", Filter::Captures, takes(&["pattern"], 1, 1)),
    ("default", Filter::Default, takes(&["value"], 1, 1)),
    ("first", Filter::First, NOTHING),
    ("float", Filter::Float, NOTHING),
    ("int", Filter::Int, NOTHING),
    ("items", Filter::Items, NOTHING),
    (
        "join",
        Filter::Join,
        takes(&["separator", "attribute"], 1, 0),
    ),
    ("keys", Filter::Keys, NOTHING),
    ("last", Filter::Last, NOTHING),
    ("length", Filter::Length, NOTHING),
    ("list", Filter::List, NOTHING),
    ("lower", Filter::Lower, NOTHING),
    ("map", Filter::Map, takes(&["attribute", "default"], 0, 1)),
    ("max", Filter::Max, ATTRIBUTE),
    ("min", Filter::Min, ATTRIBUTE),
    ("reject", Filter::Reject, SELECT),
    ("rejectattr", Filter::Reject, SELECT_ATTR),
    ("replace", Filter::Replace, takes(&["old", "new"], 2, 2)),
    ("reverse", Filter::Reverse, NOTHING),
    (
        "round",
        Filter::Round,
        takes(&["precision", "method"], 2, 0),
    ),
    ("select", Filter::Select, SELECT),
    ("selectattr", Filter::Select, SELECT_ATTR),
    ("sort", Filter::Sort, takes(&["attribute", "reverse"], 0, 0)),
    ("split", Filter::Split, takes(&["separator"], 1, 1)),
    ("string", Filter::String, NOTHING),
    ("sum", Filter::Sum, ATTRIBUTE),
    ("tojson", Filter::ToJson, NOTHING),
    ("trim", Filter::Trim, NOTHING),
    ("unique", Filter::Unique, ATTRIBUTE),
    ("upper", Filter::Upper, NOTHING),
    ("values", Filter::Values, NOTHING),
];

impl Filter {
    /// The name of a filter; those that differ only in their parameters share one.
    pub(super) fn name(self) -> &'static str {
        FILTERS
            .iter()
            .find(|(_, filter, _)| *filter == self)
            .map_or("", |(name, _, _)| name)
    }
}

/// A test: what may stand behind `is`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Boolean,
    Containing,
    Defined,
    Duration,
    EndingWith,
    Eq,
    False,
    Ge,
    Gt,
    In,
    Integer,
    Le,
    List,
    Lt,
    Ne,
    None,
    Number,
    Object,
    Size,
    StartingWith,
    String,
    Time,
    True,
    Undefined,
}

const VALUE: Signature = takes(&["value"], 1, 1);

/// All tests, with the names that other template languages know them by.
pub(super) const TESTS: &[(&str, Test, Signature)] = &[
    ("boolean", Test::Boolean, NOTHING),
    ("containing", Test::Containing, VALUE),
    ("defined", Test::Defined, NOTHING),
    ("duration", Test::Duration, NOTHING),
    ("endingwith", Test::EndingWith, VALUE),
    ("eq", Test::Eq, VALUE),
    ("equalto", Test::Eq, VALUE),
    ("==", Test::Eq, VALUE),
    ("false", Test::False, NOTHING),
    ("ge", Test::Ge, VALUE),
    (">=", Test::Ge, VALUE),
    ("gt", Test::Gt, VALUE),
    ("greaterthan", Test::Gt, VALUE),
    (">", Test::Gt, VALUE),
    ("in", Test::In, VALUE),
    ("integer", Test::Integer, NOTHING),
    ("le", Test::Le, VALUE),
    ("<=", Test::Le, VALUE),
    ("list", Test::List, NOTHING),
    ("lt", Test::Lt, VALUE),
    ("lessthan", Test::Lt, VALUE),
    ("<", Test::Lt, VALUE),
    ("mapping", Test::Object, NOTHING),
    ("ne", Test::Ne, VALUE),
    ("!=", Test::Ne, VALUE),
    ("none", Test::None, NOTHING),
    ("number", Test::Number, NOTHING),
    ("object", Test::Object, NOTHING),
    ("size", Test::Size, NOTHING),
    ("startingwith", Test::StartingWith, VALUE),
    ("string", Test::String, NOTHING),
    ("time", Test::Time, NOTHING),
    ("true", Test::True, NOTHING),
    ("undefined", Test::Undefined, NOTHING),
];

/// What a name stands for in one of the tables, or the nearest name.
pub(super) fn find<T: Copy>(
    table: &[(&'static str, T, Signature)],
    name: &str,
) -> Result<(T, Signature), Option<&'static str>> {
    match table.iter().find(|(known, _, _)| *known == name) {
        Some((_, found, signature)) => Ok((*found, *signature)),
        None => {
            let known = table.iter().map(|(known, _, _)| *known);
            Err(crate::model::suggest::nearest(name, known))
        }
    }
}
