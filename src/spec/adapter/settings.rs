//! What an environment sets for an adapter, held against what the adapter declares.

use std::sync::Arc;

use indexmap::IndexMap;

use super::types::Adapter;
use crate::model::ids::Name;
use crate::model::suggest::nearest;
use crate::model::{Map, Shape, Value};
use crate::spec::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::secrets;
use crate::spec::shape::articled;
use crate::spec::source::{Source, Span, Spanned};

impl Adapter {
    /// The adapter's settings, typed, with defaults; nothing, where something is wrong with them.
    ///
    /// `with` is what the environment's file `source` says at `place`.
    pub fn settle(
        &self,
        with: &IndexMap<Name, Spanned<Value>>,
        source: &Arc<Source>,
        place: Span,
        found: &mut Diagnostics,
    ) -> Option<Map> {
        let mut settled = Map::new();
        let mut whole = true;
        let mut report = |diagnostic: Diagnostic| {
            found.push(diagnostic.code("setting"));
            whole = false;
        };
        for (name, setting) in &self.settings {
            let value = match with.get(name) {
                Some(given) => match setting.shape.accept(given) {
                    Ok(value) => value,
                    Err(_) if setting.shape == Shape::Secret => {
                        let message =
                            format!("`{name}` is a secret, and a secret is never written out");
                        let error = Diagnostic::error(source, given.span, message);
                        report(error.help(secrets::WRITE).unseen());
                        continue;
                    }
                    Err(misfit) => {
                        let error = Diagnostic::error(source, given.span, misfit.to_string());
                        let help = given.secret().map(|_| {
                            format!("only a setting that the adapter declares `type: secret` takes one; `{name}` is {}", articled(&setting.shape))
                        });
                        report(error.maybe_help(help));
                        continue;
                    }
                },
                None if setting.is_required() => {
                    let message =
                        format!("the adapter `{}` needs the setting `{name}`", self.adapter);
                    let help = setting
                        .help
                        .as_ref()
                        .map(|help| format!("`{name}`: {help}"));
                    report(Diagnostic::error(source, place, message).maybe_help(help));
                    continue;
                }
                None => setting.default.clone().unwrap_or_default(),
            };
            settled.insert(String::from(name.clone()), value);
        }
        for (name, given) in with {
            if !self.settings.contains_key(name) {
                let near = nearest(name.as_str(), self.settings.keys().map(Name::as_str));
                let message = format!("the adapter `{}` has no setting `{name}`", self.adapter);
                let help = near.map(|near| format!("did you mean `{near}`?"));
                report(Diagnostic::error(source, given.span, message).maybe_help(help));
            }
        }
        whole.then_some(settled)
    }
}
