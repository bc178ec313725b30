//! Parameters: what a runbook asks for, and what it accepts.

use indexmap::IndexMap;
use regex_lite::Regex;

use crate::model::ids::Name;
use crate::model::text::{clip, escape_controls, is_unsafe};
use crate::model::{Shape, Value};
use crate::spec::decode::Decoder;
use crate::spec::limits::MAX_VALUE;
use crate::spec::step::{Allow, Param};
use crate::spec::yaml::Node;

impl Param {
    /// A value that a person typed or a file holds as plain text.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a fragment; see [`Param::admit`].
    pub fn read(&self, text: &str) -> Result<Value, String> {
        if text.len() > MAX_VALUE {
            return Err(format!("the value is longer than {} KiB", MAX_VALUE / 1024));
        }
        let value = self.shape.read(text).map_err(|misfit| misfit.to_string())?;
        self.held(value)
    }

    /// A value of the parameter's type from one of any type.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a fragment: its type, its pattern, its length, or characters that
    /// are usually a mistake or an attack and that the parameter does not allow.
    pub fn admit(&self, value: &Value) -> Result<Value, String> {
        let value = self
            .shape
            .accept(value)
            .map_err(|misfit| misfit.to_string())?;
        self.held(value)
    }

    fn held(&self, value: Value) -> Result<Value, String> {
        self.harmless(&value)?;
        if let (Some(pattern), Value::Str(text)) = (&self.pattern, &value) {
            let regex = whole(pattern).map_err(|error| format!("its pattern: {error}"))?;
            if !regex.is_match(text) {
                return Err(format!(
                    "`{}` does not match the pattern {}",
                    escape_controls(&clip(text, 60)),
                    escape_controls(pattern)
                ));
            }
        }
        Ok(value)
    }

    fn harmless(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::Str(text) => self.harmless_text(text),
            Value::List(items) => items.iter().try_for_each(|item| self.harmless(item)),
            Value::Map(map) => map.iter().try_for_each(|(name, item)| {
                self.harmless_text(name)?;
                self.harmless(item)
            }),
            _ => Ok(()),
        }
    }

    fn harmless_text(&self, text: &str) -> Result<(), String> {
        let shown = escape_controls(&clip(text, 60)).into_owned();
        let allows = |what| self.allow.contains(&what);
        if text.len() > MAX_VALUE {
            return Err(format!("the value is longer than {} KiB", MAX_VALUE / 1024));
        }
        if text.starts_with('-') && !allows(Allow::Dash) {
            return Err(format!(
                "`{shown}` begins with `-`, which a command may take for an option; `allow: dash` lets it through"
            ));
        }
        if text.contains('\0') {
            return Err(format!("`{shown}` holds a NUL character"));
        }
        let newline = |c: char| matches!(c, '\n' | '\r');
        if text.contains(newline) && !allows(Allow::Newline) {
            return Err(format!(
                "`{shown}` holds a line end; `allow: newline` lets it through"
            ));
        }
        if text.contains(|c| is_unsafe(c) && !newline(c)) && !allows(Allow::Control) {
            return Err(format!(
                "`{shown}` holds a control character; `allow: control` lets it through"
            ));
        }
        Ok(())
    }
}

/// The pattern for the whole of a value.
fn whole(pattern: &str) -> Result<Regex, String> {
    // By itself first, so that a stray bracket cannot reach into what is put around it.
    Regex::new(pattern)
        .and_then(|_| Regex::new(&format!("^(?:{pattern})$")))
        .map_err(|error| error.to_string())
}

impl Decoder {
    pub(super) fn params(&self, node: &Node) -> Option<IndexMap<Name, Param>> {
        self.mapping(node, |key, node| {
            let name = self.key::<Name>(key);
            let param = self.param(node);
            Some((name?, param?))
        })
    }

    fn param(&self, node: &Node) -> Option<Param> {
        let mut fields = self.fields(node, "a parameter")?;
        let shape = self.typed(&mut fields);
        let help = fields.optional("help", |node| self.line(node));
        let allow = fields.optional("allow", |node| {
            self.one_or_list(node, |item| self.one_of(item, &Allow::ALL))
        });
        let pattern = fields.optional("pattern", |node| self.pattern(node, shape.as_ref()));
        let default = fields.node("default");
        fields.misplaced("required", "a parameter without a `default` is asked for");
        fields.misplaced("optional", "give it a `default`");
        fields.misplaced("description", "write `help`");
        fields.finish();
        let mut param = Param {
            shape: shape?,
            default: None,
            pattern,
            help,
            allow: allow.unwrap_or_default(),
            span: node.span,
        };
        if let Some(node) = default {
            let value = self.value(&param.shape, node)?;
            match param.held(value) {
                Ok(value) => param.default = Some(value),
                Err(message) => {
                    let error = self.error(node.span, format!("the default: {message}"));
                    self.report(error.code("wrong-default"));
                }
            }
        }
        Some(param)
    }

    fn pattern(&self, node: &Node, shape: Option<&Shape>) -> Option<String> {
        let text = self.string(node)?;
        if shape.is_some_and(|shape| *shape != Shape::String) {
            return self.reject(node, "only a string has a `pattern`");
        }
        match whole(&text) {
            Ok(_) => Some(text),
            Err(error) => {
                let error = self.error(node.span, format!("the pattern cannot be read: {error}"));
                self.report(error.help("it is a regular expression that the whole value matches"));
                None
            }
        }
    }
}
