//! Names are looked up from the nearest place outward.

use super::*;
use crate::workspace::{Origin, WorkspaceError};

fn title(workspace: &Workspace, name: &str) -> String {
    let (read, found) = workspace.runbook(name).unwrap();
    assert!(found.is_empty(), "{}", found.render(false, 100));
    read.unwrap().1.title
}

#[test]
fn the_nearest_file_hides_those_further_out() {
    let own = |title: &str| format!("name: db-failover\ntitle: {title}\nsteps:\n{MANUAL}");
    let desk = Desk::new();
    assert_eq!(
        title(&desk.workspace(), "db-failover"),
        "Production database down",
        "the built-in one"
    );
    let desk = desk.user("runbooks/db-failover.yaml", &own("Mine"));
    assert_eq!(title(&desk.workspace(), "db-failover"), "Mine");
    let desk = desk.team("runbooks/db-failover.yaml", &own("Ours"));
    assert_eq!(title(&desk.workspace(), "db-failover"), "Ours");
    assert_eq!(
        title(&desk.seen_from("team/deep/down"), "db-failover"),
        "Ours"
    );
    assert_eq!(title(&desk.seen_from("home"), "db-failover"), "Mine");
}

#[test]
fn one_name_is_listed_once_with_where_it_comes_from() {
    let desk = Desk::new()
        .team("runbooks/db-failover.yaml", &runbook("db-failover", MANUAL))
        .user("runbooks/db-failover.yaml", &runbook("db-failover", MANUAL))
        .user("runbooks/own.yaml", &runbook("own", MANUAL))
        .team("runbooks/.hidden.yaml", "")
        .team("runbooks/messages/note.md", "");
    let names = desk.workspace().runbook_names();
    let of = |name: &str| {
        let mut of = names.iter().filter(|(found, _)| found.as_str() == name);
        let origin = of.next().unwrap().1.clone();
        assert!(of.next().is_none(), "{name} is there twice");
        origin
    };
    assert_eq!(
        of("db-failover"),
        Origin::Project(desk.path("team/runbooks/db-failover.yaml"))
    );
    assert_eq!(of("own").word(), "user");
    assert_eq!(of("payment-failure"), Origin::Embedded);
    assert!(names.is_sorted());
}

#[test]
fn the_nearest_directory_with_any_mark_is_the_teams() {
    let desk = Desk::new()
        .team("runbooks/far.yaml", &runbook("far", MANUAL))
        .team("deep/runbook.yaml", "environments: {}\n");
    assert!(desk.seen_from("team/deep/down").runbook("far").is_err());
    assert!(desk.workspace().runbook("far").is_ok());
    let (environments, _) = desk.seen_from("team/deep/down").environments();
    assert_eq!(
        environments.unwrap().source.name,
        desk.path("team/deep/runbook.yaml").to_str().unwrap()
    );
    assert!(desk.workspace().environments().0.is_none());
}

#[test]
fn a_directory_that_anybody_may_write_to_is_nobodys_team() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new().team("runbooks/planted.yaml", &runbook("planted", MANUAL));
    let shared = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(desk.path("team"), shared).unwrap();
    assert!(desk.seen_from("team/deep").runbook("planted").is_err());
    assert!(
        desk.workspace().runbook("planted").is_ok(),
        "who works there means it"
    );
}

#[test]
fn a_path_is_read_as_it_is_named() {
    let desk = Desk::new().team("elsewhere/mine.yaml", &runbook("mine", MANUAL));
    let workspace = desk.workspace();
    assert_eq!(title(&workspace, "./elsewhere/mine.yaml"), "About mine");
    let absolute = desk.path("team/elsewhere/mine.yaml");
    assert_eq!(title(&workspace, absolute.to_str().unwrap()), "About mine");
    assert_eq!(
        title(&desk.seen_from("team/elsewhere"), "mine.yaml"),
        "About mine"
    );
    let missing = workspace.runbook("./mine.yaml").unwrap_err();
    assert!(
        matches!(missing, WorkspaceError::NoSuchFile(_)),
        "{missing}"
    );
    let desk = desk.team("Not_A_Name.yaml", "");
    let odd = desk.workspace().runbook("Not_A_Name.yaml").unwrap_err();
    assert!(matches!(odd, WorkspaceError::WrongName { .. }), "{odd}");
}

