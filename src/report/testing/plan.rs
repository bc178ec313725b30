//! A failover in small, as a plan.

use indexmap::IndexMap;

use crate::expr::{Expression, Template};
use crate::model::gate::Expires;
use crate::model::{Duration, Effect, Map, Severity, Shape, Value};
use crate::plan::*;
use crate::spec::Diagnostics;
use crate::spec::source::{Span, Spanned};
use crate::spec::step::{
    Argument, Ask, ForEach, How, Literal, Manual, OnCancel, OnFailure, Pause, Poll, ResolvedCall,
};

pub(in crate::report) fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::fixed(jiff::tz::offset(1))
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn expression(text: &str) -> Spanned<Expression> {
    spanned(Expression::parse(text).unwrap())
}

struct Builder {
    nodes: Vec<Node>,
}

impl Builder {
    fn add(&mut self, parent: Option<NodeIx>, id: &str, title: &str, does: NodeDoes) -> &mut Node {
        let ix = NodeIx(u32::try_from(self.nodes.len()).unwrap());
        if let Some(parent) = parent
            && let NodeDoes::Block { children, .. } = &mut self.nodes[parent.0 as usize].does
        {
            children.push(ix);
        }
        let mut how = How::default();
        if !title.is_empty() {
            how.title = Some(spanned(template(title)));
        }
        self.nodes.push(Node {
            id: id.parse().unwrap(),
            path: id.to_owned(),
            named: true,
            place: "db-failover.yaml:1".to_owned(),
            scope: ScopeIx(0),
            parent,
            how,
            does,
            needs: Vec::new(),
            effect: Effect::Read,
            gate: None,
            undo: PlannedUndo::None,
            timeout: None,
        });
        self.nodes.last_mut().unwrap()
    }

    fn block(&mut self, parent: Option<NodeIx>, id: &str, title: &str, order: Order) -> NodeIx {
        let children = Vec::new();
        self.add(parent, id, title, NodeDoes::Block { order, children });
        NodeIx(u32::try_from(self.nodes.len() - 1).unwrap())
    }

    fn at(&mut self, ix: NodeIx) -> &mut Node {
        &mut self.nodes[ix.0 as usize]
    }
}

fn call(text: &str, args: &[(&str, &str)], mapped: bool) -> NodeDoes {
    let (tool, rest) = text.split_once(' ').unwrap();
    let action = rest.split(' ').next().unwrap();
    let mut words: Vec<Template> = rest.split(' ').map(template).collect();
    if !mapped {
        words.extend(
            args.iter()
                .map(|(name, value)| template(&format!("--{name}={value}"))),
        );
    }
    let literal = |value: &str| Argument::One(Literal::Template(template(value)));
    NodeDoes::Call(ResolvedCall {
        tool: tool.parse().unwrap(),
        action: action.parse().unwrap(),
        words,
        args: args
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), literal(v)))
            .collect(),
        mapped: match mapped {
            true => args.iter().map(|(name, _)| name.parse().unwrap()).collect(),
            false => Vec::new(),
        },
    })
}

fn gate(confirm: &str, challenge: Option<Challenge>) -> PlannedGate {
    PlannedGate {
        confirm: Some(template(confirm)),
        challenge,
        show: vec![Expression::parse("steps.replicas.output").unwrap()],
        condition: None,
        keep: true,
        once: false,
        by: GateBy::Runbook,
        approvals: None,
        expires: Expires::default(),
    }
}

const CLUSTER: (&str, &str) = ("cluster", "{{ params.cluster }}");

