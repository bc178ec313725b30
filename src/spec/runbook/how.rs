//! How a step is done: the keys that most kinds of steps have.

use super::kinds::Kind;
use super::steps::{Part, Place, Reader, spanned};
use crate::expr::Expression;
use crate::model::ids::{Name, StepId};
use crate::model::{Duration, Effect};
use crate::spec::fields::Fields;
use crate::spec::source::Spanned;
use crate::spec::step::{ForEach, How, OnFailure, Poll, Repeat, Retry};
use crate::spec::yaml::{self, Node};

/// Names that mean something else in expressions.
const RESERVED: [&str; 14] = [
    "params", "vars", "steps", "run", "output", "args", "before", "error", "incident", "settings",
    "exit", "stdout", "stderr", "none",
];

impl Reader<'_> {
    pub(super) fn how(&self, fields: &mut Fields<'_>, kind: Kind, place: Place) -> How {
        let decoder = self.decoder;
        let template = |node: &Node| decoder.template(node);
        let expression = |node: &Node| decoder.expression(node);
        let mut how = How {
            title: fields.optional("title", template),
            why: fields.optional("why", template),
            condition: fields.optional("if", expression),
            require: fields.optional("require", expression),
            ..How::default()
        };
        how.needs = self.needs(fields, place);
        how.on_failure = fields.optional("on_failure", |node| self.on_failure(node, place));
        if kind.takes("for_each") {
            how.for_each = self.for_each(fields);
        }
        if kind.takes("gate") {
            let loops = fields.has("for_each");
            let reason = fields.has("why");
            how.gate =
                fields.optional("gate", |node| spanned(node, self.gate(node, reason, loops)));
        }
        if kind.takes("retry") {
            how.retry = fields.optional("retry", |node| self.retry(node));
        }
        if kind.takes("timeout") {
            how.timeout = fields.optional("timeout", |node| spanned(node, self.some_time(node)));
        }
        if kind.takes("effect") {
            how.effect = fields.optional("effect", |node| {
                decoder.spanned(node, |node| decoder.one_of(node, &Effect::ALL))
            });
            how.expect = fields.optional("expect", expression);
            how.poll = self.poll(fields);
            how.repeat = fields.optional("repeat", |node| self.repeat(node));
            self.polls_alone(fields);
        }
        if kind.takes("undo") {
            how.undo = fields
                .entry("undo")
                .and_then(|(key, node)| match place.part {
                    Part::Steps => self.undo(node, place),
                    Part::Finally => {
                        self.no_undo(key, "`finally` runs after everything was undone")
                    }
                    Part::Undo => self.no_undo(key, "an undo is not undone itself"),
                });
        }
        how
    }

    fn no_undo<T>(&self, key: &yaml::Key, why: &str) -> Option<T> {
        let error = self
            .decoder
            .error(key.span, format!("`undo` has no place here: {why}"));
        self.decoder.report(error.code("misplaced"));
        None
    }

    fn needs(&self, fields: &mut Fields<'_>, place: Place) -> Vec<Spanned<StepId>> {
        let decoder = self.decoder;
        let Some((key, node)) = fields.entry("needs") else {
            return Vec::new();
        };
        if !place.parallel {
            let message = "`needs` stands in a block with `parallel: true` only";
            let error = decoder.error(key.span, message).code("needs");
            decoder.report(error.help("elsewhere the order is the list: put the step below"));
        }
        let needs =
            decoder.one_or_list(node, |item| decoder.spanned(item, |item| decoder.id(item)));
        needs.unwrap_or_default()
    }

    fn on_failure(&self, node: &Node, place: Place) -> Option<OnFailure> {
        let found = self.decoder.one_of(node, &OnFailure::ALL)?;
        let why = match (found, place.part) {
            (OnFailure::Undo, Part::Finally) => "`finally` runs after everything was undone",
            (OnFailure::Undo, Part::Undo) => "an undo is not undone itself",
            _ => return Some(found),
        };
        self.decoder
            .reject(node, format!("`undo` has no place here: {why}"))
    }

    fn for_each(&self, fields: &mut Fields<'_>) -> Option<ForEach> {
        let decoder = self.decoder;
        let list = fields.node("for_each");
        let others = ["as", "key", "max_parallel", "max_failures"];
        if list.is_none() {
            self.stray(fields, &others, "for_each");
        }
        let name = fields.optional("as", |node| self.item_name(node));
        let key = fields.optional("key", |node| decoder.expression(node));
        let max_parallel = fields.optional("max_parallel", |node| decoder.count(node));
        let max_failures = fields.optional("max_failures", |node| decoder.u32(node));
        let list = list?;
        let list = match list.kind {
            yaml::Kind::Seq(_) => self.written_out(list)?,
            _ => decoder.expression(list)?,
        };
        Some(ForEach {
            list,
            name: name.or_else(|| "item".parse().ok())?,
            key,
            max_parallel: max_parallel.unwrap_or(1),
            max_failures: max_failures.unwrap_or(0),
        })
    }

    /// A list that is written out as YAML has it, as the expression that it stands for.
    fn written_out(&self, node: &Node) -> Option<Spanned<Expression>> {
        let decoder = self.decoder;
        // JSON is how both write texts, numbers and lists.
        let source = decoder.untyped(node).to_plain().to_string();
        match Expression::parse(&source) {
            Ok(list) => Some(Spanned::new(list, node.span)),
            Err(error) => {
                let error = decoder.error(node.span, error.message).code("expression");
                let help = "only plain values stand in such a list; write others as an expression: \"[params.a, params.b]\"";
                decoder.report(error.help(help));
                None
            }
        }
    }

    fn item_name(&self, node: &Node) -> Option<Name> {
        let name: Name = self.decoder.id(node)?;
        if RESERVED.contains(&name.as_str()) {
            let message = format!("`{name}` means something else in expressions");
            let error = self.decoder.error(node.span, message);
            self.decoder
                .report(error.help("call the item something else"));
            return None;
        }
        Some(name)
    }

    /// Keys that say nothing without another one.
    fn stray(&self, fields: &mut Fields<'_>, keys: &[&'static str], without: &str) {
        for key in keys {
            if let Some((key, _)) = fields.entry(key) {
                let message = format!("`{}` needs `{without}` beside it", key.text);
                let error = self.decoder.error(key.span, message);
                self.decoder.report(error.code("missing-key"));
            }
        }
    }

    fn retry(&self, node: &Node) -> Option<Retry> {
        let decoder = self.decoder;
        let mut retry = Retry {
            attempts: 0,
            delay: Duration::from_secs(2),
            backoff: 2.0,
            max_delay: Duration::from_secs(60),
            condition: None,
        };
        if !matches!(node.kind, yaml::Kind::Map(_)) {
            retry.attempts = decoder.count(node)?;
            return Some(retry);
        }
        let mut fields = decoder.fields(node, "a retry")?;
        let attempts = fields.required("attempts", |node| decoder.count(node));
        let delay = fields.optional("delay", |node| decoder.duration(node));
        let max_delay = fields.optional("max_delay", |node| decoder.duration(node));
        let backoff = fields.optional("backoff", |node| match decoder.number(node)? {
            factor if (1.0..=100.0).contains(&factor) => Some(factor),
            _ => decoder.unexpected(node, "a factor from 1 to 100"),
        });
        retry.condition = fields.optional("if", |node| decoder.expression(node));
        fields.finish();
        retry.attempts = attempts?;
        retry.delay = delay.unwrap_or(retry.delay);
        retry.backoff = backoff.unwrap_or(retry.backoff);
        // A long first delay without a limit of its own is meant as it stands.
        retry.max_delay = max_delay.unwrap_or(retry.max_delay.max(retry.delay));
        Some(retry)
    }

    fn some_time(&self, node: &Node) -> Option<Duration> {
        match self.decoder.duration(node)? {
            Duration::ZERO => self.decoder.unexpected(node, "a duration longer than 0s"),
            duration => Some(duration),
        }
    }

    fn poll(&self, fields: &mut Fields<'_>) -> Option<Poll> {
        let decoder = self.decoder;
        let until = fields.entry("until");
        if until.is_none() {
            self.stray(fields, &["every", "within", "hold"], "until");
        }
        let every = fields.optional("every", |node| self.some_time(node));
        let within_node = fields.node("within");
        let within = within_node.and_then(|node| self.some_time(node));
        let hold_node = fields.node("hold");
        let hold = hold_node.and_then(|node| decoder.duration(node));
        let (key, until) = until?;
        if within_node.is_none() {
            let error = decoder.error(key.span, "`until` needs `within` beside it");
            decoder.report(
                error
                    .code("missing-key")
                    .help("say how long to wait at most, for example `within: 5m`"),
            );
        }
        if let (Some(node), Some(hold), Some(within)) = (hold_node, hold, within)
            && hold >= within
        {
            let message = format!("it cannot hold for {hold} within {within}");
            decoder.report(decoder.error(node.span, message));
        }
        Some(Poll {
            until: decoder.expression(until)?,
            every: every.unwrap_or(Duration::from_secs(5)),
            within: within?,
            hold: hold.unwrap_or(Duration::ZERO),
        })
    }

    fn repeat(&self, node: &Node) -> Option<Repeat> {
        let decoder = self.decoder;
        let mut fields = decoder.fields(node, "a repeat")?;
        let until = fields.required("until", |node| decoder.expression(node));
        let at_most = fields.required("at_most", |node| decoder.count(node));
        fields.finish();
        Some(Repeat {
            until: until?,
            at_most: at_most?,
        })
    }

    /// A poll is a loop already.
    fn polls_alone(&self, fields: &Fields<'_>) {
        let Some(until) = fields.key_span("until") else {
            return;
        };
        for (key, help) in [
            ("repeat", "keep one of them"),
            (
                "retry",
                "a look that fails counts as \"not yet\": leave `retry` out",
            ),
        ] {
            if let Some(span) = fields.key_span(key) {
                let message = format!("`{key}` has no place beside `until`");
                let error = self.decoder.error(span, message).code("clash");
                let error = error.also(until, "this looks again and again already");
                self.decoder.report(error.help(help));
            }
        }
    }
}
