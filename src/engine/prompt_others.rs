//! What a prompt says about others: who must approve too, by when, and what the operator can do
//! while they are waited for.

use super::people::Question;
use super::prompt::{Typed, again, line, park, said, wrapped};
use super::prompt_gate::ends_run;
use crate::model::approval::{ApprovalsAsked, Principal};
use crate::model::event::{Decision, GateOpened};
use crate::model::people::Way;
use crate::model::text::escape_controls;
use crate::report::typed_words;
use crate::run::Fact;

/// Why more are asked for than the policy says.
const ONE_MORE: &str = "(one more than usual: root without a login may be one of them)";

/// Below what a gate shows: who else must say yes, or why nobody else must.
pub(super) fn show_others(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    if let Some(asked) = &gate.approvals {
        let who = named(asked, &question.others);
        if asked.afterwards {
            let text = format!("{who} within 24h after the step: runbook audit review");
            wrapped(out, "Owed:   ", &text, width);
        } else {
            wrapped(out, "Others: ", &format!("{who}. They type:"), width);
            line(out, &format!("        {}", command(question)));
            if asked.one_more {
                wrapped(out, "        ", ONE_MORE, width);
            }
        }
    }
    if let Some(reason) = &gate.waived {
        let text = format!(
            "others' approvals, for the glass was broken: {}",
            escape_controls(reason)
        );
        wrapped(out, "Waived: ", &text, width);
    }
}

/// How long a gate waits, and how long a yes holds.
pub(super) fn show_times(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    if let Some(until) = &question.until {
        let then = match &question.next_group {
            None => "then it is declined".to_owned(),
            Some(group) => format!("then {group} may approve too"),
        };
        wrapped(out, "Until:  ", &format!("{until}, {then}"), width);
    }
    if let Some(execute) = gate.expires.execute {
        let text = format!("for {execute}; a start later than that asks again");
        wrapped(out, "Holds:  ", &text, width);
    }
}

/// What is shown once the operator has said yes and others have not.
pub(super) fn show_waiting(
    out: &mut String,
    question: &Question,
    gate: &GateOpened,
    (given, people, missing): (&[Principal], &[Principal], usize),
    width: usize,
) {
    let Some(asked) = &gate.approvals else {
        return;
    };
    let names = |people: &mut dyn Iterator<Item = &Principal>| {
        let names: Vec<&str> = people.map(Principal::as_str).collect();
        names.join(", ")
    };
    out.push('\n');
    line(
        out,
        &format!("You have said yes. {missing} more must approve."),
    );
    if asked.one_more {
        wrapped(out, "", ONE_MORE, width);
    }
    if !given.is_empty() {
        wrapped(out, "Approved by: ", &names(&mut given.iter()), width);
    }
    let has_not = |person: &&Principal| {
        let mut given = given.iter();
        !given.any(|other| other.is_same_person(person))
    };
    let may = match asked.from.is_empty() {
        true => "anybody else".to_owned(),
        false => match names(&mut people.iter().filter(has_not)) {
            nobody if nobody.is_empty() && question.unattended => {
                "nobody: no such group is here. Rehearse their part with w".to_owned()
            }
            nobody if nobody.is_empty() => {
                "nobody is left in the groups that may: nobody can end this wait with a yes"
                    .to_owned()
            }
            names => names,
        },
    };
    wrapped(out, "They may:    ", &may, width);
    // Where nobody may, nobody is to be sent for.
    if asked.from.is_empty() || people.iter().any(|person| has_not(&person)) {
        line(out, &format!("They type:   {}", command(question)));
        let elsewhere = format!("{} --print-request", command(question));
        line(out, &format!("Far away:    {elsewhere}"));
    }
    if question.glass {
        line(out, &format!("Nobody there? p, then {}", glass(question)));
    }
    out.push('\n');
    let stand_in = match question.unattended {
        true => " · w stand in for them (rehearsal)",
        false => "",
    };
    let keys = format!("n no (ends the run) · p park (leave, resume later){stand_in} · ? help");
    wrapped(out, "", &keys, width);
}

/// Reads what is typed while others are waited for.
pub(super) fn read_waiting(question: &Question, gate: &GateOpened, typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let reason = Some(rest.trim()).filter(|rest| !rest.is_empty());
    let decided = |decision, way| Fact::Gate {
        digest: gate.digest,
        decision,
        way,
        reason: reason.map(str::to_owned),
    };
    match word.to_lowercase().as_str() {
        "n" | "no" => ends_run(question, decided(Decision::Decline, Way::Terminal)),
        "p" | "park" => park(),
        "w" if question.unattended => said(decided(Decision::Approve, Way::Yes)),
        "y" | "yes" => again("you have said yes already: others are waited for"),
        _ if question.unattended => again("type n, p or w"),
        _ => again("type n or p"),
    }
}

/// `1 of dba, lead must approve: li@example.org, mo`
fn named(asked: &ApprovalsAsked, others: &[Principal]) -> String {
    if asked.from.is_empty() {
        return format!("{} other than you must approve", asked.count);
    }
    let groups: Vec<&str> = asked.from.iter().map(|group| group.as_str()).collect();
    let people: Vec<&str> = others.iter().map(Principal::as_str).collect();
    let people = match people.as_slice() {
        [] if asked.people.is_empty() => "nobody is in there".to_owned(),
        [] => "nobody in there is left who may".to_owned(),
        people => people.join(", "),
    };
    format!(
        "{} of {} must approve: {people}",
        asked.count,
        groups.join(", ")
    )
}

