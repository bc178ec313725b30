//! A story: a runbook, what the world and the people answer to it, and what comes of that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use runbook::model::approval::{ApprovalsAsked, Principal, Proof, Vote, Voter};
use runbook::model::call::{Ended, Failure, FailureKind};
use runbook::model::event::{Decision, FailureChoice, ManualOutcome, Resolution};
use runbook::model::gate::Expires;
use runbook::model::ids::ToolRef;
use runbook::model::people::{Person, Way};
use runbook::model::{Event, Severity, Value};
use runbook::plan::{
    self, Answers, Binding, BoundBy, Ingredients, Plan, PlannedApprovals, PlannedGate,
};
use runbook::run::{Act, Asked, Fact, Need, PersonNeeded};
use runbook::spec::Diagnostics;
use runbook::spec::contract::{self, Contract};
use runbook::spec::environment::{GateRule, Gates, Policy, Unattended};
use runbook::spec::runbook as definition;

use super::driver::{Driver, Script, Stroke, ada, json};
use super::told::Told;

/// The contract that all stories share.
pub fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut found = Diagnostics::new();
        let text = include_bytes!("box.yaml");
        let contract = contract::read("box.yaml", text, &mut found);
        contract.unwrap_or_else(|| panic!("{}", found.render(false, 100)))
    })
}

/// A policy under which only what destroys is asked about.
pub fn lenient() -> Policy {
    Policy {
        unattended: Unattended::Allow,
        gates: Gates {
            change: GateRule::None.into(),
            destructive: GateRule::Confirm.into(),
        },
        ..Policy::default()
    }
}

/// The plan of a runbook, `name` and `title` left out of its text.
pub fn plan_of(text: &str, others: &[(&str, &str)], policy: Policy) -> Plan {
    let mut runbooks = IndexMap::new();
    for (name, text) in [("story", text)].iter().chain(others) {
        let text = format!("name: {name}\ntitle: {name}\n{text}");
        let mut found = Diagnostics::new();
        let runbook = definition::read(&format!("{name}.yaml"), text.as_bytes(), &mut found)
            .unwrap_or_else(|| panic!("{}", found.render(false, 100)));
        runbooks.insert(
            runbook.name.value.clone(),
            (Arc::clone(&runbook.source), runbook),
        );
    }
    let contract = contract();
    let operations = contract
        .actions
        .keys()
        .map(|action| (action.clone(), format!("box.{action}")))
        .collect();
    let binding = Binding {
        answers: Answers::Sandbox { operations },
        by: BoundBy::Sandbox,
    };
    let asked = "story".parse().unwrap();
    let params = plan::params::settle(&runbooks[&asked].1.params, &IndexMap::new()).unwrap();
    plan::build(Ingredients {
        runbook: &asked,
        runbooks: &runbooks,
        contracts: &IndexMap::from([(contract.tool.clone(), contract.clone())]),
        params: params.values,
        environment: "sandbox".parse().unwrap(),
        real: false,
        bindings: ["BOX", "BOX@old"]
            .map(|tool| (tool.parse::<ToolRef>().unwrap(), binding.clone()))
            .into_iter()
            .collect(),
        policy,
        announcement: None,
    })
    .unwrap()
}

/// What the world and the people say, by step, each in turn; what is not said is a success.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pub replies: BTreeMap<String, VecDeque<Ended>>,
    pub looks: BTreeMap<String, VecDeque<Ended>>,
    pub verifies: BTreeMap<String, VecDeque<Ended>>,
    pub facts: BTreeMap<String, VecDeque<Fact>>,
    pub strokes: Vec<(String, String, Stroke)>,
    pub alone: bool,
    /// People answer before what is under way ends.
    pub people_first: bool,
    /// The process waits where nobody answers.
    pub waits: bool,
}

fn next(lines: &mut BTreeMap<String, VecDeque<Ended>>, step: &str) -> Ended {
    lines
        .get_mut(step)
        .and_then(|lines| {
            // The last word is said again.
            if lines.len() > 1 {
                lines.pop_front()
            } else {
                lines.front().cloned()
            }
        })
        .unwrap_or_else(ok)
}

impl Script for Lines {
    fn act(&mut self, act: &Act) -> Ended {
        let step = act.step.as_str();
        let queue = self.replies.get_mut(step);
        match queue {
            Some(queue) if act.polled && queue.len() == 1 => queue[0].clone(),
            Some(queue) => queue.pop_front().unwrap_or_else(ok),
            None => ok(),
        }
    }

