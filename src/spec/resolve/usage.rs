//! How an action is called, in one line.

use crate::model::Shape;
use crate::model::ids::{ActionName, ArgName};
use crate::model::text::clip;
use crate::spec::contract::{Action, Arg};

/// `failover [--to-replica=…] [--cluster=…]`
pub(super) fn usage(tool: &str, name: &ActionName, action: &Action) -> String {
    let positional = action.positionals();
    let flags = action
        .args
        .iter()
        .filter(|(_, arg)| arg.positional.is_none());
    let mut words = vec![format!("{tool} {name}")];
    for (name, arg) in positional.into_iter().chain(flags) {
        let word = one(name, arg);
        words.push(if arg.is_required() {
            word
        } else {
            format!("[{word}]")
        });
    }
    clip(&words.join(" "), 300).into_owned()
}

/// How one argument is given: `SERVICE`, `--cluster=…`, `-b …`.
pub(super) fn one(name: &ArgName, arg: &Arg) -> String {
    let more = if arg.many { "…" } else { "" };
    if arg.positional.is_some() {
        return format!("{}{more}", name.as_str().to_uppercase());
    }
    match (name.as_str().len(), &arg.shape) {
        (1, Shape::Boolean) => format!("-{name}"),
        (_, Shape::Boolean) => format!("--{name}"),
        (1, _) => format!("-{name} …"),
        _ => format!("--{name}=…"),
    }
}
