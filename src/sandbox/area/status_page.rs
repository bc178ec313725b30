//! The public status page.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("status_page.list", Look(list)),
    ("status_page.open", Do(open)),
    ("status_page.update", Do(update)),
    ("status_page.resolve", Do(resolve)),
];

/// How long what is over is still shown.
const SHOWN: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Notice {
    id: String,
    title: String,
    status: String,
    message: String,
    resolved: Option<Timestamp>,
}

/// What the public was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct StatusPage {
    notices: Vec<Notice>,
}

fn url(id: &str) -> String {
    format!("https://status.example/{id}")
}

fn list(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let now = world.now();
    let incidents: Vec<_> = world
        .status_page
        .notices
        .iter()
        .rev()
        .filter(|notice| {
            notice
                .resolved
                .is_none_or(|at| Duration::between(at, now) <= SHOWN)
        })
        .map(|notice| {
            json!({
                "id": notice.id,
                "title": notice.title,
                "status": notice.status,
                "message": notice.message,
                "url": url(&notice.id),
            })
        })
        .collect();
    Ok(json!({ "incidents": incidents }).into())
}

fn open(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let (title, message) = (args.needed("title")?, args.needed("message")?);
    let id = format!("inc-{}", 771 + world.status_page.notices.len());
    let effect = format!("{id} published: {title}");
    world.status_page.notices.push(Notice {
        id: id.clone(),
        title,
        status: args
            .text("status")
            .unwrap_or_else(|| "investigating".to_owned()),
        message,
        resolved: None,
    });
    Ok(Deed::new(effect, json!({ "id": id, "url": url(&id) })))
}

fn change(
    world: &mut World,
    args: &Args<'_>,
    status: String,
    resolved: Option<Timestamp>,
) -> Result<Deed, No> {
    let (id, message) = (args.needed("id")?, args.needed("message")?);
    let Some(notice) = world.status_page.notices.iter_mut().find(|n| n.id == id) else {
        return Err(No::refused(format!("there is no notice `{id}`")));
    };
    if notice.resolved.is_some() && resolved.is_none() {
        return Err(No::refused(format!("{id} is resolved: open a new one")));
    }
    notice.status = status;
    notice.message = message;
    notice.resolved = notice.resolved.or(resolved);
    Ok(Deed::new(
        format!("{id} is now {}", notice.status),
        json!({ "id": id, "status": notice.status }),
    ))
}

fn update(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let status = args.needed("status")?;
    change(world, args, status, None)
}

fn resolve(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let now = world.now();
    change(world, args, "resolved".to_owned(), Some(now))
}