    fn look(&mut self, asked: &Asked) -> Ended {
        next(&mut self.looks, asked.step.as_str())
    }

    fn verify(&mut self, asked: &Asked) -> Ended {
        next(&mut self.verifies, asked.step.as_str())
    }

    fn person(&mut self, needed: &PersonNeeded) -> Option<Fact> {
        let scripted = self
            .facts
            .get_mut(needed.step.as_str())
            .and_then(|facts| {
                let fits = facts.iter().position(|fact| fits(fact, &needed.need))?;
                facts.remove(fits)
            })
            .map(|fact| match (fact, &needed.need) {
                (
                    Fact::Gate {
                        decision,
                        way,
                        reason,
                        ..
                    },
                    Need::Gate(gate) | Need::Approvals { gate, .. },
                ) => Fact::Gate {
                    digest: gate.digest,
                    decision,
                    way,
                    reason,
                },
                (
                    Fact::Vote {
                        vote,
                        voter,
                        reason,
                        ..
                    },
                    Need::Gate(gate) | Need::Approvals { gate, .. },
                ) => Fact::Vote {
                    digest: gate.digest,
                    vote,
                    voter,
                    reason,
                },
                (fact, _) => fact,
            });
        if scripted.is_some() || self.alone {
            return scripted;
        }
        Some(usual(&needed.need))
    }

    fn pick(&mut self, of: usize, asked: bool) -> usize {
        if self.people_first && asked {
            of - 1
        } else {
            0
        }
    }

    fn after(&mut self, event: &Event, _: usize) -> Option<Stroke> {
        let step = event.step.as_ref().map_or("", |step| step.as_str());
        let found = self
            .strokes
            .iter()
            .position(|(kind, on, _)| *kind == event.what.kind() && on == step)?;
        Some(self.strokes.remove(found).2)
    }

    fn waits(&self) -> bool {
        self.waits
    }
}

fn fits(fact: &Fact, need: &Need) -> bool {
    matches!(
        (fact, need),
        (Fact::Gate { .. }, Need::Gate(_))
            | (Fact::Vote { .. }, Need::Gate(_) | Need::Approvals { .. })
            | (
                Fact::Gate {
                    decision: Decision::Decline,
                    ..
                } | Fact::Gate { way: Way::Yes, .. },
                Need::Approvals { .. }
            )
            | (Fact::Answer { .. }, Need::Ask { .. })
            | (Fact::Reported { .. }, Need::Manual { .. })
            | (Fact::Chosen { .. }, Need::Failure { .. })
            | (Fact::Settled { .. }, Need::Doubt { .. })
    )
}

/// Somebody at another login on this machine.
pub fn login(name: &str) -> Voter {
    Voter {
        principal: name.parse().unwrap(),
        proof: Proof::Login(account(name)),
    }
}

/// The account of somebody on this machine, or on the one behind the `@`.
pub fn account(name: &str) -> Person {
    let (user, host) = name.split_once('@').unwrap_or((name, "here"));
    let uid = 2000 + user.bytes().map(u32::from).sum::<u32>();
    Person {
        user: user.to_owned(),
        uid,
        login_uid: Some(uid),
        host: host.to_owned(),
        terminal: None,
    }
}

/// Somebody who may approve and has not; nobody where nobody is left.
pub fn another(asked: &ApprovalsAsked, given: &[Principal], people: &[Principal]) -> Option<Voter> {
    let anybody = ["li", "mo", "bo"].map(|name| name.parse().unwrap());
    let people = if asked.from.is_empty() {
        &anybody
    } else {
        people
    };
    let fits = |person: &&Principal| {
        let mut given = given.iter();
        !person.may_be(&ada()) && !given.any(|other| other.is_same_person(person))
    };
    Some(login(people.iter().find(fits)?.as_str()))
}

/// What people say where a story does not: yes, the suggestion, done, stop, it happened.
pub fn usual(need: &Need) -> Fact {
    let way = Way::Terminal;
    match need {
        Need::Gate(gate) => Fact::Gate {
            digest: gate.digest,
            decision: Decision::Approve,
            way,
            reason: None,
        },
        Need::Approvals {
            gate,
            given,
            people,
            ..
        } => match another(gate.approvals.as_ref().unwrap(), given, people) {
            Some(voter) => Fact::Vote {
                digest: gate.digest,
                vote: Vote::Approve,
                voter: Box::new(voter),
                reason: None,
            },
            None => Fact::Gate {
                digest: gate.digest,
                decision: Decision::Decline,
                way,
                reason: None,
            },
        },
        Need::Ask {
            shape, suggested, ..
        } => {
            let suggested = suggested.clone().ok().flatten();
            let words = ["yes", "a", "x", "1", "true", "5s"];
            let fits = words.iter().find_map(|word| shape.read(word).ok());
            Fact::Answer {
                answer: suggested.clone().or(fits).unwrap(),
                suggested,
                way,
            }
        }
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
        Need::Doubt { .. } => Fact::Settled {
            resolution: Resolution::Happened,
            reason: "looked".to_owned(),
        },
    }
}

