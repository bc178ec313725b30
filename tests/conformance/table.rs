//! `docs/tools.md`: what there is, from the manifests, and how it was tested, from the cases.

use std::fmt::Write;
use std::path::Path;

use runbook::spec::contract::Action;
use runbook::spec::{Adapter, Contract};
use runbook::workspace::{Surroundings, Workspace};

use super::case::{self, CaseFile, OneOrMore, Tested};
use super::play::Shipped;

const HEAD: &str = "\
# Tools and their adapters

Which tools there are, what they can do, and which adapters answer for them. How an adapter is chosen is told in
[adapters.md](adapters.md), and `runbook tools` says what answers here and now. This page is made of the manifests and of
the cases in `tests/conformance/`; a test holds it.

- Below each **adapter** stands how it does an action, by the key of its manifest (`command`, `http`); `—` where it does
  not. *preview* marks what can show beforehand what it would do.
- **verify**: an action whose outcome got lost can be asked for afterwards.
- **undo**: the action that takes it back by itself; *no* where it is irreversible.
- **tested**: `lab` calls each action on the real component, in [the lab](lab.md), or on what somebody else wrote to stand
  for it, which the last column names then; `fake` is held against what its vendor documents.

A tool without an adapter of its own is bound to a command, to a person (`manual`), or to [an adapter that you
write](adapters.md). In the sandbox all of them are simulated.
";

/// The whole page.
pub fn page(root: &Path, shipped: &[Shipped]) -> String {
    let workspace = Workspace::open(&Surroundings {
        cwd: root.to_owned(),
        home: None,
        config_dir: None,
        state_dir: None,
        vars: Default::default(),
    });
    let (contracts, found) = workspace.contracts();
    assert!(!found.has_errors(), "{}", found.render(false, 100));
    let mut page = HEAD.to_owned();
    for (tool, contract) in &contracts {
        let dir = tool.as_str().to_lowercase().replace('_', "-");
        let mut adapters = Vec::new();
        for shipped in shipped.iter().filter(|shipped| shipped.tool == dir) {
            let read = workspace.adapter(contract, &shipped.adapter.parse().unwrap());
            let adapter = read.unwrap_or_else(|found| panic!("{}", found.render(false, 100)));
            adapters.push((adapter.unwrap(), cases(shipped)));
        }
        section(&mut page, contract, &adapters);
    }
    page
}

/// The cases of an adapter, where they can be read: another test says what is wrong with them.
fn cases(shipped: &Shipped) -> Option<CaseFile> {
    let text = std::fs::read_to_string(&shipped.cases).ok()?;
    let known = case::NAMES.map(|name| (name, String::new()));
    case::read("", &text, &known).ok()
}

fn section(page: &mut String, contract: &Contract, adapters: &[(Adapter, Option<CaseFile>)]) {
    let _ = writeln!(page, "\n## `${}`: {}\n", contract.tool, contract.title);
    let names = adapters.iter().map(|(adapter, _)| adapter.adapter.as_str());
    row(
        page,
        ["action", "effect", "verify", "undo"]
            .into_iter()
            .chain(names),
    );
    row(page, std::iter::repeat_n("---", 4 + adapters.len()));
    for (name, action) in &contract.actions {
        let first = [
            format!("`{name}`"),
            action.effect.to_string(),
            if action.verify.is_some() { "yes" } else { "" }.to_owned(),
            undo(action),
        ];
        let kinds = adapters
            .iter()
            .map(|(adapter, _)| match adapter.actions.get(name) {
                None => "—".to_owned(),
                Some(does) if does.has_preview() => format!("{}, *preview*", does.kind()),
                Some(does) => does.kind().to_owned(),
            });
        row(page, first.into_iter().chain(kinds));
    }
    if adapters.is_empty() {
        return;
    }
    page.push('\n');
    row(
        page,
        [
            "adapter",
            "what it is",
            "needs",
            "tested",
            "not held against the real thing",
        ],
    );
    row(page, ["---"; 5]);
    for (adapter, cases) in adapters {
        let tested = match cases.as_ref().map(|cases| cases.tested) {
            Some(Tested::Lab) => "lab",
            Some(Tested::Fake) => "fake",
            None => "no",
        };
        let needs: Vec<String> = adapter
            .requires
            .commands
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let unverified = cases.as_ref().and_then(|cases| cases.unverified.as_ref());
        let unverified = unverified
            .map(OneOrMore::list)
            .unwrap_or_default()
            .join("; ");
        let name = format!("`{}`", adapter.adapter);
        let cells = [
            name,
            adapter.title.clone(),
            needs.join(", "),
            tested.to_owned(),
            unverified,
        ];
        row(page, cells);
    }
}

fn undo(action: &Action) -> String {
    match &action.undo {
        Some(undo) => format!("`{}`", *undo.action),
        None if action.irreversible => "no".to_owned(),
        None => String::new(),
    }
}

fn row(page: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    page.push('|');
    for cell in cells {
        // A bar or a line's end would begin another cell.
        let cell = cell.as_ref().replace('|', "\\|").replace('\n', " ");
        let _ = write!(page, " {} |", cell.trim());
    }
    page.push('\n');
}
