//! Gates: what a person is asked before a step may act.

use super::steps::Reader;
use crate::model::gate::Expires;
use crate::spec::step::{Gate, GateAsk};
use crate::spec::yaml::{Kind, Node};

/// What people write who take a gate for a switch.
const NO_QUESTIONS: [&str; 8] = [
    "true", "false", "yes", "no", "on", "off", "confirm", "required",
];

impl Reader<'_> {
    pub(super) fn gate(&self, node: &Node, reason: bool, loops: bool) -> Option<Gate> {
        let decoder = self.decoder;
        if matches!(node.kind, Kind::Map(_)) {
            let ask = self.gate_ask(node, loops)?;
            return Some(Gate::Ask(Box::new(ask)));
        }
        let text = decoder.text(node, "a question, `none` or a mapping")?;
        if text == "none" {
            if !reason {
                let message = "`gate: none` needs a `why` beside it";
                let error = decoder.error(node.span, message).code("missing-key");
                decoder.report(error.help("say why nobody needs to be asked"));
            }
            return Some(Gate::None);
        }
        if text.trim().is_empty() || NO_QUESTIONS.contains(&text) {
            let error = decoder.error(node.span, "a gate is a question");
            decoder.report(
                error
                    .help("write what the operator is asked, for example `gate: Restart it now?`")
                    .help("`gate: none` with a `why` says that none is needed"),
            );
            return None;
        }
        Some(Gate::Ask(Box::new(GateAsk {
            confirm: decoder.template(node)?,
            challenge: None,
            show: Vec::new(),
            condition: None,
            once: false,
            approvals: None,
            expires: Expires::default(),
        })))
    }

    fn gate_ask(&self, node: &Node, loops: bool) -> Option<GateAsk> {
        let decoder = self.decoder;
        let mut fields = decoder.fields(node, "a gate")?;
        let confirm = fields.required("confirm", |node| {
            if decoder.text(node, "a question")?.trim().is_empty() {
                return decoder.unexpected(node, "a question");
            }
            decoder.template(node)
        });
        let challenge = fields.optional("challenge", |node| {
            if decoder.text(node, "what is to be typed")?.trim().is_empty() {
                return decoder.unexpected(node, "what is to be typed");
            }
            decoder.template(node)
        });
        let show = fields.optional("show", |node| {
            decoder.one_or_list(node, |item| decoder.expression(item))
        });
        let condition = fields.optional("if", |node| decoder.expression(node));
        let once = fields.flag("once");
        if once && !loops {
            let span = fields.key_span("once").unwrap_or(node.span);
            let error = decoder.error(
                span,
                "`once` asks once for all items of a loop, and there is none",
            );
            decoder.report(error.help("it needs `for_each` on the same step"));
        }
        let (approvals, expires) = self.others(&mut fields);
        fields.finish();
        Some(GateAsk {
            confirm: confirm?,
            challenge,
            show: show.unwrap_or_default(),
            condition,
            once,
            approvals,
            expires,
        })
    }
}
