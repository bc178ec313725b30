//! What `runbook.yaml` says.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::approval::Principal;
use crate::model::ids::{AdapterName, EnvironmentName, GroupName, Name, ToolRef};
use crate::model::{Effect, Severity, Value};
use crate::spec::source::{Source, Span, Spanned};

/// The environments of a team.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environments {
    /// Where a run acts that does not say where. It is defined, or it is `sandbox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_environment: Option<EnvironmentName>,
    /// The environments, in the order of the file.
    #[serde(default)]
    pub environments: IndexMap<EnvironmentName, Environment>,
    /// The file; empty where this was read back from a plan, or where there is none.
    #[serde(skip)]
    pub source: Arc<Source>,
}

/// What stands behind each tool, and who may decide what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environment {
    /// What answers for each tool; the place is that of the whole binding.
    #[serde(default)]
    pub tools: IndexMap<ToolRef, Spanned<ToolBinding>>,
    /// What needs a person.
    #[serde(default)]
    pub policy: Policy,
    /// Where in the file the policy says what is held against more than the file.
    #[serde(skip)]
    pub places: PolicyPlaces,
    /// Where it is written.
    #[serde(skip)]
    pub span: Span,
}

/// Where a policy says what only others can tell right from wrong; empty where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlaces {
    /// The path of the signers' file.
    pub signers: Span,
    /// The path of the revoked keys.
    pub revoked: Span,
    /// The groups.
    pub approvers: Span,
}

/// What answers for a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolBinding {
    /// An adapter; `sandbox` is the simulated production.
    Adapter {
        /// Which one.
        adapter: Spanned<AdapterName>,
        /// Its settings. Scalars are texts as they are written until the adapter's types read them:
        /// see [`crate::spec::Adapter::settle`].
        #[serde(default)]
        with: IndexMap<Name, Spanned<Value>>,
    },
    /// The team's own command, which takes the call's words as they stand.
    Command {
        /// The program and the words before those of the call.
        argv: Vec<String>,
    },
    /// A person.
    Manual,
}

/// What needs a person. The default is strict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether `--yes` and `--answers` may stand in for a person.
    #[serde(default)]
    pub unattended: Unattended,
    /// What each effect needs before it acts.
    #[serde(default)]
    pub gates: Gates,
    /// Severities at which a step may act before its approvals are there; they are owed within 24
    /// hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_the_fact: Vec<Severity>,
    /// Who is in which group.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub approvers: IndexMap<GroupName, Vec<Principal>>,
    /// Whose signatures count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers: Option<Signers>,
    /// Who may go on without approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// Where adapters that speak HTTP may go.
    #[serde(default, skip_serializing_if = "Hosts::is_open")]
    pub hosts: Hosts,
}

impl Policy {
    /// Who is in any of these groups, as the policy writes them; nobody is named twice.
    pub fn people(&self, groups: &[GroupName]) -> Vec<Principal> {
        let mut people: Vec<Principal> = Vec::new();
        for principal in groups
            .iter()
            .filter_map(|group| self.approvers.get(group))
            .flatten()
        {
            if !people.contains(principal) {
                people.push(principal.clone());
            }
        }
        people
    }
}

/// How many different people these are at least: who may be one human counts once.
pub fn humans<'a>(people: impl IntoIterator<Item = &'a Principal>) -> usize {
    let mut seen: Vec<&Principal> = Vec::new();
    for principal in people {
        if !seen.iter().any(|other| other.is_same_person(principal)) {
            seen.push(principal);
        }
    }
    seen.len()
}

/// Whose signatures count: OpenSSH's `allowed_signers` (ssh-keygen(1)), frozen when the run opens.
/// A key counts only while it stands in the frozen file *and* in the file as it is now: one that is
/// added later does not count, nor one that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signers {
    /// The file, relative to `runbook.yaml` or absolute.
    pub path: String,
    /// What it held when the run was bound; empty before that.
    #[serde(default)]
    pub text: String,
    /// A file of keys, or a key revocation list, that do not count any more; looked at as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

/// Who may go on without approvals, where nobody who could approve can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// The group that may.
    pub group: GroupName,
    /// The channel that is told, by `$CHAT_TOOL post`; nobody where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<String>,
}

/// Where adapters that speak HTTP may go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosts {
    /// Names of hosts; `*.example.org` stands for all below it. Any where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Whether addresses of private networks are refused.
    #[serde(default)]
    pub deny_private: bool,
}

impl Hosts {
    /// Whether any host may be asked.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a run may go on without a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unattended {
    /// It may not.
    #[default]
    Deny,
    /// It may.
    Allow,
}

/// What a step needs before it acts, by its effect. A runbook can ask for more, never for less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// For what can be undone or repeated.
    pub change: GateNeeds,
    /// For what can lose data or service.
    pub destructive: GateNeeds,
}

/// What an effect needs: something of the operator, and perhaps something of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateNeeds {
    /// What the operator must do.
    pub rule: GateRule,
    /// How many others must approve, and of which groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<PolicyApprovals>,
}

/// What a policy asks of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyApprovals {
    /// How many; at least 1.
    pub count: u32,
    /// Of which groups; anybody else than the operator where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<GroupName>,
}

impl From<GateRule> for GateNeeds {
    fn from(rule: GateRule) -> Self {
        Self {
            rule,
            approvals: None,
        }
    }
}

/// What a person must do before a step may act, from nothing to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateRule {
    /// Nothing.
    None,
    /// Say yes.
    Confirm,
    /// Type the target's name.
    Challenge,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            change: GateRule::Confirm.into(),
            destructive: GateRule::Challenge.into(),
        }
    }
}

impl Gates {
    /// What a step of this effect needs. What only reads needs nothing.
    pub fn of(&self, effect: Effect) -> GateNeeds {
        match effect {
            Effect::Read => GateRule::None.into(),
            Effect::Change => self.change.clone(),
            Effect::Destructive => self.destructive.clone(),
        }
    }
}
