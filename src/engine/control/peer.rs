//! Who is at the other end of a socket: what the kernel says, and nothing that they say themselves.

use std::os::unix::fs::MetadataExt;

use crate::model::approval::{Principal, Proof, Voter};
use crate::model::ids::StepKey;
use crate::model::people::Person;
use crate::run::Run;
use crate::workspace::{account, login_of, person_of};

/// The person of a process that connected: its user, and the user who logged in.
///
/// The login is looked up by the process's number. Should that process have ended and another have
/// got its number, the other has another user, or is the same person's.
pub(super) fn peer(uid: u32, pid: Option<i32>) -> Person {
    let login = pid.and_then(|pid| {
        let of_process = std::fs::metadata(format!("/proc/{pid}")).ok()?;
        (of_process.uid() == uid).then(|| login_of(pid))?
    });
    human(person_of(uid, login))
}

/// The person under the name that they logged in with: `sudo` makes nobody another human.
pub fn human(person: Person) -> Person {
    match person.login_uid {
        Some(login) if login != person.uid => Person {
            user: account(login),
            ..person
        },
        _ => person,
    }
}

/// A login as the one who votes at a gate.
pub(super) fn voter(run: &Run, step: &StepKey, person: &Person) -> Result<Voter, String> {
    let waiting = run.waiting();
    let asked = waiting.iter().find(|waiting| waiting.step == step);
    named(person, |name| {
        asked.is_some_and(|asked| asked.people.contains(&name))
    })
}

/// A login under that of its two names, `user` and `user@host`, which is known; else the first.
pub(super) fn named(person: &Person, known: impl Fn(&Principal) -> bool) -> Result<Voter, String> {
    let names = [person.user.clone(), person.to_string()];
    let names: Vec<Principal> = names.iter().filter_map(|name| name.parse().ok()).collect();
    let name = names.iter().find(|name| known(name)).or(names.first());
    let principal = name.ok_or_else(|| {
        let user = crate::model::text::escape_controls(&person.user);
        format!(
            "`{user}` cannot be the name of a person: {}",
            Principal::ALLOWED
        )
    })?;
    Ok(Voter {
        principal: principal.clone(),
        proof: Proof::Login(person.clone()),
    })
}
