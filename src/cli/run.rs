//! `runbook run` and `runbook plan`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{AnswerArgs, PlanArgs, RunArgs, Which};
use super::context::Context;
use super::drive::{Drive, Wanted, drive};
use super::exit::{CliError, Exit};
use super::files;
use super::glass::{broken, warn};
use super::locks::{self, explained};
use super::prepare::{Prepare, Ready, prepare};
use super::reach::ourselves;
use super::wanting::{refuse_missing_secrets, warn_of_missing_secrets};
use crate::call::Simulation;
use crate::engine::{First, Prepared, Setting, first_run};
use crate::journal::{KernelStamps, Store};
use crate::model::Timestamp;
use crate::model::event::Simulated;
use crate::model::ids::{RunId, StepKey};
use crate::model::suggest::nearest;
use crate::model::text::escape_controls;
use crate::plan::{Answers, Node, NodeDoes, NodeIx, Plan};
use crate::report;
use crate::sandbox::Scenario;
use crate::spec::environment::Unattended;

/// `runbook plan`
pub fn plan(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let ready = prepare(&Prepare {
        context,
        which: &args.which,
        may_ask: false,
        break_glass: args.break_glass.as_deref(),
    })?;
    if let Some(reason) = &args.break_glass {
        broken(&ready.plan, &ourselves(), reason)?;
    }
    warn_of_missing_secrets(context, &ready.plan);
    if args.json {
        context
            .screen
            .print(&pretty(&report::plan_json(&ready.plan)));
    } else {
        context
            .screen
            .print(&report::plan(&ready.plan, &context.screen.out));
        who_holds(context, &ready.plan)?;
    }
    Ok(Exit::Done)
}

/// Says who has the plan's lock now, where somebody has.
fn who_holds(context: &Context, plan: &Plan) -> Result<(), CliError> {
    let (Some(name), Some(store)) = (&plan.lock, context.store_if_there()?) else {
        return Ok(());
    };
    if let Some(locked) = store.locks().held(name)? {
        let held = locks::held(&locked, Timestamp::now());
        let text = format!("{name} is held now by {held}");
        let line = report::Line::new().tone(report::Tone::Warn, &text);
        context.screen.print(&line.wrap(&context.screen.out, 4));
    }
    Ok(())
}

/// `runbook run`
pub fn run(context: &Context, args: &RunArgs) -> Result<Exit, CliError> {
    let screen = &context.screen;
    if args.dry_run.is_some() {
        return plan(
            context,
            &PlanArgs {
                which: Which {
                    name: args.which.name.clone(),
                    params: args.which.params.clone(),
                    params_file: args.which.params_file.clone(),
                    environment: args.which.environment.clone(),
                    scenario: args.which.scenario.clone(),
                    seed: args.which.seed,
                },
                break_glass: args.break_glass.clone(),
                json: args.json,
            },
        );
    }
    let ready = prepare(&Prepare {
        context,
        which: &args.which,
        may_ask: true,
        break_glass: args.break_glass.as_deref(),
    })?;
    let prepared = prepared(&args.answers, &ready.plan)?;
    let now = Timestamp::now();
    let mut setting = setting(now)?;
    setting.take_lock.clone_from(&args.take_lock);
    let glass = args
        .break_glass
        .as_ref()
        .map(|reason| broken(&ready.plan, &setting.operator, reason))
        .transpose()?;
    refuse_if_nobody(&ready.plan, &prepared)?;
    refuse_missing_secrets(context, &ready.plan)?;
    let store = context.store()?;
    let simulation = match &ready.scenario {
        Some((name, scenario)) => {
            let id = random_suffix()?;
            let run = RunId::new(&ready.plan.runbook, now, id);
            let world = args.world.clone().unwrap_or_else(|| run.to_string());
            let path = world_file(&store, &world);
            let seed = seed_of(&path, &world, &args.which, scenario)?;
            let simulated = Simulated {
                scenario: name.clone(),
                seed,
                world,
            };
            Some((run, simulated, scenario))
        }
        None => None,
    };
    let id = match &simulation {
        Some((run, ..)) => run.clone(),
        None => RunId::new(&ready.plan.runbook, now, random_suffix()?),
    };
    if !screen.quiet && !args.json {
        screen.say(&report::brief(&ready.plan, &screen.err));
        screen.say("");
    }
    let (simulated, scenario) = match simulation {
        Some((_, simulated, scenario)) => (Some(simulated), Some(scenario.clone())),
        None => (None, None),
    };
    let Ready {
        plan,
        runbook_bytes,
        ..
    } = ready;
    refuse_idle_take_lock(&plan, args)?;
    let held = first_run(
        &store,
        id,
        First {
            plan: Arc::new(plan),
            runbook_bytes,
            simulation: simulated.clone(),
            yes: args.answers.yes,
        },
        &setting,
    );
    let mut held = held.map_err(|error| explained(error, now))?;
    if let Some(glass) = glass {
        warn(held.run.plan(), screen, false);
        held.first.push(glass);
    }
    // Only now: where another run has the lock, nothing is left behind.
    if let (Some(simulated), Some(scenario)) = (&simulated, &scenario) {
        begin_world(&store, simulated, scenario, now)?;
    }
    drive(Drive {
        screen,
        store: &store,
        held,
        setting,
        simulation: simulated,
        prepared,
        base_env: context.surroundings.vars.clone(),
        json: args.json,
        wanted: Wanted::Done,
    })
}

