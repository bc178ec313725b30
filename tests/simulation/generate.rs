//! Random runbooks, small, with everything that the format has.

use std::fmt::Write;

use runbook::model::gate::Expires;
use runbook::model::{Duration, Severity};
use runbook::plan::{Plan, PlannedApprovals};
use runbook::spec::environment::BreakGlass;

use super::chance::Chance;

/// What is around a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Steps,
    Undo,
    Finally,
}

/// Lets others have their say about a plan: approvals, how long they may take, and a lock.
pub fn others(plan: &mut Plan, chance: &mut Chance) {
    let group = |name: &str, people: &[&str]| {
        let people = people.iter().map(|name| name.parse().unwrap()).collect();
        (name.parse().unwrap(), people)
    };
    plan.policy.approvers = [
        group("dba", &["li", "mo", "ada"]),
        group("lead", &["bo", "kim", "ada"]),
    ]
    .into_iter()
    .collect();
    plan.policy.break_glass = Some(BreakGlass {
        group: "lead".parse().unwrap(),
        announce: None,
    });
    if chance.percent(25) {
        plan.severity = Some(Severity::Sev1);
        plan.policy.after_the_fact = vec![Severity::Sev1];
    }
    if chance.percent(30) {
        plan.lock = Some("database/main".to_owned());
    }
    for gate in plan.nodes.iter_mut().filter_map(|node| node.gate.as_mut()) {
        if chance.percent(40) {
            let from = [&[][..], &["dba"], &["dba", "lead"]][chance.below(3)];
            gate.approvals = Some(PlannedApprovals {
                count: 1 + u32::from(chance.percent(30)),
                from: from.iter().map(|group| group.parse().unwrap()).collect(),
                exclude: match chance.percent(20) {
                    true => vec!["mo".parse().unwrap()],
                    false => Vec::new(),
                },
                condition: None,
            });
        }
        if chance.percent(30) {
            let escalate = [&[][..], &["lead"]][chance.below(2)];
            gate.expires = Expires {
                approve: chance.percent(60).then_some(Duration::from_secs(50)),
                execute: chance.percent(50).then_some(Duration::from_secs(30)),
                escalate: escalate
                    .iter()
                    .map(|group| group.parse().unwrap())
                    .collect(),
            };
        }
    }
}

struct Writer {
    chance: Chance,
    text: String,
    /// Ids of steps above that can be read from here.
    known: Vec<String>,
    next: usize,
    budget: usize,
    /// Whether the other runbook may be included.
    includes: bool,
}

/// A runbook, and another that it may include.
pub fn runbooks(seed: u64) -> (String, String) {
    let mut chance = Chance::new(seed);
    let budget = 2 + chance.below(9);
    let main = runbook(Chance::new(chance.draw()), budget, true);
    let other = runbook(Chance::new(chance.draw()), 2, false);
    (main, other)
}

fn runbook(mut chance: Chance, budget: usize, main: bool) -> String {
    let mut text = String::new();
    if main {
        if chance.percent(30) {
            let rule = chance.one(&["ask", "stop", "continue", "undo"]);
            let _ = writeln!(text, "on_failure: {rule}");
        }
        if chance.percent(40) {
            text.push_str("on_cancel: undo\n");
        }
        if chance.percent(10) {
            text.push_str("timeout: 2m\n");
        }
    }
    text.push_str("params: { who: { default: ada } }\n");
    if chance.percent(30) {
        text.push_str("vars: { name: 'x-{{ params.who }}' }\n");
    }
    let finally = main && chance.percent(40);
    let mut writer = Writer {
        chance,
        text,
        known: Vec::new(),
        next: 0,
        budget,
        includes: main,
    };
    writer.text.push_str("steps:\n");
    writer.steps(1, Part::Steps, false);
    if finally {
        writer.budget = 3;
        writer.text.push_str("finally:\n");
        writer.steps(1, Part::Finally, false);
    }
    writer.text
}

