//! Parameters: from defaults, a file, and the command line; typed, and refused where a value could
//! be more than a value.

use std::fmt;

use indexmap::IndexMap;

use crate::model::ids::Name;
use crate::model::suggest::nearest;
use crate::model::text::escape_controls;
use crate::model::{Map, Value};
use crate::spec::step::Param;

/// A parameter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError {
    /// What is wrong, with the parameter's name.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParamError {}

/// Parameters that were given, or are by default, and those that are still missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// The values, in the order of the runbook.
    pub values: Map,
    /// What has neither value nor default.
    pub missing: Vec<Name>,
}

/// Types what was given and adds the defaults.
///
/// # Errors
/// All that is wrong: names that the runbook does not have, values of the wrong type or form.
pub fn settle(
    params: &IndexMap<Name, Param>,
    given: &IndexMap<String, Value>,
) -> Result<Settled, Vec<ParamError>> {
    let mut errors = Vec::new();
    for name in given.keys() {
        if !params.contains_key(name.as_str()) {
            errors.push(unknown(name, params));
        }
    }
    let mut settled = Settled::default();
    for (name, param) in params {
        let value = match given.get(name.as_str()) {
            Some(value) => match typed(name, param, value) {
                Ok(value) => value,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            },
            None => match &param.default {
                Some(default) => default.clone(),
                None => {
                    settled.missing.push(name.clone());
                    continue;
                }
            },
        };
        settled.values.insert(name.to_string(), value);
    }
    if errors.is_empty() {
        Ok(settled)
    } else {
        Err(errors)
    }
}

fn unknown(name: &str, params: &IndexMap<Name, Param>) -> ParamError {
    let known = params.keys().map(Name::as_str);
    let help = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if params.is_empty() => "this runbook has no parameters".to_owned(),
        None => format!(
            "its parameters are {}",
            known.collect::<Vec<_>>().join(", ")
        ),
    };
    ParamError {
        message: format!("there is no parameter `{}`", escape_controls(name)),
        help: Some(help),
    }
}

/// One value, typed and held against what the parameter allows.
///
/// # Errors
/// What is wrong with it; the parameter's own words are the help.
pub fn typed(name: &Name, param: &Param, value: &Value) -> Result<Value, ParamError> {
    let held = match value {
        Value::Str(text) => param.read(text),
        value => param.admit(value),
    };
    held.map_err(|message| ParamError {
        message: format!("the parameter `{name}`: {message}"),
        help: param.help.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shape;
    use crate::spec::step::Allow;

    fn param(shape: Shape) -> Param {
        Param {
            shape,
            default: None,
            pattern: None,
            help: None,
            allow: Vec::new(),
            span: crate::spec::source::Span::default(),
        }
    }

    fn one(param: Param, text: &str) -> Result<Settled, Vec<ParamError>> {
        let params = IndexMap::from([("cluster".parse().unwrap(), param)]);
        settle(
            &params,
            &IndexMap::from([("cluster".to_owned(), text.into())]),
        )
    }

    #[test]
    fn threat_16_a_value_that_looks_like_an_option_is_refused_unless_allowed() {
        let error = one(param(Shape::String), "-oProxyCommand=touch /tmp/x").unwrap_err();
        assert!(error[0].message.contains("begins with `-`"));
        let allowed = Param {
            allow: vec![Allow::Dash],
            ..param(Shape::String)
        };
        assert!(one(allowed, "-v").is_ok());
    }

    #[test]
    fn threat_19_nul_and_huge_values_are_refused() {
        assert!(one(param(Shape::String), "a\0b").is_err());
        assert!(one(param(Shape::String), &"x".repeat(2 << 20)).is_err());
        assert!(one(param(Shape::String), "a\nb").is_err());
        assert!(one(param(Shape::String), "a\x1b[2Jb").is_err());
    }

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let named = Param {
            pattern: Some("[a-z]+".to_owned()),
            ..param(Shape::String)
        };
        assert!(one(named.clone(), "main").is_ok());
        assert!(one(named.clone(), "main; rm").is_err());
        assert!(one(named, "").is_err());
    }

    #[test]
    fn what_is_missing_and_what_is_unknown_is_said() {
        let params = IndexMap::from([("cluster".parse().unwrap(), param(Shape::String))]);
        let settled = settle(&params, &IndexMap::new()).unwrap();
        assert_eq!(settled.missing.len(), 1);
        let given = IndexMap::from([("clustr".to_owned(), Value::from("x"))]);
        let errors = settle(&params, &given).unwrap_err();
        assert_eq!(errors[0].help.as_deref(), Some("did you mean `cluster`?"));
    }
}