/// A failover in small: a parallel look, a question, a branch that restarts, one that fails
/// over, a poll, a loop, work for a person, a pause, and a last word.
pub(in crate::report) fn plan(real: bool) -> Plan {
    let mut b = Builder { nodes: Vec::new() };
    let steps = b.block(None, "steps", "", Order::Listed);
    let look = b.block(Some(steps), "look", "Look before acting", Order::Parallel);
    b.add(
        Some(look),
        "status",
        "Check the primary",
        call("DATABASE_TOOL status", &[CLUSTER], false),
    )
    .timeout = Some(Duration::from_secs(30));
    b.add(
        Some(look),
        "replicas",
        "Check the replicas",
        call("DATABASE_TOOL replica-status", &[CLUSTER], false),
    );
    let ask = b.add(
        Some(steps),
        "restart_safe",
        "Decide whether a restart is safe",
        NodeDoes::Ask(Ask {
            question: spanned(template(
                "Is it safe to restart {{ steps.status.output.primary }}?",
            )),
            choices: [
                ("yes", "The process stopped and the data is sound"),
                ("no", "We do not know. Go on to the failover"),
            ]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into_iter()
            .collect(),
            shape: Shape::Choice(vec!["yes".to_owned(), "no".to_owned()]),
            suggest: None,
        }),
    );
    ask.how.why = Some(spanned(template(
        "A restart loses nothing if the process merely stopped.",
    )));
    let gentle = b.block(Some(steps), "gentle", "Restart the primary", Order::Listed);
    b.at(gentle).how.condition = Some(expression("steps.restart_safe.answer == 'yes'"));
    b.at(gentle).effect = Effect::Destructive;
    let restart = b.add(
        Some(gentle),
        "restart",
        "Restart the primary",
        call("DATABASE_TOOL restart", &[CLUSTER], false),
    );
    restart.effect = Effect::Destructive;
    restart.gate = Some(gate(
        "Restart {{ steps.status.output.primary }}? Connections that it still has will drop.",
        None,
    ));
    restart.how.on_failure = Some(OnFailure::Continue);
    b.add(
        Some(gentle),
        "came_back",
        "Wait until it takes writes",
        call("DATABASE_TOOL write-check", &[CLUSTER], false),
    )
    .how
    .poll = Some(poll("output.writable", 120, 15));
    let failover = b.add(
        Some(steps),
        "failover",
        "Promote {{ steps.replicas.output.freshest.name }}",
        call(
            "DATABASE_TOOL failover",
            &[
                CLUSTER,
                ("to-replica", "{{ steps.replicas.output.freshest.name }}"),
            ],
            false,
        ),
    );
    failover.how.condition = Some(expression("steps.gentle.status == 'skipped'"));
    failover.how.require = Some(expression(
        "steps.replicas.output.freshest.lag < duration('10m')",
    ));
    failover.effect = Effect::Destructive;
    failover.timeout = Some(Duration::from_secs(300));
    failover.undo = PlannedUndo::Barrier;
    failover.gate = Some(gate(
        "Promote {{ steps.replicas.output.freshest.name }}, which is {{ steps.replicas.output.freshest.lag }} behind?",
        Some(Challenge::Text(template("{{ params.cluster }}"))),
    ));
    let healthy = b.add(
        Some(steps),
        "healthy",
        "Verify application connectivity",
        call(
            "HEALTH_CHECK check",
            &[("target", "{{ run.environment }}")],
            true,
        ),
    );
    healthy.how.poll = Some(poll("output.healthy", 300, 30));
    let apps = b.add(
        Some(steps),
        "apps",
        "Tell a channel",
        call(
            "CHAT_TOOL post",
            &[
                ("channel", "{{ channel }}"),
                (
                    "text",
                    "The database {{ params.cluster }} is back. It's over.",
                ),
            ],
            true,
        ),
    );
    apps.effect = Effect::Change;
    apps.how.for_each = Some(ForEach {
        list: expression("['incidents', 'general']"),
        name: "channel".parse().unwrap(),
        key: Some(expression("channel")),
        max_parallel: 2,
        max_failures: 0,
    });
    b.add(
        Some(steps),
        "hand_over",
        "Hand over what the failover leaves behind",
        NodeDoes::Manual(Manual {
            items: vec![
                spanned(template(
                    "Today: rebuild {{ steps.status.output.primary }} as a replica.",
                )),
                spanned(template("This week: point reports at the new primary.")),
            ],
            by: Some("dba".to_owned()),
            reveal: None,
        }),
    );
    b.add(
        Some(steps),
        "settle",
        "Let it settle",
        NodeDoes::Pause(Pause::For(Duration::from_secs(600))),
    );
    let finally = b.block(None, "finally", "", Order::Independent);
    let last = b.add(
        Some(finally),
        "tell_the_end",
        "Tell the team how it ended",
        call(
            "CHAT_TOOL post",
            &[("channel", "incidents"), ("text", "{{ run.summary }}")],
            true,
        ),
    );
    last.effect = Effect::Change;
    last.how.on_failure = Some(OnFailure::Continue);
    finished(b, steps, finally, real)
}

fn poll(until: &str, within: u64, hold: u64) -> Poll {
    Poll {
        until: expression(until),
        every: Duration::from_secs(5),
        within: Duration::from_secs(within),
        hold: Duration::from_secs(hold),
    }
}

fn finished(b: Builder, steps: NodeIx, finally: NodeIx, real: bool) -> Plan {
    let contracts = ["database-tool", "health-check", "chat-tool"].map(|name| {
        let path = format!(
            "{}/adapters/{name}/contract.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let bytes = std::fs::read(path).unwrap();
        let contract = crate::spec::contract::read(name, &bytes, &mut Diagnostics::new()).unwrap();
        (contract.tool.clone(), contract)
    });
    let bound = |tool: &str| {
        let (answers, by) = match real {
            true => (
                Answers::Command {
                    argv: vec!["dbctl".to_owned()],
                },
                BoundBy::Environment("production".parse().unwrap()),
            ),
            false => (
                Answers::Sandbox {
                    operations: IndexMap::new(),
                },
                BoundBy::Sandbox,
            ),
        };
        (tool.parse().unwrap(), Binding { answers, by })
    };
    let mut params = Map::new();
    params.insert("cluster".to_owned(), "main".into());
    params.insert(
        "max_lag".to_owned(),
        Value::Duration(Duration::from_secs(30)),
    );
    let ids = b
        .nodes
        .iter()
        .zip(0u32..)
        .map(|(n, ix)| (n.id.clone(), NodeIx(ix)))
        .collect();
    Plan {
        format: FORMAT,
        runbook: "db-failover".parse().unwrap(),
        title: "Production database down".to_owned(),
        description: Some("Looks at the primary and its replicas, restarts the primary if that is safe, else promotes the freshest replica, and proves that it worked.".to_owned()),
        severity: Some(Severity::Sev1),
        environment: if real { "production" } else { "sandbox" }.parse().unwrap(),
        real,
        timeout: None,
        on_cancel: OnCancel::Stop,
        nodes: b.nodes,
        steps,
        finally,
        scopes: vec![Scope {
            runbook: "db-failover".parse().unwrap(),
            params,
            accepts: IndexMap::new(),
            vars: IndexMap::new(),
            on_failure: None,
            env: IndexMap::new(),
            dir: None,
            ids,
        }],
        contracts: contracts.into_iter().collect(),
        bindings: ["DATABASE_TOOL", "HEALTH_CHECK", "CHAT_TOOL"].map(bound).into_iter().collect(),
        policy: Default::default(),
        lock: None,
        announcement: None,
    }
}
