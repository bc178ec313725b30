//! `run`: a command of the runbook's own.

use indexmap::IndexMap;

use super::steps::Reader;
use crate::expr::Template;
use crate::model::Shape;
use crate::model::call::Shell;
use crate::model::ids::Name;
use crate::spec::decode::Decoder;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::fields::Fields;
use crate::spec::source::Spanned;
use crate::spec::step::{OutputSpec, RunCommand, RunStep};
use crate::spec::yaml::{Key, Kind, Node};

const SHELLS: [(&str, Shell); 2] = [("sh", Shell::Sh), ("bash", Shell::Bash)];

impl Reader<'_> {
    pub(super) fn run(&self, fields: &mut Fields<'_>) -> Option<RunStep> {
        let decoder = self.decoder;
        let shell = fields.entry("shell");
        let read_by = shell.and_then(|(_, node)| decoder.one_of(node, &SHELLS));
        let command = fields.required("run", |node| match node.kind {
            Kind::Seq(_) => {
                if let Some((key, _)) = shell {
                    let error = decoder.error(key.span, "a list of words is given to no shell");
                    decoder.report(error.help("write a script: `run: |`"));
                }
                self.argv(node)
            }
            _ => self.script(node, read_by.unwrap_or_default()),
        });
        if !fields.has("effect") {
            let span = fields.key_span("run").unwrap_or(fields.span());
            let error = decoder.error(span, "a `run` step needs the key `effect`");
            decoder.report(
                error
                    .code("missing-key")
                    .help("say what it can do to the world: read, change or destructive"),
            );
        }
        let env = fields.optional("env", |node| decoder.variables(node));
        let dir = fields.optional("dir", |node| decoder.template(node));
        let output = fields.optional("output", |node| self.output(node));
        let ok = fields.optional("ok", |node| decoder.expression(node));
        let idempotent = fields.flag("idempotent");
        let sensitive = fields.flag("sensitive");
        let output = output.unwrap_or_default();
        let example = fields.optional("example", |node| {
            decoder.value(&output.example_shape(), node)
        });
        Some(RunStep {
            command: command?,
            env: env.unwrap_or_default(),
            dir,
            output,
            ok,
            idempotent,
            sensitive,
            example,
        })
    }

    fn argv(&self, node: &Node) -> Option<RunCommand> {
        let decoder = self.decoder;
        let words = decoder.list(node, |item| decoder.template(item))?;
        match words.first() {
            None => decoder.unexpected(node, "a program and its words"),
            Some(program) if program.source().trim().is_empty() => {
                decoder.unexpected(node, "a program and its words")
            }
            Some(_) => Some(RunCommand::Argv(words)),
        }
    }

    fn script(&self, node: &Node, shell: Shell) -> Option<RunCommand> {
        let decoder = self.decoder;
        let text = decoder.text(node, "a list of words, or a script")?;
        if text.trim().is_empty() {
            return decoder.unexpected(node, "a list of words, or a script");
        }
        let place =
            |range| crate::spec::expressions::place_in(decoder.source(), node.span, text, &range);
        if let Some(at) = text.find("{{") {
            let error = decoder.error(place(at..at + 2), "nothing is filled in inside a script");
            decoder.report(error.code("template-in-script").help(
                "pass the value as a variable: `env: { NAME: \"{{ … }}\" }`, and use \"$NAME\"",
            ));
            return None;
        }
        if let Some(at) = pipe(text).filter(|_| shell == Shell::Sh) {
            let warning = Diagnostic::warning(
                decoder.source(),
                place(at..at + 1),
                "a failure to the left of `|` goes unnoticed under sh",
            );
            decoder.report(warning.code("pipe").help("write `shell: bash` beside it"));
        }
        Some(RunCommand::Script {
            text: text.to_owned(),
            shell,
        })
    }

    fn output(&self, node: &Node) -> Option<OutputSpec> {
        let decoder = self.decoder;
        if matches!(node.kind, Kind::Map(_)) {
            let fields: IndexMap<String, _> = decoder.mapping(node, |key, node| {
                let name: Option<Name> = decoder.key(key);
                let expression = decoder.expression(node);
                Some((String::from(name?), expression?))
            })?;
            if fields.is_empty() {
                return decoder.reject(node, "there are no fields in it");
            }
            return Some(OutputSpec::Mapping(fields));
        }
        #[derive(Clone, Copy)]
        enum Word {
            Text,
            Json,
            Lines,
        }
        let words = [
            ("text", Word::Text),
            ("json", Word::Json),
            ("lines", Word::Lines),
        ];
        Some(match decoder.one_of(node, &words)? {
            Word::Text => OutputSpec::Text,
            Word::Json => OutputSpec::Json,
            Word::Lines => OutputSpec::Lines,
        })
    }
}