pub fn ok() -> Ended {
    gives(r#"{"n": 1, "ok": true, "state": "on", "names": ["a", "b"]}"#)
}

pub fn gives(output: &str) -> Ended {
    Ended::Succeeded(json(output))
}

/// A look that sees this state.
pub fn sees(state: &str) -> Ended {
    gives(&format!(
        r#"{{"n": 1, "ok": true, "state": "{state}", "names": []}}"#
    ))
}

pub fn fails(message: &str) -> Ended {
    Ended::Failed(Failure::new(FailureKind::Exit, message), None)
}

pub fn unknown(reason: &str) -> Ended {
    Ended::Unknown(reason.to_owned())
}

/// What others must say, without a condition.
pub fn approvals(count: u32, from: &[&str]) -> PlannedApprovals {
    PlannedApprovals {
        count,
        from: from.iter().map(|group| group.parse().unwrap()).collect(),
        exclude: Vec::new(),
        condition: None,
    }
}

/// The gate of the step that is written with this id.
fn gate_of<'a>(plan: &'a mut Plan, step: &str) -> &'a mut PlannedGate {
    let mut nodes = plan.nodes.iter_mut();
    let node = nodes.find(|node| node.id.as_str() == step && node.gate.is_some());
    node.and_then(|node| node.gate.as_mut())
        .unwrap_or_else(|| panic!("{step} has no gate"))
}

/// A runbook whose story is about to be told.
#[derive(Clone, Debug)]
pub struct Story {
    text: String,
    others: Vec<(String, String)>,
    policy: Policy,
    lines: Lines,
    approvals: Vec<(String, PlannedApprovals)>,
    expires: Vec<(String, Expires)>,
    lock: Option<String>,
    severity: Option<Severity>,
    announcement: bool,
}

pub fn story(text: &str) -> Story {
    Story {
        text: text.to_owned(),
        others: Vec::new(),
        policy: lenient(),
        lines: Lines::default(),
        approvals: Vec::new(),
        expires: Vec::new(),
        lock: None,
        severity: None,
        announcement: false,
    }
}

impl Story {
    /// The first step tells others that the glass is broken.
    pub fn announcing(mut self) -> Self {
        self.announcement = true;
        self
    }