impl Writer {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{}{text}", "  ".repeat(depth));
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("s{}", self.next)
    }

    /// Some steps: at least one, and as many as the budget has.
    fn steps(&mut self, depth: usize, part: Part, parallel: bool) {
        let many = 1 + self.chance.below(4);
        let mut siblings = Vec::new();
        for place in 0..many {
            if place > 0 && self.budget == 0 {
                return;
            }
            self.budget = self.budget.saturating_sub(1);
            let id = self.step(depth, part, parallel, &siblings);
            siblings.push(id);
        }
    }

    fn step(&mut self, depth: usize, part: Part, parallel: bool, siblings: &[String]) -> String {
        let id = self.id();
        self.line(depth, &format!("- id: {id}"));
        let inner = depth + 1;
        if self.chance.percent(15) {
            let condition = self.condition();
            self.line(inner, &format!("if: {condition}"));
        }
        if self.chance.percent(8) {
            let condition = self.condition();
            self.line(inner, &format!("require: {condition}"));
        }
        if parallel && !siblings.is_empty() && self.chance.percent(30) {
            let need = &siblings[self.chance.below(siblings.len())];
            let need = format!("needs: [{need}]");
            self.line(inner, &need);
        }
        if self.chance.percent(30) {
            let rules: &[&str] = if part == Part::Steps {
                &["ask", "stop", "continue", "undo"]
            } else {
                &["ask", "stop", "continue"]
            };
            let rule = self.chance.one(rules);
            self.line(inner, &format!("on_failure: {rule}"));
        }
        if depth < 7 && self.budget > 0 && self.chance.percent(25) {
            self.block(inner, part);
        } else {
            self.leaf(inner, part);
        }
        if part != Part::Undo {
            self.known.push(id.clone());
        }
        id
    }

    fn block(&mut self, depth: usize, part: Part) {
        self.retry(depth, 20);
        if self.chance.percent(15) {
            self.line(depth, "gate: Begin?");
        }
        let looped = self.each(depth, 20);
        if part == Part::Steps && self.chance.percent(25) {
            self.undo(depth, looped);
        }
        let parallel = self.chance.percent(50);
        if parallel {
            self.line(depth, "parallel: true");
        }
        self.line(depth, "steps:");
        let outside = self.known.len();
        self.steps(depth + 1, part, parallel);
        if looped {
            // From outside, only `items` of the loop is seen.
            self.known.truncate(outside);
        }
    }

    fn leaf(&mut self, depth: usize, part: Part) {
        match self.chance.below(20) {
            0 => self.line(depth, "manual: Do it by hand"),
            1 => {
                self.line(depth, "ask: What now?");
                self.line(depth, "choices: { yes: Y, no: N }");
            }
            2 => self.line(depth, "pause: 30s"),
            3 if self.includes && part != Part::Undo => {
                self.line(depth, "runbook: other");
                let who = self.word();
                self.line(depth, &format!("with: {{ who: '{who}' }}"));
                self.retry(depth, 20);
            }
            4 => {
                self.line(depth, "call: $BOX look");
                self.line(depth, "until: output.ok");
                self.line(depth, "within: 40s");
                if self.chance.percent(50) {
                    self.line(depth, "hold: 12s");
                }
            }
            5 => {
                self.line(depth, "run: [deploy, now]");
                let effect = self.chance.one(&["read", "change"]);
                self.line(depth, &format!("effect: {effect}"));
                self.retry(depth, 30);
                if part == Part::Steps && self.chance.percent(40) {
                    self.undo(depth, false);
                }
            }
            _ => self.call(depth, part),
        }
    }

    fn call(&mut self, depth: usize, part: Part) {
        let looped = self.each(depth, 15);
        let action = self.chance.one(&[
            "look", "set", "set", "drop", "flip", "flip", "pour", "stamp",
        ]);
        let word = self.word();
        self.line(depth, &format!("call: $BOX {action} '{word}'"));
        self.retry(depth, 25);
        if self.chance.percent(10) {
            self.line(depth, "expect: output.n > 0");
        }
        if self.chance.percent(8) {
            self.line(depth, "repeat: { until: output.n == 0, at_most: 3 }");
        }
        if self.chance.percent(25) {
            let gate = match self.chance.below(4) {
                0 if looped => "{ confirm: All of them?, once: true }".to_owned(),
                1 => {
                    let condition = self.condition();
                    format!("{{ confirm: Sure?, challenge: x, if: \"{condition}\" }}")
                }
                2 => "{ confirm: Sure?, show: [run.status] }".to_owned(),
                _ => "Sure?".to_owned(),
            };
            self.line(depth, &format!("gate: {gate}"));
        }
        if part == Part::Steps && self.chance.percent(30) {
            self.undo(depth, looped);
        }
    }

    fn each(&mut self, depth: usize, percent: usize) -> bool {
        if !self.chance.percent(percent) {
            return false;
        }
        let list = self.chance.one(&["[x, y]", "range(3)", "[]", "[x, y, z]"]);
        self.line(depth, &format!("for_each: {list}"));
        if self.chance.percent(50) {
            self.line(depth, "max_parallel: 2");
        }
        if self.chance.percent(30) {
            self.line(depth, "max_failures: 1");
        }
        true
    }

    fn retry(&mut self, depth: usize, percent: usize) {
        if self.chance.percent(percent) {
            let retry = self.chance.one(&[
                "2",
                "{ attempts: 3, delay: 3s }",
                "{ attempts: 2, delay: 1s, if: error.kind == 'exit' }",
            ]);
            self.line(depth, &format!("retry: {retry}"));
        }
    }

    fn undo(&mut self, depth: usize, looped: bool) {
        match self.chance.below(8) {
            0 => self.line(depth, "undo: none"),
            1 => self.line(depth, "undo: barrier"),
            2 => self.line(depth, "undo: { call: $BOX set back, when: end }"),
            3 => self.line(depth, "undo: { call: $BOX set back, when: later }"),
            4 => self.line(depth, "undo: { call: $BOX drop it, on_failure: continue }"),
            5 if looped => self.line(depth, "undo: $BOX set 'un{{ item }}'"),
            6 => self.line(depth, "undo: { manual: Put it back }"),
            _ => {
                self.line(depth, "undo:");
                self.line(depth + 1, "steps:");
                let includes = std::mem::replace(&mut self.includes, false);
                let budget = std::mem::replace(&mut self.budget, 2);
                self.steps(depth + 2, Part::Undo, false);
                self.includes = includes;
                self.budget = budget;
            }
        }
    }

    /// Something that is true or false, or cannot be evaluated.
    fn condition(&mut self) -> String {
        let id = match self.known.len() {
            0 => return self.chance.one(&["1 < 2", "1 > 2"]).to_owned(),
            many => self.known[self.chance.below(many)].clone(),
        };
        match self.chance.below(6) {
            0 => "1 > 2".to_owned(),
            1 => format!("steps.{id}.status == 'succeeded'"),
            2 => format!("steps.{id}.output.n > 0"),
            3 => format!("steps.{id}.status in ['failed', 'skipped', 'succeeded']"),
            _ => format!("steps.{id}.attempts < 9"),
        }
    }

    fn word(&mut self) -> String {
        let known = self.known.len();
        match self.chance.below(8) {
            0 if known > 0 => {
                let id = self.known[self.chance.below(known)].clone();
                format!("{{{{ steps.{id}.status }}}}")
            }
            1 if known > 0 => {
                let id = self.known[self.chance.below(known)].clone();
                format!("{{{{ steps.{id}.output.n }}}}")
            }
            2 => "{{ params.who }}".to_owned(),
            _ => "x".to_owned(),
        }
    }
}