impl OutputSpec {
    /// The type of the output.
    pub fn shape(&self) -> Shape {
        let fields = |names: &[(&str, Shape)]| {
            let field = |(name, shape): &(&str, Shape)| {
                let field = crate::model::Field {
                    shape: shape.clone(),
                    optional: false,
                };
                ((*name).to_owned(), field)
            };
            Shape::object(names.iter().map(field).collect())
        };
        match self {
            Self::Text => fields(&[
                ("exit", Shape::Integer),
                ("stdout", Shape::String),
                ("stderr", Shape::String),
            ]),
            Self::Json => Shape::Any,
            Self::Lines => Shape::List(Box::new(Shape::String)),
            Self::Mapping(map) => {
                let names: Vec<_> = map.keys().map(|name| (name.as_str(), Shape::Any)).collect();
                fields(&names)
            }
        }
    }

    /// The same for an example: what it leaves out of a text output is taken as usual.
    fn example_shape(&self) -> Shape {
        match (self, self.shape()) {
            (Self::Text, Shape::Object(Some(mut fields))) => {
                for (name, field) in &mut fields {
                    field.optional = name != "stdout";
                }
                Shape::object(fields)
            }
            (_, shape) => shape,
        }
    }
}

impl Decoder {
    /// Variables of a process's environment.
    pub(super) fn variables(&self, node: &Node) -> Option<IndexMap<String, Spanned<Template>>> {
        self.mapping(node, |key, node| {
            let name = self.variable(key);
            let template = self.template(node);
            Some((name?, template?))
        })
    }

    fn variable(&self, key: &Key) -> Option<String> {
        let mut chars = key.text.chars();
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let message = if !chars.next().is_some_and(first) || !chars.all(rest) {
            "a variable's name has letters, digits and `_`, no digit first"
        } else if key.text.starts_with("RUNBOOK_") {
            "variables that begin with `RUNBOOK_` are set by the run itself"
        } else {
            return Some(key.text.clone());
        };
        self.report(self.error(key.span, message));
        None
    }
}

/// The first `|` of a script that pipes, as far as that can be seen without being a shell.
fn pipe(script: &str) -> Option<usize> {
    let bytes = script.as_bytes();
    let (mut quote, mut at, mut comment) = (None, 0, false);
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match (quote, byte) {
            (_, b'\n') => comment = false,
            _ if comment => {}
            (None | Some(b'"'), b'\\') => at += 1,
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(*byte),
            (None, b'#') if at == 0 || bytes[at - 1].is_ascii_whitespace() => comment = true,
            (None, b'|') if next == Some(&b'|') => at += 1,
            (None, b'|') if at > 0 && bytes[at - 1] == b'>' => {}
            (None, b'|') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_told_from_what_only_looks_like_one() {
        assert_eq!(pipe("a | b"), Some(2));
        assert_eq!(
            pipe("a || b\n# x | y\necho 'a | b' \"c | d\" \\| e >| f"),
            None
        );
        assert_eq!(pipe("echo 'x'\ncat y |\n wc"), Some(15));
    }
}
