//! Tickets: what is to be done later.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("tickets.find", Look(find)),
    ("tickets.get", Look(get)),
    ("tickets.create", Do(create)),
    ("tickets.comment", Do(comment)),
    ("tickets.close", Do(close)),
    ("tickets.reopen", Do(reopen)),
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ticket {
    id: String,
    title: String,
    text: String,
    label: String,
    priority: String,
    open: bool,
    comments: Vec<String>,
}

impl Ticket {
    fn state(&self) -> &'static str {
        if self.open { "open" } else { "closed" }
    }
}

/// All tickets of the team.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Tickets {
    all: Vec<Ticket>,
}

impl Tickets {
    fn named(&self, args: &Args<'_>) -> Result<&Ticket, No> {
        let id = args.needed("id")?;
        self.all
            .iter()
            .find(|ticket| ticket.id == id)
            .ok_or_else(|| No::refused(format!("there is no ticket `{id}`")))
    }

    fn named_mut(&mut self, args: &Args<'_>) -> Result<&mut Ticket, No> {
        let id = args.needed("id")?;
        self.all
            .iter_mut()
            .find(|ticket| ticket.id == id)
            .ok_or_else(|| No::refused(format!("there is no ticket `{id}`")))
    }
}

fn url(id: &str) -> String {
    format!("https://tickets.example/{id}")
}

fn find(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let (title, label) = (args.text("title"), args.text("label"));
    let tickets: Vec<_> = world
        .tickets
        .all
        .iter()
        .filter(|ticket| title.as_ref().is_none_or(|title| *title == ticket.title))
        .filter(|ticket| label.as_ref().is_none_or(|label| *label == ticket.label))
        .map(|ticket| {
            json!({
                "id": ticket.id,
                "title": ticket.title,
                "url": url(&ticket.id),
                "state": ticket.state(),
            })
        })
        .collect();
    Ok(json!({ "count": tickets.len(), "tickets": tickets }).into())
}

fn get(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let ticket = world.tickets.named(args)?;
    Ok(json!({
        "id": ticket.id,
        "title": ticket.title,
        "state": ticket.state(),
        "comments": ticket.comments,
    })
    .into())
}

fn create(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let title = args.needed("title")?;
    let id = format!("OPS-{}", 412 + world.tickets.all.len());
    let effect = format!("{id} opened: {title}");
    world.tickets.all.push(Ticket {
        id: id.clone(),
        title,
        text: args.text("text").unwrap_or_default(),
        label: args.text("label").unwrap_or_default(),
        priority: args.text("priority").unwrap_or_else(|| "normal".to_owned()),
        open: true,
        comments: Vec::new(),
    });
    Ok(Deed::new(effect, json!({ "id": id, "url": url(&id) })))
}

fn comment(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let text = args.needed("text")?;
    let ticket = world.tickets.named_mut(args)?;
    ticket.comments.push(text);
    Ok(Deed::new(
        format!("{} has a new comment", ticket.id),
        json!({ "id": ticket.id, "comments": ticket.comments.len() }),
    ))
}

fn set(world: &mut World, args: &Args<'_>, open: bool) -> Result<Deed, No> {
    let ticket = world.tickets.named_mut(args)?;
    ticket.open = open;
    let state = ticket.state();
    Ok(Deed::new(
        format!("{} is {state}", ticket.id),
        json!({ "id": ticket.id, "state": state }),
    ))
}

fn close(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, false)
}

fn reopen(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, true)
}
