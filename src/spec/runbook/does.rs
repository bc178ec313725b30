//! What a step does.

use indexmap::IndexMap;

use super::kinds::Kind;
use super::steps::{Place, Reader};
use crate::model::ids::{Name, RunbookName};
use crate::model::{Duration, Shape};
use crate::spec::fields::Fields;
use crate::spec::source::Spanned;
use crate::spec::step::{Ask, Does, Include, Manual, Pause};
use crate::spec::yaml::{self, Node};

impl Reader<'_> {
    pub(super) fn does(&self, fields: &mut Fields<'_>, kind: Kind, place: Place) -> Option<Does> {
        match kind {
            Kind::Block => {
                let parallel = fields.flag("parallel");
                let steps =
                    fields.required("steps", |node| self.steps(node, place.inside(parallel)));
                Some(Does::Block {
                    parallel,
                    steps: steps?,
                })
            }
            Kind::Call => {
                let node = fields.node("call");
                let call = node.and_then(|node| self.call(node));
                let with = fields.optional("with", |node| self.call_with(node));
                let mut call = call?;
                call.with = with.unwrap_or_default();
                Some(Does::Call(Spanned::new(call, node?.span)))
            }
            Kind::Run => self.run(fields).map(|run| Does::Run(Box::new(run))),
            Kind::Manual => self.manual(fields).map(Does::Manual),
            Kind::Ask => self.ask(fields).map(Does::Ask),
            Kind::Pause => fields
                .required("pause", |node| self.pause(node))
                .map(Does::Pause),
            Kind::Include => self.include(fields).map(Does::Include),
        }
    }

    fn manual(&self, fields: &mut Fields<'_>) -> Option<Manual> {
        let decoder = self.decoder;
        let items = fields.required("manual", |node| {
            let items = decoder.one_or_list(node, |item| {
                if decoder.text(item, "what is to be done")?.trim().is_empty() {
                    return decoder.unexpected(item, "what is to be done");
                }
                decoder.template(item)
            })?;
            if items.is_empty() {
                return decoder.reject(node, "there is nothing to be done in it");
            }
            Some(items)
        });
        let by = fields.optional("by", |node| decoder.line(node));
        let reveal = fields.optional("reveal", |node| decoder.expression(node));
        Some(Manual {
            items: items?,
            by,
            reveal,
        })
    }

    fn ask(&self, fields: &mut Fields<'_>) -> Option<Ask> {
        let decoder = self.decoder;
        let question = fields.required("ask", |node| {
            if decoder.text(node, "a question")?.trim().is_empty() {
                return decoder.unexpected(node, "a question");
            }
            decoder.template(node)
        });
        let suggest = fields.optional("suggest", |node| decoder.expression(node));
        let choices = fields.node("choices");
        let (choices, shape) = match choices.map(|node| (&node.kind, node)) {
            // With what they mean, they are no part of a type.
            Some((yaml::Kind::Map(_), node)) => {
                let typed = fields.node("type");
                if let Some(node) = typed.filter(|node| node.text() != Some("choice")) {
                    decoder.reject::<()>(node, "an answer that is chosen has `type: choice`");
                }
                let choices = self.choices(node)?;
                let words = choices.keys().cloned().collect();
                (choices, Shape::Choice(words))
            }
            _ => match decoder.typed(fields)? {
                Shape::Secret => {
                    let place = fields.node("type").map_or(fields.span(), |node| node.span);
                    let message = "an answer is recorded, so it can be no secret";
                    let error = decoder.error(place, message).code("secret");
                    let help = "ask for it as a parameter of `type: secret`: there a person says where it is found";
                    decoder.report(error.help(help));
                    return None;
                }
                Shape::Choice(words) => {
                    let choices = words.iter().map(|word| (word.clone(), String::new()));
                    (choices.collect(), Shape::Choice(words))
                }
                shape => (IndexMap::new(), shape),
            },
        };
        Some(Ask {
            question: question?,
            choices,
            shape,
            suggest,
        })
    }

    /// Answers with what they mean.
    fn choices(&self, node: &Node) -> Option<IndexMap<String, String>> {
        let decoder = self.decoder;
        let choices: IndexMap<String, String> = decoder.mapping(node, |key, node| {
            if key.text.trim().is_empty() {
                decoder.report(decoder.error(key.span, "an answer has at least one letter"));
                return None;
            }
            let meaning = if node.is_null() {
                String::new()
            } else {
                decoder.line(node)?
            };
            Some((key.text.clone(), meaning))
        })?;
        if choices.is_empty() {
            return decoder.reject(node, "there is nothing to choose from");
        }
        Some(choices)
    }

    fn pause(&self, node: &Node) -> Option<Pause> {
        let decoder = self.decoder;
        if !matches!(node.kind, yaml::Kind::Map(_)) {
            return match decoder.duration(node)? {
                Duration::ZERO => decoder.unexpected(node, "a duration longer than 0s"),
                duration => Some(Pause::For(duration)),
            };
        }
        let mut fields = decoder.fields(node, "a pause")?;
        let until = fields.required("until", |node| self.clock(node));
        fields.finish();
        until
    }

    /// `06:00 Europe/London`: the next time that a clock there shows this.
    fn clock(&self, node: &Node) -> Option<Pause> {
        let decoder = self.decoder;
        let expected = "a time and a zone such as \"06:00 Europe/London\"";
        let text = decoder.text(node, expected)?;
        let Some((time, zone)) = text.trim().split_once(' ') else {
            return decoder.unexpected(node, expected);
        };
        let zone = zone.trim();
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let clock = time
            .split_once(':')
            .filter(|(hours, minutes)| digits(hours) && digits(minutes))
            .and_then(|(hours, minutes)| {
                let (hours, minutes) = (hours.parse().ok()?, minutes.parse().ok()?);
                jiff::civil::Time::new(hours, minutes, 0, 0).ok()
            });
        let Some(time) = clock else {
            return decoder.unexpected(node, expected);
        };
        // The bundled zones: what a runbook means does not depend on the machine.
        if jiff::tz::TimeZoneDatabase::bundled().get(zone).is_err() {
            let shown = crate::model::text::escape_controls(zone).into_owned();
            let error = decoder.error(node.span, format!("there is no time zone `{shown}`"));
            decoder.report(error.help("write its IANA name, for example Europe/London or UTC"));
            return None;
        }
        Some(Pause::Until {
            time,
            zone: zone.to_owned(),
        })
    }

    fn include(&self, fields: &mut Fields<'_>) -> Option<Include> {
        let decoder = self.decoder;
        let runbook = fields.required("runbook", |node| {
            decoder.spanned(node, |node| decoder.id::<RunbookName>(node))
        });
        let with = fields.optional("with", |node| {
            decoder.mapping(node, |key, node| {
                let name = decoder.key::<Name>(key);
                let value = decoder.literal(node);
                Some((name?, value?))
            })
        });
        Some(Include {
            runbook: runbook?,
            with: with.unwrap_or_default(),
        })
    }
}
