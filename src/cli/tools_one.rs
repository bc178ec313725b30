//! `runbook tools TOOL`: one tool, what it can be asked for, and who could answer.

use serde_json::{Value as Json, json};

use super::context::Context;
use super::exit::Exit;
use super::run::pretty;
use super::standing::{Answering, Here, Standing};
use super::tools::{bound_line, does, effect, standing_json};
use crate::model::Shape;
use crate::model::ids::ArgName;
use crate::model::text::escape_controls;
use crate::plan::Answers;
use crate::report::{Line, Tone};
use crate::spec::contract::{Action, Arg};
use crate::spec::{Adapter, Contract};
use crate::workspace::Origin;

/// Shows one tool.
pub fn one(context: &Context, here: &Here, contract: &Contract, as_json: bool) -> Exit {
    let standings = here.standings(context, contract);
    let (adapters, found) = context.workspace.adapters(contract);
    let screen = &context.screen;
    if as_json {
        let bound: Vec<Json> = standings.iter().map(standing_json).collect();
        screen.print(&pretty(&json!({
            "version": 1,
            "environment": here.bound.environment,
            "real": here.bound.real,
            "tools": bound,
            "actions": contract.actions.iter().map(|(name, a)| action_json(name.as_str(), a)).collect::<Vec<_>>(),
            "adapters": adapters.iter().map(adapter_json).collect::<Vec<_>>(),
        })));
        return Exit::Done;
    }
    let page = Page { context };
    let look = &screen.out;
    screen.print(&look.banner(&here.bound.environment, here.bound.real));
    for standing in &standings {
        page.head(standing, &contract.title);
    }
    page.heading("Actions");
    for (name, action) in &contract.actions {
        page.action(name.as_str(), action, standings.first());
    }
    page.heading("Adapters");
    for (origin, adapter) in &adapters {
        page.adapter(origin, adapter, contract);
    }
    // A broken adapter is nobody's answer, and others may still be good.
    if found.has_errors() {
        screen.say(&found.render(screen.err.color, screen.err.width));
    }
    Exit::Done
}

struct Page<'a> {
    context: &'a Context,
}

impl Page<'_> {
    fn line(&self, indent: usize, line: Line) {
        let screen = &self.context.screen;
        screen.print(&line.wrap(&screen.out, indent));
    }

    fn text(&self, column: usize, text: &str) {
        let line = Line::new().column(column).text(&escape_controls(text));
        self.line(column + 2, line);
    }

    fn heading(&self, text: &str) {
        self.context.screen.print("");
        self.line(0, Line::new().tone(Tone::Strong, text));
    }

    fn head(&self, standing: &Standing, title: &str) {
        self.context.screen.print("");
        let name = format!("${}", standing.tool);
        let head = Line::new().tone(Tone::Strong, &name);
        self.line(2, head.text("  ").text(&escape_controls(title)));
        self.line(4, bound_line(standing));
        if let Some(Answers::Adapter { settings, .. }) = standing.binding().map(|b| &b.answers) {
            for (name, value) in settings.iter().filter(|(_, value)| !value.is_none()) {
                // A secret shows where it is found only.
                self.text(4, &format!("{name}: {}", value.to_plain()));
            }
        }
        if let Answering::Nothing(help) | Answering::Wrong { help, .. } = &standing.answers {
            for help in help {
                for line in help.lines() {
                    self.text(4, line);
                }
            }
        }
    }

    fn action(&self, name: &str, action: &Action, standing: Option<&Standing>) {
        let line = Line::new().text("  ").tone(Tone::Strong, name);
        let line = line.text(&format!(
            "  {} — {}",
            escape_controls(&action.title),
            effect(action)
        ));
        self.line(4, line);
        if !standing.is_none_or(|standing| does(standing, name)) {
            self.text(4, "not with what the tool is bound to here");
        }
        for (name, arg) in &action.args {
            self.text(4, &argument(name, arg));
        }
        if !action.output.is_empty() {
            let fields = action.output.iter();
            let fields = fields.map(|(name, field)| format!("{name} ({})", field.shape));
            self.text(
                4,
                &format!("gives {}", fields.collect::<Vec<_>>().join(", ")),
            );
        }
        if let Some(verify) = &action.verify {
            self.text(
                4,
                &format!("where its outcome is lost, {} tells", *verify.call.action),
            );
        }
        match &action.undo {
            Some(undo) => self.text(4, &format!("taken back by {}", *undo.action)),
            None if action.irreversible => self.text(4, "nothing takes it back"),
            None => {}
        }
        if let Some(timeout) = action.timeout {
            self.text(4, &format!("within {timeout}"));
        }
    }

    fn adapter(&self, origin: &Origin, adapter: &Adapter, contract: &Contract) {
        let line = Line::new()
            .text("  ")
            .tone(Tone::Strong, adapter.adapter.as_str());
        let title = escape_controls(&adapter.title).into_owned();
        let from = format!(" ({})", origin.word());
        self.line(4, line.text(&format!("  {title}")).tone(Tone::Quiet, &from));
        if !adapter.requires.commands.is_empty() {
            self.text(
                4,
                &format!("needs {}", adapter.requires.commands.join(", ")),
            );
        }
        for (name, setting) in &adapter.settings {
            let mut said = format!("{name}: {}", setting.shape);
            match &setting.default {
                Some(default) => said.push_str(&format!(", else {default}")),
                None if setting.optional => said.push_str(", may be left out"),
                None => {}
            }
            if let Some(help) = &setting.help {
                said.push_str(&format!(" — {help}"));
            }
            self.text(4, &said);
        }
        let missing = contract.actions.keys();
        let missing = missing.filter(|name| !adapter.actions.contains_key(*name));
        let missing: Vec<&str> = missing.map(|name| name.as_str()).collect();
        if !missing.is_empty() {
            self.text(4, &format!("does not do {}", missing.join(", ")));
        }
    }
}

