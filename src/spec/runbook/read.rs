//! A runbook's file into a runbook.

use std::path::Path;
use std::sync::Arc;

use super::lock::lock;
use super::steps::{Part, Place, Reader};
use crate::model::ids::{Name, RunbookName, ScenarioName};
use crate::model::{Duration, Severity};
use crate::spec::decode::Decoder;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::source::Source;
use crate::spec::step::{OnCancel, OnFailure, Runbook};
use crate::spec::yaml::{self, Node};

/// Reads a runbook; `name` is the path as it is shown, and its stem is the runbook's name.
/// Nothing, where there are errors; all that was found is added to `found`.
pub fn read(name: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<Runbook> {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    match yaml::read(name, bytes) {
        Err(errors) => {
            found.extend(errors);
            None
        }
        Ok((source, root)) => {
            let (runbook, diagnostics) = runbook(&source, &root, stem);
            found.merge(diagnostics);
            runbook
        }
    }
}

/// A runbook from a file's tree, and all that is wrong with it; nothing, where there are errors.
/// `stem` is the file's, which the runbook's name must be.
pub fn runbook(
    source: &Arc<Source>,
    root: &Node,
    stem: Option<&str>,
) -> (Option<Runbook>, Diagnostics) {
    let decoder = Decoder::new(source);
    let read = decode(&decoder, root, stem).map(|mut runbook| {
        super::ids::settle(&decoder, &mut runbook);
        runbook
    });
    let read = read.filter(|_| !decoder.has_errors());
    (read, decoder.finish())
}

fn decode(decoder: &Decoder, root: &Node, stem: Option<&str>) -> Option<Runbook> {
    let reader = Reader::new(decoder);
    let mut fields = decoder.fields(root, "a runbook")?;
    let name = fields.required("name", |node| name(decoder, node, stem));
    let title = fields.required("title", |node| decoder.line(node));
    let description = fields.optional("description", |node| decoder.string(node));
    let severity = fields.optional("severity", |node| decoder.one_of(node, &Severity::ALL));
    let owner = fields.optional("owner", |node| decoder.line(node));
    let tags = fields.optional("tags", |node| {
        decoder.one_or_list(node, |item| decoder.line(item))
    });
    let scenario = fields.optional("scenario", |node| {
        decoder.spanned(node, |node| decoder.id::<ScenarioName>(node))
    });
    let params = fields.optional("params", |node| decoder.params(node));
    let vars = fields.optional("vars", |node| {
        decoder.mapping(node, |key, node| {
            let name = decoder.key::<Name>(key);
            let value = decoder.literal(node);
            Some((name?, value?))
        })
    });
    let env = fields.optional("env", |node| decoder.variables(node));
    let dir = fields.optional("dir", |node| decoder.template(node));
    let timeout = fields.optional("timeout", |node| match decoder.duration(node)? {
        Duration::ZERO => decoder.unexpected(node, "a duration longer than 0s"),
        duration => Some(duration),
    });
    let on_failure = fields.optional("on_failure", |node| decoder.one_of(node, &OnFailure::ALL));
    let on_cancel = fields.optional("on_cancel", |node| decoder.one_of(node, &OnCancel::ALL));
    let lock = fields.optional("lock", |node| lock(decoder, node));
    let steps = fields.required("steps", |node| reader.steps(node, Place::top(Part::Steps)));
    let finally = fields.optional("finally", |node| {
        reader.steps(node, Place::top(Part::Finally))
    });
    fields.misplaced("id", "a runbook has a `name`");
    fields.finish();
    Some(Runbook {
        name: name?,
        title: title?,
        description,
        severity,
        owner,
        tags: tags.unwrap_or_default(),
        scenario,
        params: params.unwrap_or_default(),
        vars: vars.unwrap_or_default(),
        env: env.unwrap_or_default(),
        dir,
        timeout,
        on_failure,
        on_cancel: on_cancel.unwrap_or_default(),
        lock,
        steps: steps?,
        finally: finally.unwrap_or_default(),
        source: Arc::clone(decoder.source()),
    })
}

fn name(
    decoder: &Decoder,
    node: &Node,
    stem: Option<&str>,
) -> Option<crate::spec::source::Spanned<RunbookName>> {
    let name = decoder.spanned(node, |node| decoder.id::<RunbookName>(node))?;
    if let Some(stem) = stem.filter(|stem| *stem != name.as_str()) {
        let shown = crate::model::text::escape_controls(stem).into_owned();
        let error = decoder.error(name.span, format!("the name is not the file's: `{shown}`"));
        let help = match stem.parse::<RunbookName>() {
            Ok(stem) => format!("write `name: {stem}`, or rename the file to {name}.yaml"),
            Err(_) => format!("rename the file to {name}.yaml"),
        };
        decoder.report(error.code("wrong-name").help(help));
    }
    Some(name)
}