#[test]
fn an_unknown_name_has_its_nearest() {
    let desk = Desk::new().team("runbooks/mine.yml", "");
    let error = desk.workspace().runbook("db-failovr").unwrap_err();
    assert_eq!(error.to_string(), "there is no runbook `db-failovr`");
    let hints = error.hints();
    assert_eq!(hints[0], "did you mean `db-failover`?");
    assert!(hints[1].contains("payment-failure"), "{hints:?}");
    let error = desk.workspace().runbook("mine").unwrap_err();
    assert!(
        error
            .hints()
            .iter()
            .any(|hint| hint.contains("rename mine.yml"))
    );
    assert!(desk.workspace().runbook("../etc\x1b[2J").is_err());
    let scenario = desk.workspace().scenario_text(&"clam".parse().unwrap());
    assert_eq!(scenario.unwrap_err().hints()[0], "did you mean `calm`?");
}

#[test]
fn only_what_is_needed_is_read() {
    let steps = "  - runbook: two\n  - call: $CHAT_TOOL post --channel x hello\n";
    let two = "  - runbook: verify-recovery\n  - call: $PAGER page --who ana hello\n";
    let desk = Desk::new()
        .team("runbooks/one.yaml", &runbook("one", steps))
        .team("runbooks/two.yaml", &runbook("two", two))
        .team("runbooks/broken.yaml", "name: [")
        .team("adapters/database-tool/contract.yaml", "tool: [");
    let loaded = desk.workspace().load_with_includes("one").unwrap();
    assert!(
        !loaded.diagnostics.has_errors(),
        "{}",
        loaded.diagnostics.render(false, 100)
    );
    assert_eq!(loaded.text().unwrap(), runbook("one", steps));
    let names: Vec<&str> = loaded.runbooks.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["one", "two", "verify-recovery"]);
    let tools: Vec<&str> = loaded.contracts.keys().map(|tool| tool.as_str()).collect();
    assert_eq!(
        tools,
        ["CHAT_TOOL", "PAGER", "HEALTH_CHECK", "METRICS_TOOL"]
    );
}

#[test]
fn what_is_missing_is_said_where_it_is_named() {
    let steps = "  - runbook: verify-recovry\n  - call: $DATABASE_TOL status\n";
    let desk = Desk::new().team("runbooks/one.yaml", &runbook("one", steps));
    let loaded = desk.workspace().load_with_includes("one").unwrap();
    let found = loaded.diagnostics.render(false, 100);
    assert!(found.contains("runbooks/one.yaml:4"), "{found}");
    assert!(found.contains("did you mean `verify-recovery`?"), "{found}");
    assert!(found.contains("did you mean `DATABASE_TOOL`?"), "{found}");
    let circle = desk.team("runbooks/two.yaml", &runbook("two", "  - runbook: two\n"));
    let loaded = circle.workspace().load_with_includes("two").unwrap();
    assert_eq!(loaded.runbooks.len(), 1, "a circle is read once");
}

#[test]
fn a_teams_contract_and_adapters_are_found_beside_the_built_in_ones() {
    let contract = "tool: OUR_TOOL\ntitle: Ours\nactions: { look: { effect: read } }\n";
    let adapter =
        "adapter: web\nimplements: OUR_TOOL\ntitle: Web\nactions: { look: { command: [curl] } }\n";
    let desk = Desk::new()
        .team("adapters/our-tool/contract.yaml", contract)
        .user("adapters/our-tool/web.yaml", adapter)
        .user("adapters/our-tool/other.yaml", adapter)
        .team("adapters/misplaced/contract.yaml", contract);
    let workspace = desk.workspace();
    let (contracts, found) = workspace.contracts();
    assert!(contracts.contains_key("DATABASE_TOOL") && contracts.contains_key("OUR_TOOL"));
    let said = found.render(false, 100);
    assert!(said.contains("move it to adapters/our-tool/"), "{said}");
    let (adapters, found) = workspace.adapters(&contracts["OUR_TOOL"]);
    assert_eq!(adapters.len(), 1);
    assert_eq!(adapters[0].0.word(), "user");
    let said = found.render(false, 100);
    assert!(said.contains("this adapter is called `web`"), "{said}");
}
