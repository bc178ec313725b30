//! A scenario: a starting state, and what goes wrong when. Data that people edit.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::model::Duration;

use super::fault::Fault;

/// A starting state, and what goes wrong when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What is wrong, in one line. Shown after the run, not before: it would give the game away.
    pub title: String,
    /// What a person finds, and what helps.
    pub description: String,
    /// What differs from a quiet day.
    #[serde(default)]
    pub world: Setup,
    /// What goes wrong whatever the seed.
    #[serde(default)]
    pub faults: Vec<Event>,
    /// Of these exactly one happens: seed 1 takes the first, seed 2 the second, and so round.
    #[serde(default)]
    pub causes: Vec<Cause>,
}

/// One of several explanations for what a person sees.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// What is behind it, in one line.
    pub title: String,
    /// What goes wrong.
    pub faults: Vec<Event>,
}

/// What differs from a quiet day when the world begins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    /// Users' requests, 1 being a quiet day's.
    pub traffic: Option<f64>,
    /// Calls a second that the maps provider allows us.
    pub quota: Option<f64>,
    /// Instances of a service.
    pub replicas: IndexMap<String, u32>,
    /// Flags that are on or off.
    pub flags: IndexMap<String, bool>,
    /// Settings.
    pub settings: IndexMap<String, String>,
}

/// A fault and its moment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// So long before the run began…
    #[serde(default)]
    pub ago: Option<Duration>,
    /// … or so long after.
    #[serde(default)]
    pub at: Option<Duration>,
    /// What happens.
    pub fault: Fault,
}

/// When something happens, against the beginning of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long before it.
    Before(Duration),
    /// So long after it.
    After(Duration),
}

/// A scenario that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// What is wrong.
    pub message: String,
    /// Line, from 1, where that is known.
    pub line: Option<u64>,
    /// Column, from 1, where that is known.
    pub column: Option<u64>,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScenarioError {}

impl Event {
    /// When it happens; the beginning of the run where the file does not say.
    pub fn moment(&self) -> Moment {
        match (self.ago, self.at) {
            (Some(ago), _) => Moment::Before(ago),
            (None, at) => Moment::After(at.unwrap_or_default()),
        }
    }
}

impl Scenario {
    /// Reads a scenario from YAML.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location();
            let plain = error.without_snippet().to_string();
            ScenarioError {
                // The location is shown once, in front, and not again in the parser's own words.
                message: plain.lines().next().unwrap_or_default().to_owned(),
                line: at.map(|at| at.line()),
                column: at.map(|at| at.column()),
            }
        })?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The cause that a seed chooses, where there are several.
    pub fn cause(&self, seed: u64) -> Option<&Cause> {
        let count = u64::try_from(self.causes.len()).ok()?;
        let index = seed.saturating_sub(1).checked_rem(count)?;
        self.causes.get(usize::try_from(index).ok()?)
    }

    /// All that happens with this seed.
    pub fn events(&self, seed: u64) -> impl Iterator<Item = &Event> {
        let cause = self.cause(seed).map(|cause| cause.faults.as_slice());
        self.faults.iter().chain(cause.unwrap_or_default())
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let all = self
            .faults
            .iter()
            .chain(self.causes.iter().flat_map(|cause| &cause.faults));
        let wrong = |message: String| ScenarioError {
            message,
            line: None,
            column: None,
        };
        for event in all {
            if event.ago.is_some() && event.at.is_some() {
                return Err(wrong(format!(
                    "an event has either `ago` or `at`, not both: {:?}",
                    event.fault
                )));
            }
            if event.ago > Some(Duration::from_secs(2 * 3600)) {
                return Err(wrong("`ago` can be at most 2h".to_owned()));
            }
            event.fault.check().map_err(wrong)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
title: A
description: B
faults:
  - { ago: 4m, fault: { host_gone: { node: db-1 } } }
causes:
  - { title: one, faults: [ { at: 1m, fault: { traffic: { factor: 2.5 } } } ] }
  - { title: two, faults: [ { fault: { quota: { rps: 60 } } } ] }
";

    #[test]
    fn seeds_take_the_causes_in_turn() {
        let scenario = Scenario::read(SMALL).unwrap();
        let title = |seed| scenario.cause(seed).unwrap().title.as_str();
        assert_eq!(
            [title(1), title(2), title(3), title(0)],
            ["one", "two", "one", "one"]
        );
        let moments: Vec<_> = scenario.events(1).map(Event::moment).collect();
        assert_eq!(
            moments,
            [
                Moment::Before(Duration::from_secs(240)),
                Moment::After(Duration::from_secs(60))
            ]
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = Scenario::read("title: A\ndescription: B\nfalts: []\n").unwrap_err();
        assert_eq!(error.line, Some(3), "{error}");
        assert!(error.to_string().contains("falts"), "{error}");
        let text = SMALL.replace("db-1", "db-9");
        let error = Scenario::read(&text).unwrap_err();
        assert!(error.to_string().contains("db-9"), "{error}");
        let text = SMALL.replace("{ ago: 4m, ", "{ ago: 4m, at: 2s, ");
        assert!(Scenario::read(&text).is_err());
    }
}
