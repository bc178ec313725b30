//! Threat 23, and files that are none.

use super::*;
use crate::workspace::{FileProblem, WorkspaceError};

fn refused(workspace: &Workspace, name: &str) -> FileProblem {
    match workspace.runbook(name).unwrap_err() {
        WorkspaceError::File(error) => {
            assert!(error.to_string().contains(&error.path));
            error.why
        }
        other => panic!("{other}"),
    }
}

#[test]
fn threat_23_a_link_that_leads_out_is_refused() {
    let desk = Desk::new()
        .write("outside/secret.yaml", &runbook("secret", MANUAL))
        .write("outside/db-failover.yaml", &runbook("db-failover", MANUAL))
        .link("team/runbooks/secret.yaml", "../../outside/secret.yaml")
        .link("team/runbooks/inner.yaml", "real/inner.yaml")
        .team("runbooks/real/inner.yaml", &runbook("inner", MANUAL))
        .link("team/runbooks/nothing.yaml", "nowhere.yaml");
    let workspace = desk.workspace();
    let why = refused(&workspace, "secret");
    assert!(matches!(why, FileProblem::LeadsOut { .. }), "{why}");
    assert_eq!(refused(&workspace, "nothing"), FileProblem::LeadsNowhere);
    assert!(
        workspace.runbook("inner").is_ok(),
        "a link inside is followed"
    );
    assert!(
        workspace.runbook("./runbooks/secret.yaml").is_ok(),
        "a path is the person's own word"
    );
}

#[test]
fn threat_23_a_directory_that_leads_out_is_refused_and_not_passed_over() {
    let outside = "tool: DATABASE_TOOL\ntitle: x\nactions: { status: { effect: read } }\n";
    let desk = Desk::new()
        .write("outside/contract.yaml", outside)
        .link("team/runbooks", "../outside")
        .link("team/adapters/database-tool", "../../outside");
    let workspace = desk.workspace();
    // The built-in one must not answer as if the link were not there.
    let why = refused(&workspace, "db-failover");
    assert!(matches!(why, FileProblem::LeadsOut { .. }), "{why}");
    let broken: Vec<_> = workspace
        .entries()
        .into_iter()
        .filter(|entry| entry.broken.is_some())
        .collect();
    assert_eq!(broken.len(), 1, "the directory is said");
    let (contracts, found) = workspace.contracts();
    assert!(!contracts.contains_key("DATABASE_TOOL"));
    assert!(found.render(false, 100).contains("a link leads out of"));
}

#[test]
fn threat_23_an_include_through_a_link_is_a_finding() {
    let desk = Desk::new()
        .write("outside/two.yaml", &runbook("two", MANUAL))
        .link("team/runbooks/two.yaml", "../../outside/two.yaml")
        .team("runbooks/one.yaml", &runbook("one", "  - runbook: two\n"));
    let loaded = desk.workspace().load_with_includes("one").unwrap();
    assert_eq!(loaded.runbooks.len(), 1);
    let said = loaded.diagnostics.render(false, 100);
    assert!(said.contains("runbooks/two.yaml"), "{said}");
    assert!(said.contains("a link leads out of"), "{said}");
}

#[test]
fn a_team_that_is_reached_through_a_link_is_a_team() {
    let desk = Desk::new()
        .team("runbooks/one.yaml", &runbook("one", MANUAL))
        .link("shortcut", "team");
    assert!(desk.seen_from("shortcut").runbook("one").is_ok());
}

#[test]
fn what_is_no_readable_file_is_said() {
    let desk = Desk::new().team("runbooks/x.yaml", "");
    fs::create_dir(desk.path("team/runbooks/folder.yaml")).unwrap();
    let pipe = desk.path("team/runbooks/pipe.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let big = fs::File::create(desk.path("team/runbooks/big.yaml")).unwrap();
    big.set_len(10 << 20).unwrap();
    let workspace = desk.workspace();
    assert_eq!(refused(&workspace, "folder"), FileProblem::IsDirectory);
    assert_eq!(refused(&workspace, "pipe"), FileProblem::NotAFile);
    assert_eq!(
        refused(&workspace, "big"),
        FileProblem::TooLarge { bytes: 10 << 20 }
    );
    fs::write(desk.path("team/runbooks/x.yaml"), b"name: \xff").unwrap();
    let (read, found) = workspace.runbook("x").unwrap();
    assert!(read.is_none());
    assert!(found.render(false, 100).contains("not UTF-8"));
}
