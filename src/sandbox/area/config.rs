//! Settings.

use serde_json::json;

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("config.get", Look(get)),
    ("config.compare", Look(compare)),
    ("config.set", Do(set)),
    ("config.restore", Do(restore)),
];

fn assignment(args: &Args<'_>) -> Result<(String, String), No> {
    let text = args.needed("assignment")?;
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| No::refused(format!("`{text}` is not of the form KEY=VALUE")))
}

fn get(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let key = args.needed("key")?;
    let value = world.settings.get(&key);
    Ok(json!({
        "key": key,
        "present": value.is_some(),
        "value": value.map_or("", String::as_str),
    })
    .into())
}

fn compare(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let (key, wanted) = assignment(args)?;
    let value = world.settings.get(&key);
    Ok(json!({
        "key": key,
        "present": value.is_some(),
        "value": value.map_or("", String::as_str),
        "same": value == Some(&wanted),
    })
    .into())
}

fn set(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let (key, value) = assignment(args)?;
    let previous = world.settings.insert(key.clone(), value.clone());
    Ok(Deed::new(
        format!("{key} set to {value}"),
        json!({
            "key": key,
            "value": value,
            "had": previous.is_some(),
            "previous": previous.unwrap_or_default(),
        }),
    ))
}

fn restore(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let key = args.needed("key")?;
    let present = args.flag("present", true);
    let value = args.text("value").filter(|_| present).unwrap_or_default();
    let effect = if present {
        world.settings.insert(key.clone(), value.clone());
        format!("{key} put back to {value}")
    } else {
        world.settings.shift_remove(&key);
        format!("{key} removed")
    };
    Ok(Deed::new(
        effect,
        json!({ "key": key, "present": present, "value": value }),
    ))
}
