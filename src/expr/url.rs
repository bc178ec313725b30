//! A URL with `{{ }}` in it, in which a value is data and never changes what the URL is.
//!
//! The beginning, up to the end of host and port, is written out or comes from settings: only they
//! say who is asked. What stands after it is the author's; a value in there is percent-encoded, so
//! that no `/`, `?`, `#`, `&` or line break of it means anything.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::ExprError;
use super::eval::Evaluator;
use super::expression::Expression;
use super::limits::Budget;
use super::names::{Names, TypeNames};
use super::scan::Part;
use super::template::Template;
use crate::model::Shape;
use crate::model::url::{InvalidUrl, Origin, check_path, scheme};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as data in a path, a query or a form.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A parsed template of a URL. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    template: Template,
    base: Base,
}

/// Where the part ends that says who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// The first `{{ }}` is all of it, and may bring the beginning of a path.
    Setting,
    /// It is written out up to this byte of this part.
    Written { part: usize, byte: usize },
}

/// A URL with every value filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Who is asked.
    pub origin: Origin,
    /// Path and query as they stand in the request; begins with `/`.
    pub path: String,
    /// All of it for people; what is secret shows as its source: `‹settings.token›`.
    pub shown: String,
    /// Who is asked, for people. Not the origin, where that comes from a secret.
    pub shown_origin: String,
}

impl UrlTemplate {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// What is no URL, and values other than settings where they would say who is asked.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let template = Template::parse(source)?;
        let base = base(&template)?;
        let url = Self { template, base };
        url.sample().map_err(invalid)?;
        Ok(url)
    }

    /// The source, as it was written.
    pub fn source(&self) -> &str {
        self.template.source()
    }

    /// Everything that is wrong with the names in it.
    ///
    /// # Errors
    ///
    /// As [`Template::check_sent`].
    pub fn check(&self, names: &dyn TypeNames) -> Result<Shape, Vec<ExprError>> {
        self.template.check_sent(names)
    }

    /// The whole as a template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The URL with every value filled in.
    ///
    /// # Errors
    ///
    /// As [`Template::render`]; also settings that are no URL, values that leave a path's segment
    /// empty, and those that make one `..`: no encoding makes data of these.
    pub fn render(&self, names: &dyn Names) -> Result<Url, ExprError> {
        let budget = Budget::new();
        let mut who = String::new();
        let mut hidden = None;
        let mut path = String::new();
        let mut shown = String::new();
        for piece in self.pieces() {
            match piece {
                Piece::Who(text) => who.push_str(text),
                Piece::WhoValue(inside, offset) => {
                    let evaluator = Evaluator::new(names, inside.source(), &budget);
                    let value = evaluator.word(inside.node());
                    who.push_str(&value.map_err(|e| e.shifted(offset))?);
                    if evaluator.is_secret(inside.node()) {
                        hidden = Some(label(inside));
                    }
                }
                Piece::Text(text) => {
                    path.push_str(text);
                    shown.push_str(text);
                }
                Piece::Value(inside, offset) => {
                    let evaluator = Evaluator::new(names, inside.source(), &budget);
                    let value = evaluator
                        .word(inside.node())
                        .map_err(|e| e.shifted(offset))?;
                    if value.is_empty() && !path.contains('?') {
                        let message = format!(
                            "`{}` is empty, and stands in a URL's path",
                            inside.source().trim()
                        );
                        return Err(ExprError::value(message).at(&(offset..offset)));
                    }
                    let value = percent_encoded(&value);
                    path.push_str(&value);
                    match evaluator.is_secret(inside.node()) {
                        true => shown.push_str(&label(inside)),
                        false => shown.push_str(&value),
                    }
                }
            }
        }
        let (origin, base) = assemble(&who, &mut path).map_err(invalid)?;
        let shown_origin = hidden.clone().unwrap_or_else(|| origin.to_string());
        let shown = match hidden {
            Some(hidden) => format!("{hidden}{shown}"),
            None => format!("{origin}{base}{shown}"),
        };
        Ok(Url {
            origin,
            path,
            shown,
            shown_origin,
        })
    }

    /// Whether this can be a URL at all, whatever the values are.
    fn sample(&self) -> Result<(), InvalidUrl> {
        let (mut who, mut path) = (String::new(), String::new());
        for piece in self.pieces() {
            match piece {
                Piece::Who(text) => who.push_str(text),
                // A port may be a value too.
                Piece::WhoValue(..) if self.base != Base::Setting => who.push('1'),
                Piece::WhoValue(..) => who.push_str("https://1"),
                Piece::Text(text) => path.push_str(text),
                Piece::Value(..) => path.push('1'),
            }
        }
        assemble(&who, &mut path).map(|_| ())
    }

    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let parts = self.template.parts().iter().enumerate();
        parts.flat_map(|(at, part)| {
            let end = match self.base {
                Base::Setting => (1, 0),
                Base::Written { part, byte } => (part, byte),
            };
            match part {
                Part::Value { inside, offset } if at < end.0 => {
                    vec![Piece::WhoValue(inside, *offset)]
                }
                Part::Value { inside, offset } => vec![Piece::Value(inside, *offset)],
                Part::Text(text) if at < end.0 => vec![Piece::Who(text)],
                Part::Text(text) if at == end.0 => {
                    let (who, path) = text.split_at(end.1);
                    vec![Piece::Who(who), Piece::Text(path)]
                }
                Part::Text(text) => vec![Piece::Text(text)],
            }
        })
    }
}

