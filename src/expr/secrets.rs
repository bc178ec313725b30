//! What an expression may do with a secret: hand it on as it is, and nothing else.

use super::error::ExprError;
use crate::model::{SecretRef, Value, secret};

/// Where a secret may go.
const WHERE: &str = "a secret goes whole into a variable of `env:`, as a lone {{ … }}";

/// What cannot be done with a secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Misuse {
    /// It is part of a text, or all of one.
    Text,
    /// It is held against something.
    Compared,
    /// It is asked about with `is`.
    Tested,
}

impl Misuse {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "cannot stand in a text",
            Self::Compared => "cannot be compared",
            Self::Tested => "cannot be tested",
        }
    }
}

/// The error for a secret that is known.
pub(super) fn misused(found: &SecretRef, misuse: Misuse) -> ExprError {
    let message = format!("the {} {}", secret::shown(found), misuse.words());
    ExprError::ty(message).hint(WHERE)
}

/// The error for something of which it is only known that it is one, or holds one.
pub(super) fn misused_type(described: &str, misuse: Misuse) -> ExprError {
    let message = format!("{described} holds a secret, which {}", misuse.words());
    ExprError::ty(message).hint(WHERE)
}

/// Refuses a value that is a secret, or has one somewhere in it.
pub(super) fn refuse(value: &Value, misuse: Misuse) -> Result<(), ExprError> {
    match value.secret() {
        Some(found) => Err(misused(found, misuse)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Expression, Scope, Template, TypeScope};
    use crate::model::{Map, SecretRef, Shape, Value};

    fn settings() -> Value {
        let secret = Value::Secret(SecretRef::Env("TOKEN".into()));
        let mut map = Map::new();
        map.insert("token".into(), secret.clone());
        map.insert("all".into(), Value::List(vec![secret]));
        map.insert("host".into(), "db1".into());
        Value::Map(map)
    }

    fn shape(secret: Shape) -> Shape {
        let field = |shape| crate::model::Field {
            shape,
            optional: false,
        };
        Shape::object(
            [
                ("token".to_owned(), field(secret.clone())),
                ("all".to_owned(), field(Shape::List(Box::new(secret)))),
                ("host".to_owned(), field(Shape::String)),
            ]
            .into(),
        )
    }

    const MISUSES: [&str; 30] = [
        "settings.token ~ 'x'",
        "'x' ~ settings.token",
        "settings.token + 'x'",
        "settings.token == 'x'",
        "settings.token != none",
        "'x' == settings.token",
        "settings.token == settings.token",
        "settings.token < 'x'",
        "settings.token in ['x']",
        "'x' in settings.token",
        "'x' in settings.all",
        "settings.token is none",
        "settings.token is defined",
        "settings.token is string",
        "settings.token is eq('x')",
        "settings.token is containing('x')",
        "settings.all is containing('x')",
        "settings.token | string",
        "settings.token | tojson",
        "settings | tojson",
        "settings.all | tojson",
        "settings.token | length",
        "settings.token | upper",
        "settings.token | int",
        "settings.token | replace('a', 'b')",
        "settings.token | reverse",
        "settings.all | join(',')",
        "settings.all | unique",
        "settings.all | sort",
        "settings.token and true",
    ];

    #[test]
    fn a_secret_is_handed_on_and_nothing_else() {
        let settings = settings();
        let names = Scope::new().with("settings", &settings);
        for source in MISUSES {
            let error = Expression::parse(source).unwrap().eval(&names);
            assert!(error.is_err(), "{source} is {error:?}");
        }
        for source in [
            "settings.token",
            "settings.all[0]",
            "settings.all | first",
            "settings.token | default('x')",
            "settings.token if settings.host == 'db1' else none",
        ] {
            let value = Expression::parse(source).unwrap().eval(&names);
            assert_eq!(value.unwrap().kind(), "secret", "{source}");
        }
    }

    #[test]
    fn the_type_check_finds_it_before() {
        let shape = shape(Shape::Secret);
        let names = TypeScope::new().with("settings", &shape);
        for source in MISUSES {
            let found = Expression::parse(source).unwrap().check(&names);
            assert!(found.is_err(), "{source}: {found:?}");
        }
        let lone = Template::parse("{{ settings.token }}").unwrap();
        assert_eq!(lone.check(&names), Ok(Shape::Secret));
    }

    #[test]
    fn a_text_with_a_secret_in_it_is_refused_and_names_it() {
        let (settings, shape) = (settings(), shape(Shape::Secret));
        let names = Scope::new().with("settings", &settings);
        let types = TypeScope::new().with("settings", &shape);
        for source in [
            "{{ settings.token }}",
            "x{{ settings.token }}",
            "{{ settings }}",
            "x {{ settings.all }}",
        ] {
            let template = Template::parse(source).unwrap();
            let error = template.render(&names).unwrap_err();
            assert_eq!(
                error.message, "the ‹secret env:TOKEN› cannot stand in a text",
                "{source}"
            );
            assert!(template.render_for_people(&names).is_err());
            if template.lone().is_none() {
                assert!(template.check(&types).is_err(), "{source}");
            }
        }
        let error = Expression::parse("settings.token == 'x'").unwrap();
        assert_eq!(
            error.eval(&names).unwrap_err().message,
            "the ‹secret env:TOKEN› cannot be compared"
        );
    }
}
