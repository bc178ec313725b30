//! An adapter's file, made ready to be called: each action is answered in its own way.

use std::sync::Arc;

use indexmap::IndexMap;

use super::answerers::{promises, word};
use crate::call::{
    Brought, CommandAdapter, HttpAdapter, PluginAdapter, PluginProgram, PluginReading, PluginSpec,
    Processes,
};
use crate::model::Map;
use crate::model::call::{Adapter as Answers, Cancel, Reply, Request, Sink, Work};
use crate::model::ids::{ActionName, ToolRef};
use crate::plan::Plan;
use crate::spec::adapter::{Adapter, AdapterAction, OutputSpec, PluginAction};

/// Who answers for an adapter's file.
pub(super) struct AdapterFile {
    pub(super) command: CommandAdapter,
    pub(super) http: HttpAdapter,
    pub(super) plugin: Option<Arc<PluginAdapter>>,
}

impl Answers for AdapterFile {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let Work::Call(call) = &request.work else {
            return self.command.call(request, sink, cancel);
        };
        match &self.plugin {
            Some(plugin) if plugin.answers(&call.action) => plugin.call(request, sink, cancel),
            _ if self.http.actions.contains_key(&call.action) => {
                self.http.call(request, sink, cancel)
            }
            _ => self.command.call(request, sink, cancel),
        }
    }
}

/// The plugin of a bound adapter; none where it has none.
pub(super) fn plugin(
    plan: &Plan,
    tool: &ToolRef,
    (adapter, settings): (&Adapter, &Map),
    files: &Arc<Brought>,
    processes: &Arc<Processes>,
) -> Option<Arc<PluginAdapter>> {
    let plugin = &adapter.plugin.as_ref()?.value;
    let words = plugin.command.iter();
    let env = plugin.env.iter();
    let program = PluginProgram {
        command: words.map(|template| word(&template.value)).collect(),
        files: Arc::clone(files),
        env: env
            .map(|(name, template)| (name.clone(), template.value.clone()))
            .collect(),
        pass: plugin.pass.clone(),
    };
    let mut promises = promises(plan, tool);
    let spec = |(name, action): (&ActionName, &AdapterAction)| {
        let AdapterAction::Plugin(plugin) = action else {
            return None;
        };
        let contract = plan.action(&tool.tool, name)?;
        let spec = PluginSpec {
            action: plugin.action.value.clone(),
            reading: reading(plugin),
            promise: promises.swap_remove(name).unwrap_or_default(),
            arguments: contract.args.keys().cloned().collect(),
        };
        Some((name.clone(), spec))
    };
    let actions: IndexMap<_, _> = adapter.actions.iter().filter_map(spec).collect();
    let (processes, settings) = (Arc::clone(processes), settings.clone());
    Some(Arc::new(PluginAdapter::new(
        processes, tool, program, settings, actions,
    )))
}

fn reading(action: &PluginAction) -> PluginReading {
    let output = match &action.output {
        OutputSpec::Mapping(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, field)| (name.clone(), field.value.clone()));
            Some(fields.collect())
        }
        OutputSpec::Default | OutputSpec::Json | OutputSpec::Lines => None,
    };
    PluginReading {
        ok: action.ok.as_ref().map(|ok| ok.value.clone()),
        output,
    }
}