/// A world of its own for the run; a shared one is begun by the first run that names it.
fn begin_world(
    store: &crate::journal::Store,
    simulated: &Simulated,
    scenario: &Scenario,
    now: Timestamp,
) -> Result<(), CliError> {
    let path = world_file(store, &simulated.world);
    if path.exists() {
        return Ok(());
    }
    Simulation::create(&path, scenario, simulated.seed, now)
        .map(|_| ())
        .map_err(|e| {
            CliError::System(format!(
                "the simulated production could not be begun in {}: {e}",
                path.display()
            ))
        })
}

fn world_file(store: &Store, world: &str) -> PathBuf {
    store.worlds().join(format!("{world}.json"))
}

/// The seed that a world has, or is begun with. One that was asked for and is another, or another
/// scenario, is refused: the world is what others have made of it.
fn seed_of(path: &Path, world: &str, which: &Which, scenario: &Scenario) -> Result<u64, CliError> {
    if !path.exists() {
        return Ok(which.seed.unwrap_or(1));
    }
    let there = Simulation::open(path)
        .world()
        .map_err(|e| CliError::System(format!("the world `{world}` cannot be read: {e}")))?;
    let (title, seed) = there.origin();
    let help = format!("leave that out to share the world, or name another than --world {world}");
    if which.seed.is_some_and(|wanted| wanted != seed) {
        let message = format!("the world `{world}` was begun with --seed {seed}");
        return Err(CliError::usage_help(message, help));
    }
    if which.scenario.is_some() && scenario.title != title {
        let title = escape_controls(title);
        let message = format!("the world `{world}` was begun with another scenario: {title}");
        return Err(CliError::usage_help(message, help));
    }
    Ok(seed)
}

/// A lock that is to be taken from somebody must be there.
fn refuse_idle_take_lock(plan: &Plan, args: &RunArgs) -> Result<(), CliError> {
    if args.take_lock.is_none() || plan.lock.is_some() {
        return Ok(());
    }
    Err(CliError::usage_help(
        format!("{} has no lock that could be taken", plan.runbook),
        "leave --take-lock out",
    ))
}

/// Who and when.
pub fn setting(now: Timestamp) -> Result<Setting, CliError> {
    let stamps = KernelStamps::new().map_err(|e| CliError::System(e.to_string()))?;
    Ok(Setting {
        operator: ourselves(),
        now,
        stamps: Arc::new(stamps),
        take_lock: None,
    })
}

fn random_suffix() -> Result<[u8; 4], CliError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|e| CliError::System(format!("the system gave no random numbers: {e}")))?;
    Ok(bytes)
}

/// Prepared answers, where the environment's policy allows them.
pub fn prepared(args: &AnswerArgs, plan: &Plan) -> Result<Prepared, CliError> {
    let mut answers = std::collections::BTreeMap::new();
    if let Some(path) = &args.answers_file {
        for (step, value) in files::mapping(path)? {
            answers.insert(step, value.to_string());
        }
    }
    answers.extend(args.answer.iter().cloned());
    let given = args.yes || !answers.is_empty();
    if given && plan.policy.unattended == Unattended::Deny {
        return Err(CliError::Refused {
            message: format!(
                "`{}` does not allow prepared answers: a person must be asked",
                plan.environment
            ),
            help: vec![
                "run it from a terminal, without --yes and --answer".to_owned(),
                "or let runbook.yaml say `policy: { unattended: allow }` for this environment"
                    .to_owned(),
            ],
        });
    }
    for (step, value) in &answers {
        held_against(plan, step, value)?;
    }
    Ok(Prepared {
        yes: args.yes,
        answers,
    })
}

