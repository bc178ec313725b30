//! `undo`: how a step is taken back.

use super::kinds::Kind;
use super::steps::{Place, Reader};
use crate::spec::step::{How, OnFailure, Step, Undo, UndoWhen};
use crate::spec::yaml::{self, Node};

impl Reader<'_> {
    pub(super) fn undo(&self, node: &Node, place: Place) -> Option<Undo> {
        let decoder = self.decoder;
        let inside = place.undo();
        match &node.kind {
            yaml::Kind::Seq(_) => Some(at_failure(self.steps(node, inside)?)),
            yaml::Kind::Map(_) => self.undo_mapping(node, inside),
            yaml::Kind::Scalar(_) => match decoder.text(node, "an undo")? {
                "none" => Some(Undo::None),
                "barrier" => Some(Undo::Barrier),
                text if text.starts_with('$') => {
                    if !self.counted(node) {
                        return None;
                    }
                    let does = self.call_alone(node)?;
                    let step = Step {
                        id: super::ids::unnumbered(node.span)?,
                        named: false,
                        span: node.span,
                        how: How::default(),
                        does,
                    };
                    Some(at_failure(vec![step]))
                }
                _ => {
                    let error = decoder.error(node.span, "this is no undo");
                    decoder.report(
                        error
                            .help("write a call (`$TOOL action …`), `{ manual: … }`, `{ steps: [ … ] }`, `none` or `barrier`"),
                    );
                    None
                }
            },
        }
    }

    /// `{ call: …, with: … }`, `{ manual: … }` or `{ steps: [ … ] }`, and when.
    fn undo_mapping(&self, node: &Node, place: Place) -> Option<Undo> {
        let decoder = self.decoder;
        let mut fields = decoder.fields(node, "an undo")?;
        let kinds = fields.which(&["call", "manual", "steps"]);
        let steps = match kinds.as_slice() {
            ["steps"] => {
                let steps = fields.optional("steps", |node| self.steps(node, place));
                fields.misplaced("title", "it belongs to the steps");
                steps
            }
            [word @ ("call" | "manual")] => {
                let kind = if *word == "call" {
                    Kind::Call
                } else {
                    Kind::Manual
                };
                let title = fields.optional("title", |node| decoder.template(node));
                let why = fields.optional("why", |node| decoder.template(node));
                let does = self.does(&mut fields, kind, place);
                if !self.counted(node) {
                    return None;
                }
                does.and_then(|does| {
                    Some(vec![Step {
                        id: super::ids::unnumbered(node.span)?,
                        named: false,
                        span: node.span,
                        how: How {
                            title,
                            why,
                            ..How::default()
                        },
                        does,
                    }])
                })
            }
            _ => {
                for key in ["call", "manual", "steps"] {
                    fields.node(key);
                }
                let error = decoder.error(node.span, "an undo is one of call, manual, steps");
                decoder.report(error.code("clash"));
                None
            }
        };
        let when = fields.optional("when", |node| decoder.one_of(node, &UndoWhen::ALL));
        let on_failure = fields.optional("on_failure", |node| {
            // Without it the run is parked: only a person may leave an undo half done.
            decoder.one_of(node, &[("continue", OnFailure::Continue)])
        });
        for key in ["run", "ask", "pause", "runbook", "gate", "if", "id"] {
            fields.misplaced(key, "write it as a step: `undo: { steps: [ … ] }`");
        }
        fields.finish();
        Some(Undo::Steps {
            steps: steps?,
            when: when.unwrap_or_default(),
            on_failure,
        })
    }
}

fn at_failure(steps: Vec<Step>) -> Undo {
    Undo::Steps {
        steps,
        when: UndoWhen::default(),
        on_failure: None,
    }
}
