//! Plugins for tests: shell scripts that speak the protocol by hand, right or wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::support::{Ear, call, processes, request};
use crate::call::{
    Brought, PluginAdapter, PluginProgram, PluginReading, PluginSpec, Processes, Promise, Word,
};
use crate::expr::Template;
use crate::model::call::{Adapter, Ended, Work};
use crate::model::{Map, SecretRef, Value};

/// Takes the question what it is, and answers it.
pub const HELLO: &str = "read -r _; echo '{\"type\":\"result\",\"id\":1,\"output\":{\"protocol\":1,\
                         \"name\":\"flags\",\"actions\":[\"enable\",\"look\"]}}';";

/// A call that changes something.
pub fn enable() -> Work {
    call("enable", &[], Map::new())
}

/// How a call ended, and what was noted.
pub fn ask(adapter: &PluginAdapter, work: Work) -> (Ended, Vec<String>) {
    let ear = Ear::default();
    let reply = adapter.call(&request(work), &ear, &ear);
    (reply.ended, reply.notes)
}

/// What answers, and where.
pub struct Answers {
    pub command: Vec<Word>,
    pub files: IndexMap<String, String>,
    pub work: PathBuf,
    pub reading: PluginReading,
    /// Added to our own environment.
    pub base: Vec<(String, String)>,
}

impl Answers {
    /// A script that `sh` is given.
    pub fn script(script: &str) -> Self {
        let words = ["sh", "-c", script];
        Self {
            command: words
                .map(|word| Word::Template(Template::parse(word).unwrap()))
                .into(),
            files: IndexMap::new(),
            work: "/tmp".into(),
            reading: PluginReading::default(),
            base: Vec::new(),
        }
    }

    /// A script that the adapter brings along.
    pub fn brought(work: &Path, script: &str) -> Self {
        Self {
            command: vec![Word::File("flags.sh".to_owned())],
            files: [("flags.sh".to_owned(), script.to_owned())].into(),
            work: work.to_owned(),
            ..Self::script("")
        }
    }
}

/// A plugin that is this script.
pub fn plugin(script: &str) -> PluginAdapter {
    adapter(&Answers::script(script))
}

/// The same, its answers read in this way, with more in our own environment.
pub fn rewired(script: &str, reading: PluginReading, base: &[(&str, &str)]) -> PluginAdapter {
    let base = base.iter();
    adapter(&Answers {
        reading,
        base: base
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        ..Answers::script(script)
    })
}

pub fn adapter(answers: &Answers) -> PluginAdapter {
    let mut processes = Processes {
        work_dir: answers.work.clone(),
        ..processes()
    };
    let env = &mut processes.base_env;
    env.insert("FLAGS_TOKEN".into(), "hunter22".into());
    let base = answers.base.iter();
    env.extend(base.map(|(name, value)| (name.into(), value.into())));
    let token = Value::Secret(SecretRef::Env("FLAGS_TOKEN".into()));
    let settings = [("place", Value::from("here")), ("token", token)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let env = Template::parse("{{ settings.token }}").unwrap();
    let files = answers.files.iter();
    let files = files.map(|(name, text)| (name.parse().unwrap(), text.clone()));
    let program = PluginProgram {
        command: answers.command.clone(),
        files: Arc::new(Brought::new(files.collect())),
        env: [("FLAGS_TOKEN".to_owned(), env)].into(),
        pass: Vec::new(),
    };
    let spec = PluginSpec {
        action: "enable".parse().unwrap(),
        reading: answers.reading.clone(),
        promise: Promise::default(),
        arguments: vec!["absent".parse().unwrap()],
    };
    let odd = PluginSpec {
        action: "enabel".parse().unwrap(),
        ..spec.clone()
    };
    PluginAdapter::new(
        Arc::new(processes),
        &"DEPLOY_TOOL".parse().unwrap(),
        program,
        settings.into_iter().collect(),
        [
            ("enable".parse().unwrap(), spec),
            ("disable".parse().unwrap(), odd),
        ]
        .into(),
    )
}
