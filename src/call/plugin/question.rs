//! What a plugin is asked, before it is known whether it can be.

use serde_json::{Map as JsonMap, Value as Json};
use zeroize::Zeroizing;

use super::living::Living;
use super::message::{Given, MessageId, RunWords, Told};
use crate::call::find::not_started;
use crate::model::call::{Failure, Request};
use crate::model::ids::ActionName;
use crate::model::suggest::nearest;

/// A question.
pub(super) enum Question<'a> {
    /// Whether its settings are right.
    Check(Given),
    /// An action.
    Call {
        action: &'a ActionName,
        args: JsonMap<String, Json>,
        given: Given,
    },
}

/// Why a plugin that lives is not asked.
pub(super) enum NotAsked {
    Because(Failure),
    /// It says that it cannot check its settings.
    ChecksNothing,
}

impl Question<'_> {
    /// The question as a line for this process, or why it is not to be asked.
    pub(super) fn line(
        &self,
        request: &Request,
        living: &Living,
        (id, timeout_ms): (MessageId, u64),
    ) -> Result<Zeroizing<Vec<u8>>, NotAsked> {
        let told = match self {
            Self::Check(_) if !living.described.checks => return Err(NotAsked::ChecksNothing),
            Self::Check(given) => Told::Check {
                id,
                given,
                timeout_ms,
            },
            Self::Call {
                action,
                args,
                given,
            } => {
                living.can(action)?;
                Told::Call {
                    id,
                    action: action.as_str(),
                    args,
                    given,
                    run: RunWords::of(request),
                    purpose: request.purpose,
                    effect: request.effect,
                    timeout_ms,
                }
            }
        };
        let unwritable = |e| NotAsked::Because(not_started(format!("the call is no JSON: {e}")));
        told.line().map_err(unwritable)
    }
}

impl Living {
    /// Whether it says that it knows an action.
    fn can(&self, action: &ActionName) -> Result<(), NotAsked> {
        let known = &self.described.actions;
        if known.iter().any(|known| known == action.as_str()) {
            return Ok(());
        }
        let (who, name) = (&self.who, &self.described.name);
        let mut failure = not_started(format!("{who} ({name}) has no action `{action}`"));
        if let Some(near) = nearest(action.as_str(), known.iter().map(String::as_str)) {
            failure = failure.hint(format!("it has `{near}`: look at the adapter's file"));
        }
        Err(NotAsked::Because(failure))
    }
}
