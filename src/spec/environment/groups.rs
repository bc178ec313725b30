//! Groups of people, held against what asks for them: a name that is nobody's, and gates that can
//! lock everybody out at night.

use indexmap::IndexSet;

use super::policy::{Approvals, Groups};
use super::types::{Environment, Environments, humans};
use crate::model::approval::Principal;
use crate::model::ids::{EnvironmentName, GroupName};
use crate::model::suggest::nearest;
use crate::spec::decode::Decoder;
use crate::spec::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::source::Spanned;
use crate::spec::step::{self, Gate, Runbook};
use crate::spec::yaml::Node;

/// What a policy asks of its groups.
pub(super) struct Asked<'a> {
    /// The groups as they are written: one that cannot be read is still there.
    pub(super) written: Option<&'a Node>,
    /// The groups, where all of them could be read.
    pub(super) groups: Option<&'a Groups>,
    pub(super) approvals: Vec<&'a Approvals>,
    pub(super) break_glass: Option<&'a Spanned<GroupName>>,
}

/// Says which groups are not there, and which have too few people in them.
pub(super) fn check(decoder: &Decoder, asked: &Asked<'_>) {
    let names: Vec<&str> = asked
        .written
        .and_then(Node::entries)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.text.as_str())
        .collect();
    let is_there = |group: &Spanned<GroupName>| {
        let is_there = names.contains(&group.as_str());
        if !is_there {
            let message = format!("there is no group `{group}`");
            let near = nearest(group.as_str(), names.iter().copied());
            let error = decoder.error(group.span, message).code("unknown-group");
            decoder.report(
                error
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
                    .help(format!(
                        "say who is in it: `approvers: {{ {group}: [ana, li] }}`"
                    )),
            );
        }
        is_there
    };
    let people = |groups: &[Spanned<GroupName>]| -> Option<Vec<&Principal>> {
        let known = asked.groups?;
        let of = groups.iter().filter_map(|group| known.get(&group.value));
        Some(of.flatten().map(|principal| &principal.value).collect())
    };
    for approvals in &asked.approvals {
        let there: Vec<bool> = approvals.from.iter().map(is_there).collect();
        if approvals.from.is_empty() || there.contains(&false) {
            continue;
        }
        let groups: Vec<&GroupName> = approvals.from.iter().map(|group| &group.value).collect();
        if let Some(people) = people(&approvals.from)
            && let Some(problem) = too_few(approvals.count, &groups, humans(people))
        {
            let warning = Diagnostic::warning(decoder.source(), approvals.span, problem);
            decoder.report(warning.code("lock-out").help(MORE));
        }
    }
    if let Some(group) = asked.break_glass
        && is_there(group)
        && people(std::slice::from_ref(group)).is_some_and(|people| people.is_empty())
    {
        let message = format!("nobody is in {group}, so nobody can break the glass");
        let warning = Diagnostic::warning(decoder.source(), group.span, message);
        decoder.report(warning.code("lock-out"));
    }
}

const MORE: &str =
    "add people or a group; `break_glass` says who may go on where nobody can be reached";

/// What is to be said where approvals can run short of people.
fn too_few(count: u32, groups: &[&GroupName], people: usize) -> Option<String> {
    let count = count as usize;
    let asks = match count {
        1 => "1 approval is asked for".to_owned(),
        n => format!("{n} approvals are asked for"),
    };
    let groups: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
    let groups = groups.join(" or ");
    let are = match people {
        0 => "nobody is".to_owned(),
        1 => "1 person is".to_owned(),
        n => format!("{n} people are"),
    };
    if people < count {
        return Some(format!(
            "{asks}, but {are} in {groups}: nobody gets past this gate"
        ));
    }
    (people == count).then(|| {
        format!(
            "{asks}, and {are} in {groups}: a run that one of them starts gets stuck, for nobody approves their own"
        )
    })
}