/// A piece of a template, by what it may decide.
enum Piece<'a> {
    /// Text that says who is asked.
    Who(&'a str),
    /// A setting that does.
    WhoValue(&'a Expression, usize),
    /// Text of path and query.
    Text(&'a str),
    /// Data.
    Value(&'a Expression, usize),
}

/// Puts what stands behind the origin in front of the path. Gives the origin, and what that was.
fn assemble(who: &str, path: &mut String) -> Result<(Origin, String), InvalidUrl> {
    let (origin, base) = Origin::parse(who)?;
    // `https://host/` and `/path` meet in one slash. A whole URL stays as it is.
    let base = match path.is_empty() {
        true => base,
        false => base.strip_suffix('/').unwrap_or(base),
    };
    if base.contains('?') && !path.is_empty() {
        return Err(InvalidUrl(
            "a setting that holds a query cannot have more behind it",
        ));
    }
    let base = base.to_owned();
    path.insert_str(0, &base);
    check_path(path)?;
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    Ok((origin, base))
}

fn base(template: &Template) -> Result<Base, ExprError> {
    let parts = template.parts();
    let begin = || {
        ExprError::syntax("a URL begins with https:// or http://, or with a setting that does")
            .hint("write `https://…` or `{{ settings.url }}/…`")
    };
    match parts.first() {
        Some(Part::Value { inside, offset }) => {
            settings_only(inside, *offset)?;
            match parts.get(1) {
                None => Ok(Base::Setting),
                Some(Part::Text(text)) if text.starts_with(['/', '?']) => Ok(Base::Setting),
                Some(_) => Err(ExprError::syntax(
                    "after the setting that holds a URL comes a path: `{{ settings.url }}/…`",
                )),
            }
        }
        Some(Part::Text(text)) => {
            let (_, length) = scheme(text).ok_or_else(begin)?;
            for (at, part) in parts.iter().enumerate() {
                match part {
                    Part::Text(text) => {
                        let from = if at == 0 { length } else { 0 };
                        if let Some(byte) = text[from..].find(['/', '?', '#']) {
                            return Ok(Base::Written {
                                part: at,
                                byte: from + byte,
                            });
                        }
                    }
                    Part::Value { inside, offset } => settings_only(inside, *offset)?,
                }
            }
            Ok(Base::Written {
                part: parts.len(),
                byte: 0,
            })
        }
        None => Err(begin()),
    }
}

/// Only settings say who is asked: what a runbook gives is data.
fn settings_only(inside: &Expression, offset: usize) -> Result<(), ExprError> {
    for reference in inside.references() {
        if reference.path.first().is_none_or(|root| root != "settings") {
            let message = format!(
                "`{}` would say which host is asked; only settings may",
                reference.path.join(".")
            );
            return Err(ExprError::syntax(message)
                .at(&reference.span)
                .hint("begin the URL with `{{ settings.url }}/`, and put other values after it")
                .shifted(offset));
        }
    }
    Ok(())
}

fn invalid(error: InvalidUrl) -> ExprError {
    ExprError::value(format!("this is no URL to ask: {error}"))
}

fn label(inside: &Expression) -> String {
    format!("‹{}›", inside.source().trim())
}

impl fmt::Display for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

impl Serialize for UrlTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source())
    }
}

