//! What there is: an entry for every runbook, and the right one at 3 a.m.

use indexmap::IndexMap;

use super::error::FileError;
use super::load::Workspace;
use super::root::Origin;
use super::uses::each_step;
use crate::model::Severity;
use crate::model::ids::{Name, ToolName};
use crate::model::suggest::nearest;
use crate::spec::step::{Does, Param, Runbook};
use crate::spec::yaml::Node;
use crate::spec::{Diagnostics, runbook, yaml};

/// A runbook as a list shows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its file's stem.
    pub name: String,
    /// Its title; empty where the file cannot be read.
    pub title: String,
    /// What it does.
    pub description: Option<String>,
    /// What an incident opened from its run starts with.
    pub severity: Option<Severity>,
    /// Words it is found by.
    pub tags: Vec<String>,
    /// Who keeps it up to date.
    pub owner: Option<String>,
    /// What a sandbox run starts in.
    pub scenario: Option<String>,
    /// The tools that its steps call, in the order of their first use.
    pub tools: Vec<ToolName>,
    /// What it asks for.
    pub params: IndexMap<Name, Param>,
    /// Where it comes from.
    pub origin: Origin,
    /// What is wrong with it: its file cannot be used as it is.
    pub broken: Option<Diagnostics>,
}

/// How much a word weighs by where it is found.
mod weight {
    pub(super) const NAME: u32 = 100;
    pub(super) const NAME_PART: u32 = 60;
    pub(super) const TAG: u32 = 50;
    pub(super) const TITLE: u32 = 30;
    pub(super) const TAG_PART: u32 = 20;
    pub(super) const NEAR: u32 = 15;
    pub(super) const SCENARIO: u32 = 12;
    pub(super) const DESCRIPTION: u32 = 10;
    pub(super) const TOOL: u32 = 5;
    /// Each further word that is found weighs more than anything about one word.
    pub(super) const WORD: u32 = 1000;
}

impl Workspace {
    /// Every runbook, sorted by name. One whose file has errors is there too, with what could be
    /// read of it.
    pub fn entries(&self) -> Vec<Entry> {
        let (stems, failed) = self.places().stems("runbooks");
        let mut entries: Vec<Entry> = stems
            .into_iter()
            .map(|(stem, origin)| self.entry(stem, origin))
            .collect();
        entries.extend(failed.into_iter().map(unreadable));
        entries
    }

    fn entry(&self, stem: String, origin: Origin) -> Entry {
        let mut entry = Entry {
            name: stem,
            title: String::new(),
            description: None,
            severity: None,
            tags: Vec::new(),
            owner: None,
            scenario: None,
            tools: Vec::new(),
            params: IndexMap::new(),
            origin,
            broken: None,
        };
        let text = match self.places().read(&format!("runbooks/{}.yaml", entry.name)) {
            Ok(Some(text)) => text,
            // Removed while we looked.
            Ok(None) => return entry,
            Err(error) => {
                entry.broken = Some(vec![error.diagnostic()].into());
                return entry;
            }
        };
        match yaml::read(&text.shown, &text.bytes) {
            Err(errors) => entry.broken = Some(errors.into()),
            Ok((source, root)) => match runbook::runbook(&source, &root, Some(&entry.name)) {
                (Some(runbook), _) => entry.fill(runbook),
                (None, found) => {
                    entry.guess(&root);
                    entry.broken = Some(found);
                }
            },
        }
        entry
    }

    /// The runbooks that words find, best first: by name, tag, title, scenario, description
    /// and the tools that their steps call, typing errors forgiven. More words found count for more than where they are found.
    pub fn search(&self, words: &[String]) -> Vec<Entry> {
        let words: Vec<String> = words
            .iter()
            .flat_map(|word| word.split_whitespace())
            .map(str::to_lowercase)
            .collect();
        let mut found: Vec<(u32, Entry)> = self
            .entries()
            .into_iter()
            .map(|entry| (entry.score(&words), entry))
            .filter(|(score, _)| *score > 0)
            .collect();
        // Stable: of the same score, by name.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl Entry {
    fn fill(&mut self, runbook: Runbook) {
        each_step(&runbook, &mut |step| {
            if let Does::Call(call) = &step.does
                && !self.tools.contains(&call.tool.tool)
            {
                self.tools.push(call.tool.tool.clone());
            }
        });
        self.title = runbook.title;
        self.description = runbook.description;
        self.severity = runbook.severity;
        self.tags = runbook.tags;
        self.owner = runbook.owner;
        self.scenario = runbook.scenario.map(|scenario| scenario.value.to_string());
        self.params = runbook.params;
    }

    /// What can be told from a file that has errors.
    fn guess(&mut self, root: &Node) {
        let text = |key: &str| Some(root.get(key)?.text()?.to_owned());
        self.title = text("title").unwrap_or_default();
        self.description = text("description");
        self.owner = text("owner");
        let tags = root.get("tags").and_then(Node::items).unwrap_or_default();
        self.tags = tags
            .iter()
            .filter_map(|tag| Some(tag.text()?.to_owned()))
            .collect();
    }

    fn score(&self, words: &[String]) -> u32 {
        let weights = words.iter().map(|word| self.weight(word));
        weights
            .filter(|weight| *weight > 0)
            .map(|weight| weight + weight::WORD)
            .sum()
    }

    /// How well one word, in lower case, finds this runbook.
    fn weight(&self, word: &str) -> u32 {
        let name = self.name.to_lowercase();
        let tags: Vec<String> = self.tags.iter().map(|tag| tag.to_lowercase()).collect();
        let holds = |text: &str| text.to_lowercase().contains(word);
        if name == word {
            weight::NAME
        } else if name.contains(word) {
            weight::NAME_PART
        } else if tags.iter().any(|tag| tag == word) {
            weight::TAG
        } else if holds(&self.title) {
            weight::TITLE
        } else if tags
            .iter()
            .any(|tag| tag.split('-').any(|part| part == word))
        {
            weight::TAG_PART
        } else if near(word, name.split('-').chain(tags.iter().map(String::as_str))) {
            weight::NEAR
        } else if self.scenario.as_deref().is_some_and(holds) {
            weight::SCENARIO
        } else if self.description.as_deref().is_some_and(holds) {
            weight::DESCRIPTION
        } else if self.tools.iter().any(|tool| is_of(word, tool)) {
            weight::TOOL
        } else {
            0
        }
    }
}

/// Whether a word names a tool, or is one of the words of its name; `tool` itself is of all of them.
fn is_of(word: &str, tool: &ToolName) -> bool {
    let name = tool.as_str().to_lowercase();
    let mut parts = name.split('_').filter(|part| *part != "tool");
    word.trim_start_matches('$') == name || parts.any(|part| part == word)
}

/// Whether a word was probably meant; short ones are near to everything.
fn near<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> bool {
    word.len() >= 4 && nearest(word, candidates.filter(|text| text.len() >= 4)).is_some()
}

/// A directory of runbooks that cannot be looked into.
fn unreadable(error: FileError) -> Entry {
    Entry {
        name: error.path.clone(),
        title: String::new(),
        description: None,
        severity: None,
        tags: Vec::new(),
        owner: None,
        scenario: None,
        tools: Vec::new(),
        params: IndexMap::new(),
        origin: Origin::Project(error.path.clone().into()),
        broken: Some(vec![error.diagnostic()].into()),
    }
}