/// The approvals that runbooks ask for, held against the groups of each environment: what would
/// be found out at a gate, at night.
pub fn hold_against<'a>(
    environments: &Environments,
    runbooks: impl IntoIterator<Item = &'a Runbook>,
) -> Diagnostics {
    let mut asks: IndexSet<Ask<'a>> = IndexSet::new();
    for runbook in runbooks {
        for top in runbook.steps.iter().chain(&runbook.finally) {
            top.visit(&mut |step| asks.extend(Ask::of(runbook, step)));
        }
    }
    let mut found = Diagnostics::new();
    for (name, environment) in &environments.environments {
        undefined(environments, name, environment, &asks, &mut found);
        short(environments, name, environment, &asks, &mut found);
    }
    found
}

/// What one gate of a runbook asks for.
#[derive(PartialEq, Eq, Hash)]
struct Ask<'a> {
    runbook: &'a str,
    count: u32,
    from: Vec<&'a GroupName>,
    exclude: &'a [Principal],
    escalate: &'a [GroupName],
}

impl<'a> Ask<'a> {
    fn of(runbook: &'a Runbook, step: &'a step::Step) -> Option<Self> {
        let Gate::Ask(ask) = &step.how.gate.as_ref()?.value else {
            return None;
        };
        let approvals = ask.approvals.as_ref()?;
        Some(Self {
            runbook: runbook.name.as_str(),
            count: approvals.count,
            from: approvals.from.iter().map(|group| &group.value).collect(),
            exclude: &approvals.exclude,
            escalate: &ask.expires.escalate,
        })
    }

    fn groups(&self) -> impl Iterator<Item = &'a GroupName> {
        self.from.iter().copied().chain(self.escalate)
    }
}

/// Groups that an environment lacks: one finding for each.
fn undefined(
    environments: &Environments,
    name: &EnvironmentName,
    environment: &Environment,
    asks: &IndexSet<Ask<'_>>,
    found: &mut Diagnostics,
) {
    let groups = &environment.policy.approvers;
    let lacking: IndexSet<&GroupName> = asks
        .iter()
        .flat_map(Ask::groups)
        .filter(|group| !groups.contains_key(*group))
        .collect();
    for group in lacking {
        let by: IndexSet<&str> = asks
            .iter()
            .filter(|ask| ask.groups().any(|other| other == group))
            .map(|ask| ask.runbook)
            .collect();
        let by: Vec<&str> = by.into_iter().collect();
        let message = format!(
            "`{name}` has no group `{group}`, whose approval {} may ask for",
            by.join(", ")
        );
        let near = nearest(group.as_str(), groups.keys().map(GroupName::as_str));
        let near = near.map(|near| format!("did you mean `{group}` where it says `{near}`?"));
        found.push(
            warning(environments, environment, message)
                .maybe_help(near)
                .help(format!(
                    "say who is in it: `policy: {{ approvers: {{ {group}: [ana, li] }} }}`; nobody can approve for a group that is not there"
                )),
        );
    }
}

/// Groups that are there and have too few people for what a runbook asks.
fn short(
    environments: &Environments,
    name: &EnvironmentName,
    environment: &Environment,
    asks: &IndexSet<Ask<'_>>,
    found: &mut Diagnostics,
) {
    let groups = &environment.policy.approvers;
    for ask in asks {
        let there: Vec<&GroupName> = ask
            .from
            .iter()
            .copied()
            .filter(|group| groups.contains_key(*group))
            .collect();
        if there.is_empty() {
            continue;
        }
        let people = there.iter().filter_map(|group| groups.get(*group));
        let people = people.flatten().filter(|principal| {
            let excluded = |other: &Principal| other.is_same_person(principal);
            !ask.exclude.iter().any(excluded)
        });
        if let Some(problem) = too_few(ask.count, &there, humans(people)) {
            let excluded = match ask.exclude {
                [] => "",
                _ => " (those whom the gate excludes are not counted)",
            };
            let message = format!("in `{name}` for {}: {problem}{excluded}", ask.runbook);
            found.push(warning(environments, environment, message).help(MORE));
        }
    }
}

fn warning(environments: &Environments, environment: &Environment, message: String) -> Diagnostic {
    let span = match environment.places.approvers {
        span if span.is_empty() => environment.span,
        span => span,
    };
    Diagnostic::warning(&environments.source, span, message).code("lock-out")
}
