//! Which action a call means.

use std::sync::Arc;

use super::args::{Args, Given};
use crate::model::ids::ActionName;
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::spec::contract::{Action, Contract};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::source::Source;
use crate::spec::step::{Call, ResolvedCall};

/// A call whose action and arguments are known, and where each value is written.
pub(in crate::spec) struct Resolution<'a> {
    pub(in crate::spec) call: ResolvedCall,
    pub(in crate::spec) action: &'a Action,
    pub(in crate::spec) given: Vec<Given>,
}

/// The action and the arguments of a call. Values that are written out fit their types; what a
/// template will give is not known here.
///
/// # Errors
///
/// Everything that is wrong with the call, each with its place in `source`.
pub fn resolve(
    call: &Call,
    contract: &Contract,
    source: &Arc<Source>,
) -> Result<ResolvedCall, Vec<Diagnostic>> {
    placed(call, contract, source).map(|resolution| resolution.call)
}

/// The same, with the place of each value.
pub(in crate::spec) fn placed<'a>(
    call: &Call,
    contract: &'a Contract,
    source: &Arc<Source>,
) -> Result<Resolution<'a>, Vec<Diagnostic>> {
    let (name, action, skip) =
        which(call, contract, source).map_err(|diagnostic| vec![*diagnostic])?;
    let mut args = Args::new(call, name, action, source);
    args.words(&call.words[skip..]);
    args.mapping(&call.with);
    let finished = args.finish()?;
    Ok(Resolution {
        call: ResolvedCall {
            tool: call.tool.value.clone(),
            action: name.clone(),
            words: call.words.iter().map(|word| word.value.clone()).collect(),
            args: finished.args,
            mapped: finished.mapped,
        },
        action,
        given: finished.given,
    })
}

/// The action, and how many words name it.
pub(in crate::spec) fn which<'a>(
    call: &Call,
    contract: &'a Contract,
    source: &Arc<Source>,
) -> Result<(&'a ActionName, &'a Action, usize), Box<Diagnostic>> {
    let tool = &call.tool.value.tool;
    let first = call.words.first();
    let written = first.and_then(|word| word.is_constant());
    if let Some((_, name, action)) = written.and_then(|word| contract.actions.get_full(word)) {
        return Ok((name, action, 1));
    }
    let default = contract.default.as_ref();
    if let Some((_, name, action)) = default.and_then(|name| contract.actions.get_full(name)) {
        return Ok((name, action, 0));
    }
    let names = || contract.actions.keys().map(ActionName::as_str);
    let list: Vec<&str> = names().collect();
    let list = format!("its actions are {}", list.join(", "));
    let error = |span, message: String| Diagnostic::error(source, span, message).code("action");
    Err(Box::new(match (first, written) {
        (None, _) => {
            let message = format!("a call of ${tool} names an action");
            error(call.tool.span, message).help(list)
        }
        (Some(word), None) => {
            let message = format!("the action of ${tool} is written out, never filled in");
            error(word.span, message).help(list)
        }
        (Some(word), Some(text)) => {
            let shown = escape_controls(&clip(text, 60)).into_owned();
            let near = nearest(text, names());
            error(word.span, format!("${tool} has no action `{shown}`"))
                .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
                .help(list)
        }
    }))
}