/// What goes on where nobody can be reached; the policy names who may.
fn glass(question: &Question) -> String {
    format!("runbook resume {} --break-glass 'REASON'", question.run)
}

/// What others type, on this machine.
fn command(question: &Question) -> String {
    let step = question.needed.step.as_str();
    let words = ["runbook", "approve", question.run.as_str(), step];
    escape_controls(&typed_words(words)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::people::Said;
    use super::super::prompt::{read, shown};
    use super::*;
    use crate::model::event::Expires;
    use crate::model::ids::{Attempt, StepKey};
    use crate::model::{Digest, Duration, Effect};
    use crate::report::TakenBack;
    use crate::run::{Need, PersonNeeded};

    fn gate() -> GateOpened {
        GateOpened {
            confirm: "Promote replica-1?".to_owned(),
            challenge: Some("main".to_owned()),
            show: Vec::new(),
            works: Vec::new(),
            effect: Effect::Destructive,
            approvals: Some(ApprovalsAsked {
                count: 2,
                from: ["dba", "lead"].map(|group| group.parse().unwrap()).to_vec(),
                people: people(&["li@example.org", "mo", "bo"]),
                exclude: people(&["bo"]),
                afterwards: false,
                one_more: false,
            }),
            waived: None,
            expires: Expires {
                approve: Some(Duration::from_secs(1800)),
                execute: Some(Duration::from_secs(600)),
                escalate: vec!["sre-lead".parse().unwrap()],
            },
            turn: 0,
            digest: Digest::of(b"gate"),
        }
    }

    fn people(names: &[&str]) -> Vec<Principal> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn question(need: Need, unattended: bool) -> Question {
        Question {
            needed: PersonNeeded {
                step: StepKey::from_text("wave[0]/failover"),
                attempt: Attempt::FIRST,
                need,
            },
            run: "db-failover-20261120T195359Z-7k3f".parse().unwrap(),
            title: "Promote the replica".to_owned(),
            why: None,
            environment: "production".to_owned(),
            real: true,
            unattended,
            undo: "nothing takes it back: it is irreversible".to_owned(),
            answered_by: None,
            until: Some("2026-11-20 20:53:59+01:00".to_owned()),
            next_group: Some("sre-lead".parse().unwrap()),
            last_lines: Vec::new(),
            printed: None,
            revealed: None,
            back: TakenBack::default(),
            next_attempt: Attempt::FIRST,
            gated: true,
            earlier: None,
            inside: Vec::new(),
            measured: false,
            others: people(&["li@example.org", "mo"]),
            glass: true,
            acted: false,
        }
    }

    fn waiting(given: &[&str], unattended: bool) -> Question {
        let need = Need::Approvals {
            gate: Box::new(gate()),
            given: people(given),
            people: people(&["li@example.org", "mo", "kim"]),
            missing: 2usize.saturating_sub(given.len()),
            until: None,
        };
        question(need, unattended)
    }

    #[test]
    fn a_gate_says_who_else_is_needed_until_when_and_how_long_a_yes_holds() {
        let text = shown(&question(Need::Gate(Box::new(gate())), false), 80);
        insta::assert_snapshot!(text);
        let mut waived = gate();
        waived.approvals = None;
        waived.waived = Some("nobody\u{1b}[2J answers".to_owned());
        let text = shown(&question(Need::Gate(Box::new(waived)), false), 80);
        assert!(text.contains("Waived: others' approvals"), "{text}");
        assert!(
            !text.contains('\u{1b}') && !text.contains("Others:"),
            "{text}"
        );
        let mut owed = gate();
        if let Some(asked) = &mut owed.approvals {
            asked.afterwards = true;
        }
        let text = shown(&question(Need::Gate(Box::new(owed)), false), 80);
        assert!(text.contains("Owed:   2 of dba, lead"), "{text}");
    }

    #[test]
    fn who_waits_for_others_sees_who_has_approved_and_what_the_rest_type() {
        let text = shown(&waiting(&["mo"], false), 80);
        insta::assert_snapshot!(text);
        // On a narrow screen nothing is lost.
        let narrow = shown(&waiting(&["mo"], true), 40);
        for word in ["li@example.org", "kim", "rehearsal"] {
            assert!(narrow.contains(word), "{narrow}");
        }
    }

    fn reads(question: &Question, typed: &str) -> Option<(Decision, Way)> {
        match read(question, typed) {
            Typed::Said(said) => match *said {
                Said::Fact(Fact::Gate { decision, way, .. }) => Some((decision, way)),
                _ => None,
            },
            Typed::Again(_) | Typed::Twice(_) | Typed::Help | Typed::Output | Typed::Reveal => None,
        }
    }

    #[test]
    fn nobody_but_a_rehearsal_stands_in_for_others() {
        let (real, rehearsal) = (waiting(&[], false), waiting(&[], true));
        let yes = Some((Decision::Approve, Way::Yes));
        assert_eq!(reads(&rehearsal, "w"), yes);
        assert_eq!(reads(&real, "w"), None);
        for question in [&real, &rehearsal] {
            assert_eq!(
                reads(question, "n enough"),
                Some((Decision::Decline, Way::Terminal))
            );
            // Neither a yes nor the target's name says what others have to say.
            for typed in ["y", "yes", "main", "s because", ""] {
                assert_eq!(reads(question, typed), None, "{typed}");
            }
        }
        assert!(matches!(read(&real, "p"), Typed::Said(said) if *said == Said::Park));
    }
}
