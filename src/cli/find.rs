//! `runbook list`, `runbook search` and `runbook show`: the right one at 3 a.m.

use serde_json::json;

use super::args::{GraphFormat, ListArgs, SearchArgs, ShowArgs};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::prepare::{Prepare, prepare};
use super::run::pretty;
use crate::model::text::{clip, escape_controls};
use crate::report::{self, Format};
use crate::workspace::Entry;

/// `runbook list`
pub fn list(context: &Context, args: &ListArgs) -> Result<Exit, CliError> {
    print(context, context.workspace.entries(), args.json);
    Ok(Exit::Done)
}

/// `runbook search`
pub fn search(context: &Context, args: &SearchArgs) -> Result<Exit, CliError> {
    let found = context.workspace.search(&args.words);
    if found.is_empty() && !args.json {
        context.screen.error(
            &format!(
                "no runbook is about `{}`",
                escape_controls(&args.words.join(" "))
            ),
            &["runbook list".to_owned()],
        );
        return Ok(Exit::Failed);
    }
    print(context, found, args.json);
    Ok(Exit::Done)
}

fn print(context: &Context, entries: Vec<Entry>, as_json: bool) {
    let screen = &context.screen;
    if as_json {
        let all: Vec<_> = entries.iter().map(entry_json).collect();
        screen.print(&pretty(&json!({ "version": 1, "runbooks": all })));
        return;
    }
    let longest = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
    for entry in entries {
        let severity = entry
            .severity
            .map_or_else(|| "-".to_owned(), |severity| severity.to_string());
        let title = match entry.broken {
            None => entry.title,
            Some(_) => format!("HAS ERRORS: runbook check; {}", entry.title),
        };
        let line = format!(
            "{:<longest$}  {severity:<5}  {}  ({})",
            escape_controls(&entry.name),
            escape_controls(&title),
            entry.origin.word()
        );
        screen.print(&clip(&line, screen.out.width.max(40)));
    }
}

fn entry_json(entry: &Entry) -> serde_json::Value {
    json!({
        "name": entry.name,
        "title": entry.title,
        "description": entry.description,
        "severity": entry.severity,
        "tags": entry.tags,
        "owner": entry.owner,
        "scenario": entry.scenario,
        "from": entry.origin.word(),
        "path": entry.origin.path().map(|path| path.display().to_string()),
        "params": entry.params.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
        "errors": entry.broken.as_ref().map(|found| found.to_json()),
    })
}

/// `runbook show`
pub fn show(context: &Context, args: &ShowArgs) -> Result<Exit, CliError> {
    let ready = prepare(&Prepare {
        context,
        which: &args.which,
        may_ask: false,
        break_glass: None,
    })?;
    let screen = &context.screen;
    let text = match (args.graph, args.json) {
        (Some(format), _) => report::graph(&ready.plan, graph_format(format)),
        (None, true) => pretty(&report::plan_json(&ready.plan)),
        (None, false) => report::plan(&ready.plan, &screen.out),
    };
    screen.print(&text);
    Ok(Exit::Done)
}

fn graph_format(format: GraphFormat) -> Format {
    match format {
        GraphFormat::Text => Format::Text,
        GraphFormat::Mermaid => Format::Mermaid,
        GraphFormat::Dot => Format::Dot,
        GraphFormat::Svg => Format::Svg,
    }
}