impl<'de> Deserialize<'de> for UrlTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse(&source).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::expr::{Lookup, NameError};
    use crate::model::{Map, Value};

    struct Adapter(Map);

    impl Names for Adapter {
        fn get(&self, path: &[&str]) -> Lookup<'_> {
            match self.0.get(path[0]) {
                Some(value) => Lookup::found(value, 1),
                None => Lookup::Missing(NameError::unknown(path[0], ["args", "settings"])),
            }
        }

        fn is_secret(&self, path: &[&str]) -> bool {
            path == ["settings", "hook"]
        }
    }

    fn adapter(flag: &str) -> Adapter {
        let map = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), Value::from(*v)));
            Value::Map(pairs.collect())
        };
        let settings = map(&[
            ("url", "https://flags.example.org:4242/base/"),
            ("host", "flags.example.org"),
            ("hook", "https://hooks.example.org/T0/xyz?sig=1"),
            ("evil", "https://good@evil/"),
        ]);
        let names = [("args", map(&[("flag", flag)])), ("settings", settings)];
        Adapter(names.map(|(k, v)| (k.to_owned(), v)).into_iter().collect())
    }

    fn url(template: &str, flag: &str) -> Result<String, String> {
        let url = UrlTemplate::parse(template).map_err(|e| format!("parse: {e}"))?;
        let url = url.render(&adapter(flag)).map_err(|e| e.to_string())?;
        Ok(format!("{} {}", url.origin, url.path))
    }

    #[test]
    fn settings_say_who_is_asked() {
        for (template, expected) in [
            (
                "{{ settings.url }}",
                "https://flags.example.org:4242 /base/",
            ),
            (
                "{{ settings.url }}/on",
                "https://flags.example.org:4242 /base/on",
            ),
            (
                "{{ settings.url }}?x={{ args.flag }}",
                "https://flags.example.org:4242 /base?x=f",
            ),
            (
                "https://{{ settings.host }}:8443/{{ args.flag }}",
                "https://flags.example.org:8443 /f",
            ),
            (
                "https://a.{{ settings.host }}",
                "https://a.flags.example.org /",
            ),
            ("http://a?{{ args.flag }}", "http://a /?f"),
            (
                "{{ settings.hook }}",
                "https://hooks.example.org /T0/xyz?sig=1",
            ),
        ] {
            assert_eq!(url(template, "f").as_deref(), Ok(expected), "{template}");
        }
        for (template, expected) in [
            ("{{ settings.evil }}/x", "no user and password"),
            ("{{ settings.hook }}/x", "holds a query"),
        ] {
            let error = url(template, "f").unwrap_err();
            assert!(error.contains(expected), "{template}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_whatever_the_values_is_said_when_it_is_read() {
        for (template, expected) in [
            (
                "{{ args.flag }}/x",
                "`args.flag` would say which host is asked",
            ),
            ("https://{{ args.flag }}/x", "only settings may"),
            (
                "https://a.{{ settings.host if args.flag == 'x' else 'b' }}/",
                "only settings",
            ),
            ("{{ settings.url }}{{ args.flag }}", "comes a path"),
            ("{{ settings.url }}.evil.org/", "comes a path"),
            ("{{ settings.scheme }}://x/", "comes a path"),
            ("/api", "begins with https://"),
            ("", "begins with https://"),
            ("https://a/b c", "written with `%`"),
            ("https://a/#b", "no fragment"),
            ("https://u:p@a/", "no user and password"),
            ("https://a/../{{ args.flag }}", "`.` or `..`"),
        ] {
            let error = url(template, "f").unwrap_err();
            assert!(
                error.starts_with("parse: ") && error.contains(expected),
                "{template}: {error}"
            );
        }
        let error = UrlTemplate::parse("https://{{ args.flag }}/").unwrap_err();
        assert_eq!(error.span, Some(11..20));
    }

    #[test]
    fn threat_16_a_value_in_a_url_is_data() {
        let at = |flag| url("{{ settings.url }}/f/{{ args.flag }}/on", flag);
        for (flag, expected) in [
            ("a/b", "a%2Fb"),
            ("a?b=c&d", "a%3Fb%3Dc%26d"),
            ("a#b", "a%23b"),
            ("../../admin", "..%2F..%2Fadmin"),
            ("x\r\nHost: evil", "x%0D%0AHost%3A%20evil"),
            ("ü €", "%C3%BC%20%E2%82%AC"),
            ("%2e%2e", "%252e%252e"),
            ("@evil", "%40evil"),
            ("\\..\\", "%5C..%5C"),
            ("-o.._~", "-o.._~"),
        ] {
            let expected = format!("https://flags.example.org:4242 /base/f/{expected}/on");
            assert_eq!(at(flag), Ok(expected), "{flag}");
        }
        assert!(at("..").unwrap_err().contains("`.` or `..`"));
        assert!(at(".").is_err());
        assert!(url("https://a/.{{ args.flag }}", ".").is_err());
        // Without its last segment a URL often means all of them.
        assert!(at("").unwrap_err().contains("`args.flag` is empty"));
        assert_eq!(
            url("https://a/?x={{ args.flag }}", "").as_deref(),
            Ok("https://a /?x=")
        );
    }

    #[test]
    fn threat_31_a_secret_in_a_url_is_not_shown() {
        let shown = |template: &str| {
            let url = UrlTemplate::parse(template)
                .unwrap()
                .render(&adapter("f"))
                .unwrap();
            (url.shown, url.shown_origin)
        };
        let hook = "‹settings.hook›".to_owned();
        assert_eq!(shown("{{ settings.hook }}"), (hook.clone(), hook));
        let (shown, origin) = shown("https://a/{{ settings.hook }}?f={{ args.flag }}");
        assert_eq!(shown, "https://a/‹settings.hook›?f=f");
        assert_eq!(origin, "https://a");
    }

    #[test]
    fn it_survives_a_plan() {
        let url = UrlTemplate::parse("{{ settings.url }}/x").unwrap();
        let json = serde_json::to_string(&url).unwrap();
        assert_eq!(json, "\"{{ settings.url }}/x\"");
        assert_eq!(serde_json::from_str::<UrlTemplate>(&json).unwrap(), url);
        assert!(serde_json::from_str::<UrlTemplate>("\"x\"").is_err());
    }

    proptest! {
        #[test]
        fn threat_17_no_value_changes_what_a_url_is(flag in "\\PC{0,8}|[/?#&%.@:\\\\\r\n]{1,6}") {
            let template = "https://a/x/{{ args.flag }}/y?q={{ args.flag }}&z";
            if let Ok(url) = url(template, &flag) {
                let (origin, rest) = url.split_once(' ').unwrap();
                prop_assert_eq!(origin, "https://a");
                let (path, query) = rest.split_once('?').unwrap();
                prop_assert_eq!(path.split('/').count(), 4);
                prop_assert_eq!(query.split('&').count(), 2);
                prop_assert!(rest.bytes().all(|b| b.is_ascii_graphic()));
                let back = percent_encoding::percent_decode_str(path.split('/').nth(2).unwrap());
                prop_assert_eq!(back.decode_utf8().unwrap(), flag);
            }
        }
    }
}
