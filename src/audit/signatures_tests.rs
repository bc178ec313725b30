//! Signatures of a journal, made by the real `ssh-keygen`. Numbers are rows of the threat list.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::journal::{Code, Stamp};
use crate::keys::{answer_text, read_answer};
use crate::model::Effect;
use crate::model::event::{Event, Expires, GateOpened};
use crate::model::ids::GroupName;
use crate::model::people::{Actor, Person};

/// A journal in which Ana approved from elsewhere, and the file that names her key.
struct Story {
    run: RunId,
    environment: EnvironmentName,
    signers: String,
    records: Vec<Record>,
}

fn ssh_keygen(dir: &Path, args: &[&str]) {
    let status = Command::new("ssh-keygen")
        .args(args)
        .current_dir(dir)
        .status()
        .unwrap();
    assert!(status.success(), "{args:?}");
}

fn at(second: u64) -> Timestamp {
    format!("2026-11-20T20:00:{second:02}Z").parse().unwrap()
}

fn person(user: &str) -> Person {
    Person {
        user: user.to_owned(),
        uid: 1000,
        login_uid: None,
        host: "db-ops".to_owned(),
        terminal: None,
    }
}

fn signed(dir: &Path, ballot: &Ballot) -> Proof {
    std::fs::write(dir.join("ballot"), ballot.text()).unwrap();
    let _ = std::fs::remove_file(dir.join("ballot.sig"));
    let words = [
        "-q",
        "-Y",
        "sign",
        "-n",
        Ballot::NAMESPACE,
        "-f",
        "ana",
        "ballot",
    ];
    ssh_keygen(dir, &words);
    let signature = std::fs::read_to_string(dir.join("ballot.sig")).unwrap();
    let answer = read_answer(&answer_text(ballot, &signature)).unwrap();
    Proof::Signature(Box::new(answer))
}

impl Story {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        ssh_keygen(
            dir,
            &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "ana"],
        );
        let key = std::fs::read_to_string(dir.join("ana.pub")).unwrap();
        let mut story = Self {
            run: "db-failover-20261120T195359Z-7k3f".parse().unwrap(),
            environment: "production".parse().unwrap(),
            signers: format!("ana {key}"),
            records: Vec::new(),
        };
        let gate = story.gate(1);
        story.push(gate);
        let ballot = story.ballot(0);
        let proof = signed(dir, &ballot);
        story.approve(&ballot, "ana", proof);
        story.push(Happened::GlassBroken {
            reason: "nobody answers".to_owned(),
            group: "sre".parse::<GroupName>().unwrap(),
        });
        let mut glass = story.ballot(2);
        glass.reason = Some("looked at it".to_owned());
        let voter = voter("ana", signed(dir, &glass));
        story.push(Happened::ReviewSigned {
            of: Reviewed::BreakGlass,
            voter,
            reason: "looked at it".to_owned(),
        });
        let review = Ballot {
            reason: Some("it was right".to_owned()),
            ..story.ballot(0)
        };
        let voter = self::voter("ana", signed(dir, &review));
        story.push(Happened::ReviewSigned {
            of: Reviewed::Gate {
                step: StepKey::from_text("failover"),
                attempt: Attempt::FIRST,
            },
            voter,
            reason: "it was right".to_owned(),
        });
        story
    }

    fn gate(&self, turn: u32) -> Happened {
        let mut gate = GateOpened {
            confirm: "Promote?".to_owned(),
            challenge: None,
            show: Vec::new(),
            works: Vec::new(),
            effect: Effect::Destructive,
            approvals: None,
            waived: None,
            expires: Expires::default(),
            turn,
            digest: Digest::ZERO,
        };
        let step = StepKey::from_text("failover");
        gate.digest = gate
            .bound(&self.run, &self.environment, &step, Attempt::FIRST)
            .unwrap();
        Happened::GateOpened(Box::new(gate))
    }

    /// A ballot about the first gate, opened at some record.
    fn ballot(&self, opened: usize) -> Ballot {
        let Happened::GateOpened(gate) = &self.records[0].event.what else {
            panic!("the first record opens a gate");
        };
        Ballot {
            run: self.run.clone(),
            step: StepKey::from_text("failover"),
            attempt: Attempt::FIRST,
            environment: self.environment.clone(),
            gate: gate.digest,
            head: HeadRef {
                seq: self.records[opened].seq,
                h: self.records[opened].h,
            },
            expires: at(30),
            vote: Vote::Approve,
            reason: None,
        }
    }

    fn approve(&mut self, ballot: &Ballot, name: &str, proof: Proof) {
        self.push(Happened::ApprovalGiven {
            digest: ballot.gate,
            vote: ballot.vote,
            voter: voter(name, proof),
            reason: ballot.reason.clone(),
        });
    }

    fn push(&mut self, what: Happened) {
        let seq = self.records.len() as u64;
        self.records.push(Record {
            run: self.run.clone(),
            seq,
            stamp: Stamp {
                boot: "boot".into(),
                mono: seq,
            },
            event: Event {
                at: at(seq),
                step: Some(StepKey::from_text("failover")),
                attempt: Some(Attempt::FIRST),
                actor: Actor::Person(person("bo")),
                what,
            },
            h: Digest::of(&seq.to_be_bytes()),
        });
    }

    fn checked(&self) -> Checked {
        self.checked_by(&Keygen::of_this_process())
    }

    fn checked_by(&self, keygen: &Keygen) -> Checked {
        Polling {
            run: &self.run,
            environment: &self.environment,
            signers: Some(&self.signers),
            keygen,
        }
        .check(&self.records)
    }

    /// The record of the approval.
    fn approval(&mut self) -> &mut Record {
        &mut self.records[1]
    }

    #[track_caller]
    fn is_refused(&self, at: u64, words: &str) {
        let flaws = self.checked().flaws;
        let said = flaws.iter().find(|(seq, _)| *seq == at);
        let (_, flaw) = said.unwrap_or_else(|| panic!("{flaws:?}"));
        assert_eq!(flaw.code(), Code::Signature);
        assert!(flaw.to_string().contains(words), "no `{words}` in `{flaw}`");
    }
}

