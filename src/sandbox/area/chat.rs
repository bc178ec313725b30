//! Chat: channels and what was posted there.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("chat.history", Look(history)),
    ("chat.post", Do(post)),
    ("chat.channel", Look(channel)),
    ("chat.create_channel", Do(create_channel)),
    ("chat.archive_channel", Do(archive_channel)),
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Message {
    channel: String,
    at: Timestamp,
    text: String,
}

/// Channels, archived or not, and messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Chat {
    archived: IndexMap<String, bool>,
    messages: Vec<Message>,
}

impl Default for Chat {
    fn default() -> Self {
        let channels = ["general", "incidents", "security-incidents"];
        Self {
            archived: channels
                .iter()
                .map(|name| ((*name).to_owned(), false))
                .collect(),
            messages: Vec::new(),
        }
    }
}

/// Channels are written with and without `#`.
fn name(args: &Args<'_>, argument: &str) -> Result<String, No> {
    let name = args.needed(argument)?;
    Ok(name.trim_start_matches('#').to_owned())
}

fn history(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let channel = name(args, "channel")?;
    let last = args.time("last", 60);
    let messages: Vec<_> = world
        .chat
        .messages
        .iter()
        .rev()
        .filter(|message| message.channel == channel)
        .filter(|message| Duration::between(message.at, world.now()) <= last)
        .map(|message| {
            json!({ "at": message.at.to_string(), "author": "runbook", "text": message.text })
        })
        .collect();
    Ok(json!({ "messages": messages }).into())
}

fn post(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let (channel, text) = (name(args, "channel")?, args.needed("text")?);
    match world.chat.archived.get(&channel) {
        None => return Err(No::failed(format!("there is no channel `{channel}`"))),
        Some(true) => return Err(No::failed(format!("the channel `{channel}` is closed"))),
        Some(false) => {}
    }
    let at = world.now();
    world.chat.messages.push(Message {
        channel: channel.clone(),
        at,
        text,
    });
    let id = format!("{}.{:06}", at.as_second(), world.chat.messages.len() * 100);
    Ok(Deed::new(
        format!("message posted to {channel}"),
        json!({ "channel": channel, "id": id }),
    ))
}

fn channel(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let name = name(args, "name")?;
    let archived = world.chat.archived.get(&name);
    Ok(json!({
        "name": name,
        "exists": archived.is_some(),
        "archived": archived.copied().unwrap_or(false),
    })
    .into())
}

fn create_channel(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let name = name(args, "name")?;
    let before = world.chat.archived.insert(name.clone(), false);
    Ok(Deed::new(
        format!("channel {name} is open"),
        json!({
            "name": name,
            "created": before.is_none(),
            "url": format!("https://chat.example/{name}"),
        }),
    ))
}

fn archive_channel(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let name = name(args, "name")?;
    let Some(archived) = world.chat.archived.get_mut(&name) else {
        return Err(No::refused(format!("there is no channel `{name}`")));
    };
    *archived = true;
    Ok(Deed::new(
        format!("channel {name} closed"),
        json!({ "name": name, "archived": true }),
    ))
}
