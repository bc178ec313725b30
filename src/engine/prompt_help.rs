//! What `?` says: what each key of a prompt means, and what it leads to.

use super::people::Question;
use super::prompt::wrapped;
use crate::model::event::GateOpened;
use crate::run::Need;

const PARK: (&str, &str) = (
    "p",
    "park: you leave, nothing is lost, and runbook resume goes on from here",
);
const NO: (&str, &str) = (
    "n",
    "no: nothing of this step is done, and the whole run ends; a reason may stand behind it",
);
const INTERRUPT: (&str, &str) = ("Ctrl-C", "asks whether to go on, park or stop");

/// What may be typed at a question, a line a key.
pub(super) fn help(question: &Question, width: usize) -> String {
    let mut keys: Vec<(&str, &str)> = match &question.needed.need {
        Need::Gate(gate) => at_gate(gate),
        Need::Approvals { .. } => {
            let mut keys = vec![NO];
            if question.unattended {
                keys.push((
                    "w",
                    "say yes in the others' place, as this rehearsal allows",
                ));
            }
            keys
        }
        Need::Ask { .. } => vec![
            ("an answer", "its number, its word, or what is asked for"),
            ("Enter", "takes the suggestion, where there is one"),
        ],
        Need::Manual { .. } => vec![
            (
                "d NOTE",
                "you have done it; the note is kept, and may be left out",
            ),
            ("f NOTE", "it could not be done: the step failed"),
            ("s REASON", "it is left out, and the run goes on"),
        ],
        Need::Failure { .. } => vec![(
            "a letter",
            "of the list above; where REASON stands behind it, your reason goes there",
        )],
        Need::Doubt { .. } => vec![(
            "a letter",
            "of the list above, and behind it how you know: that is kept",
        )],
    };
    keys.extend([PARK, INTERRUPT]);
    let mut out = String::new();
    for (key, means) in keys {
        wrapped(&mut out, &format!("{key:<11}"), means, width);
    }
    out
}

fn at_gate(gate: &GateOpened) -> Vec<(&'static str, &'static str)> {
    let yes = match &gate.challenge {
        Some(_) => (
            "its name",
            "yes: the target's name, letter by letter, so that it is the one you mean",
        ),
        None => ("y", "yes: what stands under Does is done now"),
    };
    let skip = (
        "s REASON",
        "skip: only this step is left out, and the run goes on without it",
    );
    vec![yes, NO, skip]
}