    /// Another runbook, which this one includes.
    pub fn with(mut self, name: &str, text: &str) -> Self {
        self.others.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn policy(mut self, change: GateRule, destructive: GateRule) -> Self {
        self.policy.gates = Gates {
            change: change.into(),
            destructive: destructive.into(),
        };
        self
    }

    /// Who is in a group of the policy.
    pub fn group(mut self, group: &str, people: &[&str]) -> Self {
        let people = people.iter().map(|name| name.parse().unwrap()).collect();
        self.policy.approvers.insert(group.parse().unwrap(), people);
        self
    }

    /// The policy, as far as no other method here says it.
    pub fn with_policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// Others must approve before the step's gate is passed.
    pub fn approvals(self, step: &str, count: u32, from: &[&str]) -> Self {
        self.approvals_of(step, approvals(count, from))
    }

    pub fn approvals_of(mut self, step: &str, approvals: PlannedApprovals) -> Self {
        self.approvals.push((step.to_owned(), approvals));
        self
    }

    /// How long the step's gate waits and its decision holds, and whom it turns to.
    pub fn expires(mut self, step: &str, expires: Expires) -> Self {
        self.expires.push((step.to_owned(), expires));
        self
    }

    /// What one run at a time has.
    pub fn lock(mut self, name: &str) -> Self {
        self.lock = Some(name.to_owned());
        self
    }

    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Another says something at the step's next gate.
    pub fn vote(self, step: &str, name: &str, vote: Vote) -> Self {
        let fact = Fact::Vote {
            digest: runbook::model::Digest::ZERO,
            vote,
            voter: Box::new(login(name)),
            reason: None,
        };
        self.fact(step, fact)
    }

    /// How the step's next act ends.
    pub fn reply(mut self, step: &str, ended: Ended) -> Self {
        let queue = self.lines.replies.entry(step.to_owned()).or_default();
        queue.push_back(ended);
        self
    }

    /// What the next look before the step acts sees.
    pub fn look(mut self, step: &str, ended: Ended) -> Self {
        let queue = self.lines.looks.entry(step.to_owned()).or_default();
        queue.push_back(ended);
        self
    }

    /// What the step's next `verify` sees.
    pub fn verify(mut self, step: &str, ended: Ended) -> Self {
        let queue = self.lines.verifies.entry(step.to_owned()).or_default();
        queue.push_back(ended);
        self
    }

    fn fact(mut self, step: &str, fact: Fact) -> Self {
        let queue = self.lines.facts.entry(step.to_owned()).or_default();
        queue.push_back(fact);
        self
    }

    /// What is decided at the step's next gate.
    pub fn gate(self, step: &str, decision: Decision) -> Self {
        self.gate_by(step, decision, Way::Terminal)
    }

    /// What is decided at the step's next gate, and how.
    pub fn gate_by(self, step: &str, decision: Decision, way: Way) -> Self {
        let fact = Fact::Gate {
            digest: runbook::model::Digest::ZERO,
            decision,
            way,
            reason: None,
        };
        self.fact(step, fact)
    }

    /// The next answer to the step's question.
    pub fn answer(self, step: &str, answer: impl Into<Value>) -> Self {
        let fact = Fact::Answer {
            answer: answer.into(),
            suggested: None,
            way: Way::Terminal,
        };
        self.fact(step, fact)
    }

    /// How the person's work went.
    pub fn report(self, step: &str, outcome: ManualOutcome) -> Self {
        let fact = Fact::Reported {
            outcome,
            output: Value::None,
            way: Way::Terminal,
            note: Some("because".to_owned()),
        };
        self.fact(step, fact)
    }

    /// What the operator chooses after the step's next failure.
    pub fn choose(self, step: &str, choice: FailureChoice) -> Self {
        let fact = Fact::Chosen {
            choice,
            way: Way::Terminal,
            reason: Some("because".to_owned()),
        };
        self.fact(step, fact)
    }

    /// How the operator settles the doubt about the step.
    pub fn settle(self, step: &str, resolution: Resolution) -> Self {
        let fact = Fact::Settled {
            resolution,
            reason: "because".to_owned(),
        };
        self.fact(step, fact)
    }

    /// The process dies right after this, and the run is taken up again.
    pub fn crash_after(mut self, kind: &str, step: &str) -> Self {
        let stroke = (kind.to_owned(), step.to_owned(), Stroke::Crash);
        self.lines.strokes.push(stroke);
        self
    }

    /// Somebody cancels the run right after this.
    pub fn cancel_after(self, kind: &str, step: &str) -> Self {
        self.after(kind, step, Stroke::Cancel)
    }

    /// This happens to the run right after that.
    pub fn after(mut self, kind: &str, step: &str, stroke: Stroke) -> Self {
        let stroke = (kind.to_owned(), step.to_owned(), stroke);
        self.lines.strokes.push(stroke);
        self
    }

    /// The process waits for the clock where nobody answers.
    pub fn waits(mut self) -> Self {
        self.lines.waits = true;
        self
    }

    /// Nobody is there but who is named in the story.
    pub fn alone(mut self) -> Self {
        self.lines.alone = true;
        self
    }

    /// People answer before what is under way ends.
    pub fn people_first(mut self) -> Self {
        self.lines.people_first = true;
        self
    }

    pub fn plan(&self) -> Arc<Plan> {
        let others: Vec<(&str, &str)> = self
            .others
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let mut plan = plan_of(&self.text, &others, self.policy.clone());
        plan.lock = self.lock.clone().or(plan.lock);
        plan.severity = self.severity.or(plan.severity);
        let first = plan.node(plan.steps).does.children().first().copied();
        plan.announcement = first.filter(|_| self.announcement);
        for (step, approvals) in &self.approvals {
            gate_of(&mut plan, step).approvals = Some(approvals.clone());
        }
        for (step, expires) in &self.expires {
            gate_of(&mut plan, step).expires = expires.clone();
        }
        Arc::new(plan)
    }

    /// Tells it: to its end, or to where somebody is needed who is not there. Then tells it again
    /// from its events, and from each beginning of them.
    pub fn run(self) -> Told {
        let plan = self.plan();
        let mut driver = Driver::open(Arc::clone(&plan), self.lines);
        let left = driver.go();
        let told = Told {
            run: driver.run,
            events: driver.events,
            left,
        };
        told.folds_again();
        told.resumes_from_everywhere();
        told
    }
}
