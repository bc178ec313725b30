//! Version control: one working copy, its branches, and what was published.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::random::hex;
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("vcs.status", Look(status)),
    ("vcs.remote_status", Look(remote_status)),
    ("vcs.checkout", Do(checkout)),
    ("vcs.commit", Do(commit)),
    ("vcs.uncommit", Do(uncommit)),
    ("vcs.revert", Do(revert)),
    ("vcs.push", Do(push)),
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Commit {
    head: String,
    subject: String,
}

/// A working copy; branches hold their commits, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Repository {
    branch: String,
    branches: IndexMap<String, Vec<Commit>>,
    /// Branches at `origin`, and their newest commit.
    published: IndexMap<String, String>,
}

impl Default for Repository {
    fn default() -> Self {
        let commit = |head: &str, subject: &str| Commit {
            head: head.to_owned(),
            subject: subject.to_owned(),
        };
        let commits = vec![
            commit("1f0a6d2", "Smaller images"),
            commit("4be19c2", "Add the new address form"),
        ];
        Self {
            branch: "main".to_owned(),
            branches: [("main".to_owned(), commits)].into(),
            published: [("main".to_owned(), "4be19c2".to_owned())].into(),
        }
    }
}

impl Repository {
    fn commits(&self) -> &[Commit] {
        self.branches.get(&self.branch).map_or(&[], Vec::as_slice)
    }

    fn head(&self) -> String {
        self.commits()
            .last()
            .map_or_else(String::new, |commit| commit.head.clone())
    }

    /// Adds a commit and answers the head before and after.
    fn add(&mut self, subject: String) -> (String, String) {
        let previous = self.head();
        let head = hex(&[&self.branch, &previous, &subject], 7);
        if let Some(commits) = self.branches.get_mut(&self.branch) {
            commits.push(Commit {
                head: head.clone(),
                subject,
            });
        }
        (previous, head)
    }
}

fn status(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let repository = &world.repository;
    let subject = repository.commits().last().map(|commit| &commit.subject);
    Ok(json!({
        "branch": repository.branch,
        "head": repository.head(),
        "subject": subject.map_or("", String::as_str),
        "clean": true,
    })
    .into())
}

fn remote_status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let branch = args.needed("branch")?;
    let published = world.repository.published.get(&branch);
    let local = world
        .repository
        .branches
        .get(&branch)
        .and_then(|commits| commits.last())
        .map(|commit| &commit.head);
    Ok(json!({
        "exists": published.is_some(),
        "same": published.is_some() && published == local,
        "head": published.map_or("", String::as_str),
    })
    .into())
}

fn checkout(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let repository = &mut world.repository;
    let previous = repository.branch.clone();
    let (branch, created) = match (args.text("b"), args.text("branch")) {
        (Some(new), _) => {
            // Asked for again, it is there already: the same branch, and no second one.
            let created = !repository.branches.contains_key(&new);
            if created {
                let commits = repository.commits().to_vec();
                repository.branches.insert(new.clone(), commits);
            }
            (new, created)
        }
        (None, Some(branch)) if repository.branches.contains_key(&branch) => (branch, false),
        (None, Some(branch)) => {
            return Err(No::refused(format!("there is no branch `{branch}`")));
        }
        (None, None) => return Err(No::refused("name a branch, or a new one with -b")),
    };
    repository.branch.clone_from(&branch);
    Ok(Deed::new(
        format!("working copy is on {branch}"),
        json!({ "branch": branch, "created": created, "previous": previous }),
    ))
}

fn commit(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let message = args.needed("m")?;
    let (previous, head) = world.repository.add(message);
    Ok(Deed::new(
        format!("{head} committed on {}", world.repository.branch),
        json!({ "head": head, "previous": previous, "files": 1 }),
    ))
}

fn uncommit(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let to = args.needed("to")?;
    let repository = &mut world.repository;
    let place = repository
        .commits()
        .iter()
        .position(|commit| commit.head == to)
        .ok_or_else(|| No::refused(format!("there is no commit `{to}` on this branch")))?;
    if let Some(commits) = repository.branches.get_mut(&repository.branch) {
        commits.truncate(place + 1);
    }
    Ok(Deed::new(
        format!("{} is back at {to}", repository.branch),
        json!({ "head": to }),
    ))
}

fn revert(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let wanted = args.needed("commit")?;
    let subject = world
        .repository
        .commits()
        .iter()
        .find(|commit| commit.head == wanted)
        .map(|commit| format!("Revert \"{}\"", commit.subject))
        .ok_or_else(|| No::refused(format!("there is no commit `{wanted}` on this branch")))?;
    let (previous, head) = world.repository.add(subject);
    Ok(Deed::new(
        format!("{wanted} reverted by {head}"),
        json!({ "head": head, "previous": previous }),
    ))
}

fn push(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let (remote, branch) = (args.needed("remote")?, args.needed("branch")?);
    let repository = &mut world.repository;
    let head = repository
        .branches
        .get(&branch)
        .and_then(|commits| commits.last())
        .map(|commit| commit.head.clone())
        .ok_or_else(|| No::refused(format!("there is no branch `{branch}`")))?;
    repository.published.insert(branch.clone(), head.clone());
    Ok(Deed::new(
        format!("{branch} published to {remote} at {head}"),
        json!({ "remote": remote, "branch": branch, "head": head }),
    ))
}