/// An argument: how it is written, what it is, what it is for.
fn argument(name: &ArgName, arg: &Arg) -> String {
    let mut said = match (arg.positional, &arg.shape) {
        (Some(_), _) => format!("{}, or --{name}", name.as_str().to_uppercase()),
        (None, Shape::Boolean) => format!("--{name}"),
        (None, _) => format!("--{name} {}", arg.shape.to_string().to_uppercase()),
    };
    if arg.positional.is_some() {
        said.push_str(&format!(": {}", arg.shape));
    }
    if arg.many {
        said.push_str(", several");
    }
    match &arg.default {
        Some(default) => said.push_str(&format!(", else {default}")),
        None if arg.optional => said.push_str(", may be left out"),
        None => {}
    }
    if let Some(help) = &arg.help {
        said.push_str(&format!(" — {help}"));
    }
    said
}

fn action_json(name: &str, action: &Action) -> Json {
    let args: Vec<Json> = action
        .args
        .iter()
        .map(|(name, arg)| {
            json!({
                "name": name,
                "type": arg.shape.to_string(),
                "required": arg.is_required(),
                "positional": arg.positional,
                "many": arg.many,
                "default": arg.default.as_ref().map(crate::model::Value::to_plain),
                "help": arg.help,
            })
        })
        .collect();
    let fields = action.output.iter();
    let output: serde_json::Map<String, Json> = fields
        .map(|(name, field)| (name.clone(), field.shape.to_string().into()))
        .collect();
    json!({
        "name": name,
        "title": action.title,
        "effect": action.effect,
        "irreversible": action.irreversible,
        "idempotent": action.idempotent,
        "args": args,
        "output": output,
        "verify": action.verify.as_ref().map(|verify| &*verify.call.action),
        "undo": action.undo.as_ref().map(|undo| &*undo.action),
        "timeout": action.timeout.map(|timeout| timeout.to_string()),
    })
}

fn adapter_json((origin, adapter): &(Origin, Adapter)) -> Json {
    let settings: Vec<Json> = adapter
        .settings
        .iter()
        .map(|(name, setting)| {
            json!({
                "name": name,
                "type": setting.shape.to_string(),
                "required": setting.is_required(),
                "default": setting.default.as_ref().map(crate::model::Value::to_plain),
                "help": setting.help,
            })
        })
        .collect();
    let actions = adapter.actions.iter();
    let actions: serde_json::Map<String, Json> = actions
        .map(|(name, action)| (name.to_string(), action.kind().into()))
        .collect();
    json!({
        "name": adapter.adapter,
        "title": adapter.title,
        "from": origin.word(),
        "path": origin.path().map(|path| path.display().to_string()),
        "needs": adapter.requires.commands,
        "settings": settings,
        "actions": actions,
    })
}
