//! `runbook tools`: what answers for each tool here, by what it is bound, and what it can do.

use serde_json::{Value as Json, json};

use super::args::ToolsArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::run::pretty;
use super::standing::{Answering, Here, Standing, contract};
use super::tools_one;
use crate::model::Effect;
use crate::model::text::escape_controls;
use crate::plan::Answers;
use crate::report::{Line, Tone};
use crate::spec::contract::Action;

/// `runbook tools`
pub fn tools(context: &Context, args: &ToolsArgs) -> Result<Exit, CliError> {
    let here = Here::of(context, args.environment.as_ref())?;
    if let Some(written) = &args.tool {
        let contract = contract(context, written)?;
        return Ok(tools_one::one(context, &here, &contract, args.json));
    }
    let (contracts, found) = context.workspace.contracts();
    super::prepare::refuse_errors(context, &found)?;
    let standings: Vec<Standing> = contracts
        .values()
        .flat_map(|contract| here.standings(context, contract))
        .collect();
    let screen = &context.screen;
    if args.json {
        let tools: Vec<Json> = standings.iter().map(standing_json).collect();
        screen.print(&pretty(&json!({
            "version": 1,
            "environment": here.bound.environment,
            "real": here.bound.real,
            "tools": tools,
        })));
        return Ok(Exit::Done);
    }
    let look = &screen.out;
    screen.print(&look.banner(&here.bound.environment, here.bound.real));
    for standing in &standings {
        let title = escape_controls(&standing.contract.title).into_owned();
        screen.print("");
        let name = format!("${}", standing.tool);
        let head = Line::new()
            .tone(Tone::Strong, &name)
            .text("  ")
            .text(&title);
        screen.print(&head.wrap(look, 2));
        screen.print(&bound_line(standing).wrap(look, 4));
        let actions = standing.contract.actions.iter().map(|(name, action)| {
            let missing = match does(standing, name.as_str()) {
                true => "",
                false => ", not with this adapter",
            };
            format!("{name} ({}{missing})", effect(action))
        });
        let actions: Vec<String> = actions.collect();
        screen.print(
            &Line::new()
                .text("  ")
                .text(&actions.join(", "))
                .wrap(look, 4),
        );
    }
    screen.print("");
    screen
        .print("What one of them can be asked for, and who else could answer: runbook tools TOOL");
    Ok(Exit::Done)
}

/// What a tool is bound to, and by what.
pub fn bound_line(standing: &Standing) -> Line {
    let line = Line::new().text("  ");
    match (&standing.answers, standing.binding()) {
        (Answering::Bound { bound, by }, Some(binding)) => {
            let tone = if bound.real {
                Tone::Plain
            } else {
                Tone::Sandbox
            };
            let real = match bound.local_because {
                Some(_) => "; what uses it is REAL",
                None => "",
            };
            line.tone(tone, &answerer(&binding.answers))
                .tone(Tone::Quiet, &format!(" by {}{real}", escape_controls(by)))
        }
        (Answering::Wrong { message, .. }, _) => line
            .tone(Tone::Bad, "wrong: ")
            .text(&escape_controls(message)),
        _ => line.tone(Tone::Warn, "nothing binds it"),
    }
}

/// Who answers, in words.
pub fn answerer(answers: &Answers) -> String {
    let name = escape_controls(&answers.name()).into_owned();
    match answers {
        Answers::Sandbox { .. } => "simulated".to_owned(),
        Answers::Command { .. } => format!("the command `{name}`"),
        Answers::Adapter { .. } => format!("the adapter {name}"),
        Answers::Person => "a person".to_owned(),
    }
}

/// Whether what the tool is bound to does an action.
pub fn does(standing: &Standing, action: &str) -> bool {
    let has = |mut names: Box<dyn Iterator<Item = &str> + '_>| names.any(|name| name == action);
    match standing.binding().map(|binding| &binding.answers) {
        Some(Answers::Adapter { adapter, .. }) => {
            has(Box::new(adapter.actions.keys().map(|name| name.as_str())))
        }
        Some(Answers::Sandbox { operations }) => {
            has(Box::new(operations.keys().map(|name| name.as_str())))
        }
        Some(Answers::Command { .. } | Answers::Person) | None => true,
    }
}

/// How much an action can do to the world, in words.
pub fn effect(action: &Action) -> String {
    match (action.effect, action.irreversible) {
        (Effect::Read, _) => "reads".to_owned(),
        (effect, false) => effect.to_string(),
        (effect, true) => format!("{effect}, irreversible"),
    }
}

/// A tool and what stands behind it, for programs.
pub fn standing_json(standing: &Standing) -> Json {
    let (state, by, problem) = match &standing.answers {
        Answering::Bound { by, .. } => ("bound", Some(by), None),
        Answering::Nothing(_) => ("unbound", None, None),
        Answering::Wrong { message, .. } => ("wrong", None, Some(message)),
    };
    let binding = standing.binding().map(|binding| &binding.answers);
    let kind = binding.map(|answers| match answers {
        Answers::Sandbox { .. } => "sandbox",
        Answers::Command { .. } => "command",
        Answers::Adapter { .. } => "adapter",
        Answers::Person => "person",
    });
    let actions: Vec<Json> = standing
        .contract
        .actions
        .iter()
        .map(|(name, action)| {
            json!({
                "name": name,
                "title": action.title,
                "effect": action.effect,
                "irreversible": action.irreversible,
                "available": binding.is_some() && does(standing, name.as_str()),
            })
        })
        .collect();
    json!({
        "tool": standing.tool,
        "title": standing.contract.title,
        "state": state,
        "answers": kind,
        "name": binding.map(Answers::name),
        "by": by,
        "problem": problem,
        "actions": actions,
    })
}
