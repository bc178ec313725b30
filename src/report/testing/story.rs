//! A run of the small plan, in which a script stands for the world.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::call::{Ended, Failure, FailureKind};
use crate::model::event::{Decision, FailureChoice, Happened, ManualOutcome, RunOpened};
use crate::model::ids::{RunId, StepKey};
use crate::model::output::Streams;
use crate::model::people::{Actor, Person, Way};
use crate::model::{Digest, Duration, Event, Timestamp, Value};
use crate::report::{Notice, Reporter};
use crate::run::{Command, Draft, Fact, Input, Need, Replied, Run};

/// A run whose world is a script: what each step answers, in turn.
pub(in crate::report) struct Story {
    pub(in crate::report) run: Run,
    pub(in crate::report) now: Timestamp,
    pub(in crate::report) events: Vec<Event>,
    answers: Vec<(&'static str, VecDeque<Ended>)>,
    pub(in crate::report) restart_safe: &'static str,
    pub(in crate::report) decision: Decision,
    pub(in crate::report) stop_before: Option<&'static str>,
}

pub(in crate::report) fn person() -> Person {
    Person {
        user: "ana".to_owned(),
        uid: 1000,
        login_uid: Some(1000),
        host: "ops-1".to_owned(),
        terminal: Some("/dev/pts/3".to_owned()),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

impl Story {
    pub(in crate::report) fn new(real: bool) -> Self {
        let plan = Arc::new(super::plan(real));
        let id: RunId = "db-failover-20261120T195359Z-7k3f".parse().unwrap();
        let ok = |text: &str| VecDeque::from([Ended::Succeeded(json(text))]);
        Self {
            run: Run::new(id, plan),
            now: "2026-11-20T19:53:59Z".parse().unwrap(),
            events: Vec::new(),
            answers: vec![
                ("status", ok(r#"{"primary":"db-1","state":"stopped"}"#)),
                (
                    "replicas",
                    ok(r#"{"freshest":{"name":"db-2","lag":{"$duration":"4s"}}}"#),
                ),
                (
                    "restart",
                    VecDeque::from([Ended::Failed(
                        Failure::new(
                            FailureKind::Refused,
                            "db-1 does not accept connections: the log cannot be replayed",
                        )
                        .hint("look at its log before trying again"),
                        None,
                    )]),
                ),
                ("failover", ok(r#"{"promoted":"db-2","seconds":4.2}"#)),
                (
                    "healthy",
                    ok(r#"{"healthy":true,"summary":"7 of 7 services are healthy"}"#),
                ),
            ],
            restart_safe: "no",
            decision: Decision::Approve,
            stop_before: None,
        }
    }

    /// What a step answers, instead of what it usually does.
    pub(in crate::report) fn answer(
        mut self,
        step: &'static str,
        ended: impl IntoIterator<Item = Ended>,
    ) -> Self {
        self.answers.retain(|(name, _)| *name != step);
        self.answers.push((step, ended.into_iter().collect()));
        self
    }

    pub(in crate::report) fn open(&mut self) {
        let plan = self.run.plan();
        let opened = RunOpened {
            runbook: plan.runbook.clone(),
            runbook_blob: Digest::of(b"runbook"),
            plan_blob: Digest::of(b"plan"),
            bindings_blob: Digest::of(b"bindings"),
            policy_blob: Digest::of(b"policy"),
            params: plan.scopes[0].params.clone(),
            environment: plan.environment.clone(),
            real: plan.real,
            severity: plan.severity,
            simulation: None,
            operator: person(),
            yes: false,
            version: "0.1.0".to_owned(),
            ledger: None,
        };
        self.happen(
            Draft {
                step: None,
                attempt: None,
                what: Happened::RunOpened(Box::new(opened)),
            },
            true,
        );
    }

    pub(in crate::report) fn happen(&mut self, draft: Draft, by_person: bool) {
        let event = Event {
            at: self.now,
            step: draft.step,
            attempt: draft.attempt,
            actor: match by_person {
                true => Actor::Person(person()),
                false => Actor::Engine,
            },
            what: draft.what,
        };
        self.run.apply(&event).unwrap();
        self.events.push(event);
    }

    fn admit(&mut self, step: &StepKey, fact: Fact, by_person: bool) {
        let attempt = self.run.step(step).unwrap().attempt();
        let input = Input {
            step: step.clone(),
            attempt,
            fact,
        };
        let draft = self.run.admit(input, self.now).unwrap();
        self.happen(draft, by_person);
    }

    fn ended(&mut self, step: &StepKey) -> Ended {
        let found = self
            .answers
            .iter_mut()
            .find(|(name, _)| *name == step.as_str());
        found
            .and_then(|(_, answers)| answers.pop_front())
            .unwrap_or(Ended::Succeeded(json(
                r#"{"channel":"incidents","id":"1"}"#,
            )))
    }

    /// One turn: false where nothing more is to be done.
    pub(in crate::report) fn turn(&mut self) -> bool {
        let commands = self.run.commands(self.now);
        let Some(command) = commands.into_iter().next() else {
            return false;
        };
        match command {
            Command::Record(draft) => self.happen(draft, false),
            Command::Act(act) => {
                if self.stop_before == Some(act.step.as_str()) {
                    return false;
                }
                self.happen(
                    Draft {
                        step: Some(act.step.clone()),
                        attempt: Some(act.attempt),
                        what: Happened::StepStarted(Box::new(act.started.clone())),
                    },
                    false,
                );
                let took = Duration::from_millis(4200);
                self.now = took.after(self.now);
                let ended = self.ended(&act.step);
                if act.polled
                    && let Ended::Succeeded(output) = &ended
                {
                    let seen = |met| Happened::PollSeen {
                        met,
                        output: Some(output.clone()),
                        failure: None,
                    };
                    for met in [false, true] {
                        self.happen(
                            Draft {
                                step: Some(act.step.clone()),
                                attempt: Some(act.attempt),
                                what: seen(met),
                            },
                            false,
                        );
                        self.now = Duration::from_secs(30).after(self.now);
                    }
                }
                let replied = Replied {
                    ended,
                    streams: Streams::default(),
                    notes: Vec::new(),
                    took,
                };
                self.admit(&act.step, Fact::Replied(replied), false);
            }
            Command::Look(asked) => self.admit(
                &asked.step,
                Fact::Looked(Ended::Succeeded(json(
                    r#"{"state":"stopped","primary":"db-1"}"#,
                ))),
                false,
            ),
            Command::Verify(asked) => {
                self.admit(&asked.step, Fact::Verified(Ended::Cancelled), false)
            }
            Command::Person(needed) => {
                self.now = Duration::from_secs(20).after(self.now);
                let way = Way::Terminal;
                let fact = match needed.need {
                    Need::Gate(gate) => Fact::Gate {
                        digest: gate.digest,
                        decision: self.decision,
                        way,
                        reason: (self.decision != Decision::Approve).then(|| "not now".to_owned()),
                    },
                    Need::Ask { .. } => Fact::Answer {
                        answer: self.restart_safe.into(),
                        suggested: Some("yes".into()),
                        way,
                    },
                    Need::Manual { .. } => Fact::Reported {
                        outcome: ManualOutcome::Done,
                        output: Value::None,
                        way,
                        note: None,
                    },
                    Need::Failure { .. } => Fact::Chosen {
                        choice: FailureChoice::Stop,
                        way,
                        reason: None,
                    },
                    Need::Doubt { .. } | Need::Approvals { .. } => return false,
                };
                self.admit(&needed.step, fact, true);
            }
            Command::WaitUntil(until) => self.now = until,
        }
        true
    }

    /// To its end, or to where nothing goes on.
    pub(in crate::report) fn play(mut self) -> Self {
        self.open();
        while self.turn() {}
        self
    }
}

/// Feeds a reporter the whole story, each event with the run as it was after it.
pub(in crate::report) fn report(story: &Story, reporter: &mut dyn Reporter) {
    let mut run = Run::new(story.run.id().clone(), story.run.plan().clone());
    for event in &story.events {
        run.apply(event).unwrap();
        let json = serde_json::to_vec(&event.what).unwrap();
        reporter.notice(Notice::Recorded {
            event,
            json: &json,
            run: &run,
        });
    }
}
