//! What there is, and the right one at 3 a.m.

use super::*;

#[test]
fn a_broken_file_is_listed_with_its_error() {
    let desk = Desk::new()
        .team(
            "runbooks/half.yaml",
            "name: half\ntitle: Half done\ntags: [a]\nstep: []\n",
        )
        .team("runbooks/no.yaml", "title: [")
        .team("runbooks/Odd_Name.yaml", "name: odd\n");
    let entries = desk.workspace().entries();
    let of = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap();
    assert_eq!(of("half").title, "Half done");
    assert_eq!(of("half").tags, ["a"]);
    for name in ["half", "no", "Odd_Name"] {
        assert!(of(name).broken.as_ref().unwrap().has_errors(), "{name}");
    }
    let shipped = of("db-failover");
    assert!(shipped.broken.is_none());
    assert_eq!(shipped.owner.as_deref(), Some("data-platform"));
    assert_eq!(shipped.scenario.as_deref(), Some("db-primary-down"));
    assert!(shipped.params.contains_key("cluster"));
}

#[test]
fn words_find_the_right_runbook() {
    let workspace = Desk::new().workspace();
    let first = |words: &str| {
        let found = workspace.search(&[words.to_owned()]);
        found.first().map(|entry| entry.name.clone())
    };
    assert_eq!(first("failover").as_deref(), Some("db-failover"));
    assert_eq!(first("Database Down").as_deref(), Some("db-failover"));
    assert_eq!(first("paymnet").as_deref(), Some("payment-failure"));
    assert_eq!(first("breach").as_deref(), Some("security-breach"));
    assert_eq!(first("rate limit").as_deref(), Some("api-rate-limit"));
    assert_eq!(first("postgres").as_deref(), Some("db-failover"));
    assert_eq!(first("postgres is down").as_deref(), Some("db-failover"));
    assert_eq!(first("we were hacked").as_deref(), Some("security-breach"));
    assert_eq!(first("card declined").as_deref(), Some("payment-failure"));
    assert_eq!(
        first("too many requests").as_deref(),
        Some("api-rate-limit")
    );
    assert_eq!(first("all-clear").as_deref(), Some("verify-recovery"));
    // By the scenario that it is rehearsed in, and by a tool of its steps.
    assert_eq!(first("db-primary-down").as_deref(), Some("db-failover"));
    assert_eq!(first("firewall").as_deref(), Some("security-breach"));
    assert_eq!(first("zzzzzz"), None);
    assert_eq!(first(""), None);
}
