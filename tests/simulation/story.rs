//! A story: a runbook, what the world and the people answer to it, and what comes of that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use runbook::model::approval::{Principal, Proof, Vote, Voter};
use runbook::model::call::{Ended, Failure, FailureKind};
use runbook::model::event::{Decision, FailureChoice, ManualOutcome, Resolution};
use runbook::model::ids::ToolRef;
use runbook::model::people::{Person, Way};
use runbook::model::{Event, Value};
use runbook::plan::{self, Answers, Binding, BoundBy, Ingredients, Plan};
use runbook::run::{Act, Asked, Fact, Need, PersonNeeded};
use runbook::spec::Diagnostics;
use runbook::spec::contract::{self, Contract};
use runbook::spec::environment::{GateRule, Gates, Policy, Unattended};
use runbook::spec::runbook as definition;

use super::driver::{Driver, Script, Stroke, json};
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
                    Need::Gate(gate),
                ) => Fact::Gate {
                    digest: gate.digest,
                    decision,
                    way,
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
}

fn fits(fact: &Fact, need: &Need) -> bool {
    matches!(
        (fact, need),
        (Fact::Gate { .. }, Need::Gate(_))
            | (Fact::Answer { .. }, Need::Ask { .. })
            | (Fact::Reported { .. }, Need::Manual { .. })
            | (Fact::Chosen { .. }, Need::Failure { .. })
            | (Fact::Settled { .. }, Need::Doubt { .. })
    )
}

/// Somebody at another login on this machine.
pub fn login(name: &str) -> Voter {
    let person = Person {
        user: name.split('@').next().unwrap().to_owned(),
        uid: 2000,
        login_uid: Some(2000),
        host: "here".to_owned(),
        terminal: None,
    };
    Voter {
        principal: name.parse().unwrap(),
        proof: Proof::Login(person),
    }
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
        Need::Approvals { gate, people, .. } => Fact::Vote {
            digest: gate.digest,
            vote: Vote::Approve,
            voter: Box::new(login(people.first().map_or("li", Principal::as_str))),
            reason: None,
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

/// A runbook whose story is about to be told.
#[derive(Clone, Debug)]
pub struct Story {
    text: String,
    others: Vec<(String, String)>,
    policy: Policy,
    lines: Lines,
}

pub fn story(text: &str) -> Story {
    Story {
        text: text.to_owned(),
        others: Vec::new(),
        policy: lenient(),
        lines: Lines::default(),
    }
}

impl Story {
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
        let fact = Fact::Gate {
            digest: runbook::model::Digest::ZERO,
            decision,
            way: Way::Terminal,
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
    pub fn cancel_after(mut self, kind: &str, step: &str) -> Self {
        let stroke = (kind.to_owned(), step.to_owned(), Stroke::Cancel);
        self.lines.strokes.push(stroke);
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
        Arc::new(plan_of(&self.text, &others, self.policy.clone()))
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