/// A prepared answer that would answer nothing, or not fit, is found before anything begins: a
/// typo in a step's name must not leave the decision to `--yes`.
fn held_against(plan: &Plan, step: &str, value: &str) -> Result<(), CliError> {
    let asking: Vec<&Node> = plan
        .nodes
        .iter()
        .filter(|node| {
            node.gate.is_some() || matches!(node.does, NodeDoes::Ask(_) | NodeDoes::Manual(_))
        })
        .collect();
    // Of a loop's items each has its own key: `wave[2]/drain` is the step `wave/drain`.
    let path = StepKey::from_text(step).without_items();
    let Some(node) = asking.iter().find(|node| without_loops(plan, node) == path) else {
        let known = asking.iter().map(|node| node.path.as_str());
        let help = match nearest(step, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "steps that ask are {}",
                known.collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(CliError::usage_help(
            format!(
                "the answer for `{}` is for no step that asks",
                escape_controls(step)
            ),
            help,
        ));
    };
    let words: &[&str] =
        match (&node.does, &node.gate) {
            (NodeDoes::Ask(ask), _) => {
                return ask.shape.read(value).map(|_| ()).map_err(|misfit| {
                    CliError::usage(format!("the answer for `{step}`: {misfit}"))
                });
            }
            (NodeDoes::Manual(manual), _) if manual.reveal.is_some() => {
                &["skip", "skipped", "failed", "no"]
            }
            (NodeDoes::Manual(_), None) => &["done", "yes", "skip", "skipped", "failed", "no"],
            (NodeDoes::Manual(_), Some(_)) => return Ok(()),
            // What a challenge asks for is known when the gate opens.
            (_, Some(gate)) if gate.challenge.is_some() => return Ok(()),
            _ => &["approve", "yes", "decline", "no", "skip"],
        };
    if words.contains(&value) {
        return Ok(());
    }
    Err(CliError::usage_help(
        format!(
            "the answer `{}` for `{step}` is no decision",
            escape_controls(value)
        ),
        format!("write one of {}", words.join(", ")),
    ))
}

/// A node's path with the ids of the loops around it, as the keys of their items have them.
fn without_loops(plan: &Plan, node: &Node) -> String {
    let mut parts = vec![node.id.to_string()];
    let mut around = node.parent;
    while let Some(ix) = around {
        let parent = plan.node(ix);
        let names =
            parent.how.for_each.is_some() || matches!(parent.does, NodeDoes::Include { .. });
        if names {
            parts.push(parent.id.to_string());
        }
        around = parent.parent;
    }
    parts.reverse();
    parts.join("/")
}

/// Where nobody can be asked, a step that certainly needs a person means that nothing is begun.
fn refuse_if_nobody(plan: &Plan, prepared: &Prepared) -> Result<(), CliError> {
    if crate::engine::Terminal::open().is_some() {
        return Ok(());
    }
    let Some((step, reveals)) =
        certain_needs(plan)
            .into_iter()
            .find(|(path, reveals)| match reveals {
                // It can still be left out.
                true => !prepared.answers.contains_key(path),
                false => !prepared.covers(path),
            })
    else {
        return Ok(());
    };
    let mut help = vec!["run it from a terminal".to_owned()];
    if plan.policy.unattended == Unattended::Allow && !reveals {
        help.push(format!("or answer beforehand: --yes, or --answer {step}=…"));
    }
    Err(CliError::Refused {
        message: format!(
            "step {step} needs a person, and there is no terminal to ask at; nothing was begun"
        ),
        help,
    })
}

/// The steps that certainly need a person: no `if` stands before them. Where one reveals something,
/// nobody can stand in for them.
fn certain_needs(plan: &Plan) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    let mut open: Vec<NodeIx> = vec![plan.steps];
    while let Some(ix) = open.pop() {
        let node = plan.node(ix);
        let conditional = node.how.condition.is_some() || node.how.for_each.is_some();
        if conditional {
            continue;
        }
        let person = match &node.does {
            NodeDoes::Ask(_) | NodeDoes::Manual(_) => true,
            NodeDoes::Call(call) => plan
                .binding(&call.tool)
                .is_some_and(|binding| matches!(binding.answers, Answers::Person)),
            _ => false,
        };
        let gated = node
            .gate
            .as_ref()
            .is_some_and(|gate| gate.condition.is_none() || gate.keep);
        if person || gated {
            let reveals = matches!(&node.does, NodeDoes::Manual(manual) if manual.reveal.is_some());
            out.push((node.path.clone(), reveals));
        }
        open.extend(node.does.children().iter().rev());
    }
    out
}

/// JSON for people and programs.
pub fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}
