//! Feature flags.

use serde_json::json;

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::topology::FLAGS;
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("flags.status", Look(status)),
    ("flags.disable", Do(disable)),
    ("flags.enable", Do(enable)),
];

fn named(world: &World, args: &Args<'_>) -> Result<Vec<String>, No> {
    let names = args.list("names");
    match names.iter().find(|name| !world.flags.contains_key(*name)) {
        Some(unknown) => Err(No::refused(format!("there is no flag `{unknown}`"))),
        None => Ok(names),
    }
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let asked = named(world, args)?;
    let names = match args.asked("names") {
        Some(_) => asked,
        None => world.flags.keys().cloned().collect(),
    };
    let (enabled, disabled): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| world.flag(name));
    let flags: Vec<_> = names
        .iter()
        .map(|name| {
            let known = FLAGS.iter().find(|(flag, ..)| flag == name);
            json!({
                "name": name,
                "enabled": world.flag(name),
                "critical": known.is_some_and(|(_, _, critical, _)| *critical),
                "description": known.map_or("", |(.., description)| *description),
            })
        })
        .collect();
    Ok(json!({ "enabled": enabled, "disabled": disabled, "flags": flags }).into())
}

fn set(world: &mut World, args: &Args<'_>, on: bool) -> Result<Deed, No> {
    let names = named(world, args)?;
    let (unchanged, changed): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| world.flag(name) == on);
    for name in &changed {
        world.flags.insert(name.clone(), on);
    }
    let turned = if on { "on" } else { "off" };
    let effect = if changed.is_empty() {
        format!("no flag had to be turned {turned}")
    } else {
        format!("turned {turned}: {}", changed.join(", "))
    };
    Ok(Deed::new(
        effect,
        json!({ "changed": changed, "unchanged": unchanged }),
    ))
}

fn disable(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, false)
}

fn enable(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, true)
}
