//! Paging: whoever is paged answers after two minutes.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("pager.oncall", Look(oncall)),
    ("pager.status", Look(status)),
    ("pager.page", Do(page)),
    ("pager.acknowledge", Do(acknowledge)),
    ("pager.resolve", Do(resolve)),
];

/// How long it takes a person to wake up and answer.
const WAKES: Duration = Duration::from_secs(120);

/// Teams, who is on call, and whom it escalates to.
const TEAMS: [(&str, &str, &str); 4] = [
    ("sre", "ana", "li"),
    ("database", "li", "sam"),
    ("security", "sam", "noor"),
    ("payments", "noor", "ana"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Triggered,
    Acknowledged,
    Resolved,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    summary: String,
    person: String,
    at: Timestamp,
    state: State,
}

impl Page {
    fn word(&self, now: Timestamp) -> &'static str {
        match self.state {
            State::Triggered if Duration::between(self.at, now) < WAKES => "triggered",
            State::Triggered | State::Acknowledged => "acknowledged",
            State::Resolved => "resolved",
        }
    }
}

/// Pages by their key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Pager {
    pages: IndexMap<String, Page>,
}

/// Who is on call: the first team's people for teams that nobody declared.
fn people(team: &str) -> (&'static str, &'static str) {
    let [(_, first, second), ..] = TEAMS;
    TEAMS
        .iter()
        .find(|(name, ..)| *name == team)
        .map_or((first, second), |(_, person, next)| (*person, *next))
}

fn oncall(_world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let team = args.text("team").unwrap_or_else(|| "sre".to_owned());
    let (person, next) = people(&team);
    Ok(json!({ "team": team, "person": person, "next": next }).into())
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let key = args.needed("key")?;
    let (state, person) = world.pager.pages.get(&key).map_or(("none", ""), |page| {
        (page.word(world.now()), page.person.as_str())
    });
    Ok(json!({ "key": key, "state": state, "person": person }).into())
}

fn page(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let (summary, team, key) = (
        args.needed("summary")?,
        args.needed("team")?,
        args.needed("key")?,
    );
    let now = world.now();
    let (person, _) = people(&team);
    let known = world
        .pager
        .pages
        .get(&key)
        .is_some_and(|page| page.state != State::Resolved);
    if !known {
        let page = Page {
            summary,
            person: person.to_owned(),
            at: now,
            state: State::Triggered,
        };
        world.pager.pages.insert(key.clone(), page);
    }
    let state = world
        .pager
        .pages
        .get(&key)
        .map_or("triggered", |page| page.word(now));
    let effect = if known {
        format!("{key} was paged already")
    } else {
        format!("{person} of {team} paged as {key}")
    };
    Ok(Deed::new(
        effect,
        json!({ "key": key, "state": state, "person": person }),
    ))
}

fn advance(world: &mut World, args: &Args<'_>, to: State) -> Result<Deed, No> {
    let key = args.needed("key")?;
    let now = world.now();
    let Some(page) = world.pager.pages.get_mut(&key) else {
        return Err(No::refused(format!("there is no page `{key}`")));
    };
    if page.state != State::Resolved {
        page.state = to;
    }
    let state = page.word(now);
    Ok(Deed::new(
        format!("page {key} {state}"),
        json!({ "key": key, "state": state }),
    ))
}

fn acknowledge(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    advance(world, args, State::Acknowledged)
}

fn resolve(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    advance(world, args, State::Resolved)
}