fn voter(name: &str, proof: Proof) -> Voter {
    Voter {
        principal: name.parse().unwrap(),
        proof,
    }
}

#[test]
fn what_was_signed_is_proven() {
    let checked = Story::new().checked();
    assert_eq!(checked.flaws, []);
    assert_eq!(checked.good, 3);
}

#[test]
fn threat_49_a_record_that_says_more_than_its_ballot_is_found() {
    let change = |change: fn(&mut Happened)| {
        let mut story = Story::new();
        change(&mut story.approval().event.what);
        story
    };
    let declined = change(|what| match what {
        Happened::ApprovalGiven { vote, .. } => *vote = Vote::Decline,
        other => panic!("{other:?}"),
    });
    declined.is_refused(1, "something else than the record");
    let reasoned = change(|what| match what {
        Happened::ApprovalGiven { reason, .. } => *reason = Some("all is well".to_owned()),
        other => panic!("{other:?}"),
    });
    reasoned.is_refused(1, "something else than the record");
    let bound = change(|what| match what {
        Happened::ApprovalGiven { digest, .. } => *digest = Digest::of(b"another gate"),
        other => panic!("{other:?}"),
    });
    bound.is_refused(1, "something else than the record");
    let named = change(|what| match what {
        Happened::ApprovalGiven { voter, .. } => voter.principal = "li".parse().unwrap(),
        other => panic!("{other:?}"),
    });
    named.is_refused(1, "what li is said to have signed");
    let forged = change(|what| match what {
        Happened::ApprovalGiven { voter, .. } => match &mut voter.proof {
            Proof::Signature(signed) => {
                signed.signature = signed.signature.replacen("AA", "AB", 1);
            }
            Proof::Login(_) => panic!("a signature"),
        },
        other => panic!("{other:?}"),
    });
    forged.is_refused(1, "what ana is said to have signed");
}

#[test]
fn threat_49_a_ballot_for_another_opening_of_the_gate_is_found() {
    // The gate opened anew after the ballot was signed, with the very same content.
    let mut story = Story::new();
    let again = story.gate(1);
    let approval = story.records[1].clone();
    story.records.truncate(1);
    story.push(again);
    story.records.push(Record { seq: 2, ..approval });
    story.is_refused(2, "another opening of the gate");
    // What was never asked cannot be approved.
    let mut story = Story::new();
    story.approval().event.attempt = Some(Attempt(2));
    story.is_refused(1, "nothing before it");
    // A signed record of another run.
    let mut story = Story::new();
    story.run = "db-failover-20261120T195359Z-7k3g".parse().unwrap();
    story.is_refused(1, "another run");
    let mut story = Story::new();
    story.environment = "staging".parse().unwrap();
    story.is_refused(1, "another environment");
    // Another gate was shown than the one that was signed.
    let mut story = Story::new();
    story.records[0].event.what = story.gate(2);
    story.is_refused(1, "another gate");
    // A review of glass that was broken at another time.
    let mut story = Story::new();
    story.records[2].h = Digest::of(b"rewritten");
    story.is_refused(3, "another opening");
}

#[test]
fn threat_49_a_ballot_that_came_too_late_is_found() {
    let mut story = Story::new();
    story.approval().event.at = at(31);
    story.is_refused(1, "could be cast until");
}

#[test]
fn a_key_that_did_not_count_then_is_found() {
    let mut story = Story::new();
    let key = story.signers.split_once(' ').unwrap().1.to_owned();
    story.signers = format!("ana valid-before=\"20261120195959\" {key}");
    story.is_refused(1, "expired");
    story.signers = format!("bo {key}");
    story.is_refused(1, "does not allow it");
    let no_file = Polling {
        run: &story.run,
        environment: &story.environment,
        signers: None,
        keygen: &Keygen::of_this_process(),
    }
    .check(&story.records);
    assert_eq!((no_file.good, no_file.flaws.len()), (0, 3));
    assert!(
        no_file
            .flaws
            .iter()
            .all(|(_, flaw)| flaw.code() == Code::Signature)
    );
}

#[test]
fn without_ssh_keygen_nothing_is_said_to_be_good_or_bad() {
    let story = Story::new();
    let checked = story.checked_by(&Keygen::with([("PATH".into(), "/nonexistent".into())]));
    assert_eq!((checked.good, checked.flaws.len()), (0, 3));
    for (_, flaw) in checked.flaws {
        assert_eq!(flaw.code(), Code::NotVerified);
        assert!(flaw.to_string().contains("apt install openssh-client"));
    }
}

#[test]
fn a_login_is_not_a_signature() {
    let mut story = Story::new();
    story.records.truncate(1);
    let ballot = story.ballot(0);
    story.approve(&ballot, "ana", Proof::Login(person("ana")));
    let checked = story.checked();
    assert_eq!((checked.good, checked.flaws.len()), (0, 0));
}
